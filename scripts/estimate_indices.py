"""Rule estimate_indices: the moments of all replicates to indices and tables."""

from pathlib import Path

from actsense.job.files import origin, paths
from actsense.job.log import logged
from actsense.sensitivity.estimation import estimate_results, index_tables
from actsense.store import write_results, write_tables

with logged(snakemake.log[0]):
    results = estimate_results([Path(path) for path in snakemake.input.moments])
    attributes = origin(snakemake.params, snakemake.input, **results.facts())
    write_tables(index_tables(results), paths(snakemake.output))
    write_results(Path(snakemake.output.indices), results.groups(), attributes=attributes)
