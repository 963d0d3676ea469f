"""Rule merge_moments: the moments of a replicate's parts to those of the replicate."""

from pathlib import Path

from actsense.job.log import logged
from actsense.sensitivity.moments_file import merge_shards, write_moments

with logged(snakemake.log[0]):
    paths = [Path(path) for path in snakemake.input.parts]
    merged = merge_shards(paths, blocks=snakemake.params.blocks)
    write_moments(Path(snakemake.output.moments), [merged])
