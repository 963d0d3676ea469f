"""Rule estimate_indices: the moments of all replicates to indices and tables."""

from pathlib import Path

from actsense.job.files import origin, paths
from actsense.job.log import logged
from actsense.sensitivity.estimation import index_tables, write_indices
from actsense.store import write_tables

with logged(snakemake.log[0]):
    attributes = origin(snakemake.params, snakemake.input)
    moments = [Path(path) for path in snakemake.input.moments]
    summary = write_indices(moments, Path(snakemake.output.indices), attributes)
    write_tables(index_tables(summary), paths(snakemake.output))
