"""Rule accumulate: one shard of stored activations to moments."""

from pathlib import Path

from actsense.run import logged, set_threads
from actsense.sampling.shards import build_design
from actsense.sensitivity.moments_file import write_moments
from actsense.sensitivity.shards import accumulate_shard

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    settings = dict(snakemake.params.sampling)
    design = build_design(*settings["design"], size=settings["size"], seed=settings["seed"])
    replicate, blocks = int(snakemake.wildcards.replicate), snakemake.params.blocks
    moments, layers = accumulate_shard(
        design, replicate, range(*blocks), Path(snakemake.input.shard)
    )
    identity = settings | {"replicate": replicate, "blocks": blocks, "layers": layers}
    write_moments(Path(snakemake.output.moments), moments, identity=identity)
