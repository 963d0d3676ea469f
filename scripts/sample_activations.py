"""Rule sample_activations: one shard of evaluations to activations on disk."""

from pathlib import Path

from actsense.run import logged, set_threads, use_device
from actsense.sampling.shards import open_sampling, write_shard

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    sampling = open_sampling(
        snakemake.input,
        snakemake.params.sampling,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
    )
    write_shard(
        sampling,
        int(snakemake.wildcards.replicate),
        range(*snakemake.params.blocks),
        Path(snakemake.output.shard),
    )
