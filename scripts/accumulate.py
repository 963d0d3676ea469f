"""Rules accumulate and accumulate_part: one shard of stored activations to moments."""

from pathlib import Path

from actsense.device.choice import set_threads
from actsense.job.log import logged
from actsense.sampling.plan import build_design
from actsense.sampling.settings import DesignSettings
from actsense.sampling.sharding import Shard
from actsense.sensitivity.moments_file import write_moments
from actsense.sensitivity.summing import accumulate_shard

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    settings, shard = dict(snakemake.params.sampling), Shard.between(**snakemake.params.shard)
    name, plain = settings["design"]
    design = build_design(name, DesignSettings(**plain), seed=settings["seed"])
    states = accumulate_shard(design, shard, Path(snakemake.input.shard), settings)
    write_moments(Path(snakemake.output.moments), states)
