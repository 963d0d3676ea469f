"""Rule merge_moments: the moments of a replicate's shards to those of the replicate."""

from pathlib import Path

from actsense.run import logged
from actsense.sensitivity.moments_file import merge_shards, write_moments

with logged(snakemake.log[0]):
    paths = [Path(path) for path in snakemake.input.shards]
    moments, identity = merge_shards(paths, blocks=snakemake.params.blocks)
    write_moments(Path(snakemake.output.moments), moments, identity=identity)
