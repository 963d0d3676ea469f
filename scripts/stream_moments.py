"""Rule stream_moments: one shard of evaluations to moments."""

from pathlib import Path

from actsense.run import logged, set_threads, use_device
from actsense.sampling.shards import open_sampling
from actsense.sensitivity.moments_file import write_moments
from actsense.sensitivity.shards import stream_shard

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    sampling = open_sampling(
        snakemake.input,
        snakemake.params.sampling,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
    )
    replicate, blocks = int(snakemake.wildcards.replicate), snakemake.params.blocks
    moments, layers = stream_shard(sampling, replicate, range(*blocks))
    identity = dict(snakemake.params.sampling) | {"replicate": replicate, "blocks": blocks}
    write_moments(Path(snakemake.output.moments), moments, identity=identity | {"layers": layers})
