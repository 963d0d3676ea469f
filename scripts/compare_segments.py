"""Rule compare_segments: indices of segments and of the network in place to their comparison."""

from pathlib import Path

from actsense.job.files import paths
from actsense.job.log import logged
from actsense.segments.patterns import compare_segments
from actsense.store import write_tables

with logged(snakemake.log[0]):
    tables = compare_segments(
        Path(snakemake.input.segments),
        Path(snakemake.input.indices),
        Path(snakemake.input.units),
        bootstrap=snakemake.params.bootstrap,
        seed=snakemake.params.seed,
    )
    write_tables(tables, paths(snakemake.output))
