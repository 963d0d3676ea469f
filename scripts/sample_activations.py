"""Rule sample_activations: one shard of evaluations to activations on disk."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.sampling.blocks import write_shard
from actsense.sampling.opening import open_sampling
from actsense.sampling.sharding import Shard
from actsense.store import allowance, reserve

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    sampling = open_sampling(
        snakemake.input,
        snakemake.params.sampling,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
        memory_gb=snakemake.config["memory_gb"],
    )
    shard, path = Shard.between(**snakemake.params.shard), Path(snakemake.output.shard)
    with reserve(path, snakemake.resources.store_mb * 10**6, allowance(snakemake.config)):
        write_shard(sampling, shard, path)
