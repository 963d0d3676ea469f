"""Rules stream_moments and stream_part: one shard of evaluations to moments."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.sampling.opening import open_sampling
from actsense.sampling.sharding import Shard
from actsense.sensitivity.moments_file import write_moments
from actsense.sensitivity.summing import stream_shard

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    settings, shard = dict(snakemake.params.sampling), Shard.between(**snakemake.params.shard)
    sampling = open_sampling(
        snakemake.input,
        settings,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
        memory_gb=snakemake.config["memory_gb"],
    )
    write_moments(Path(snakemake.output.moments), stream_shard(sampling, shard, settings))
