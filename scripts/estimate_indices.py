"""Rule estimate_indices: the moments of all replicates to indices and tables."""

from pathlib import Path

from actsense.job.log import logged
from actsense.sensitivity.estimation import estimate_results, index_tables
from actsense.store import file_hash, provenance, write_results, write_tables

with logged(snakemake.log[0]):
    results = estimate_results([Path(path) for path in snakemake.input.moments])
    attributes = provenance(
        configuration=dict(snakemake.params.study),
        weights_sha256=file_hash(Path(snakemake.input.weights)),
        dataset_sha256=file_hash(Path(snakemake.input.manifest)),
        **results.facts(),
    )
    write_tables(index_tables(results), dict(snakemake.output.items()))
    write_results(Path(snakemake.output.indices), results.groups(), attributes=attributes)
