"""Rule train_checkpoint: the study's images to the state of a training after some epochs."""

from pathlib import Path

from actsense.data.cache import ImageCache
from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.networks.training import Training, train_checkpoint

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    training = Training(
        settings=snakemake.params.settings,
        cache=ImageCache.open(snakemake.input.images, snakemake.input.manifest),
        seed=snakemake.params.seed,
        precision=snakemake.params.precision,
        device=use_device(snakemake.params.device),
    )
    train_checkpoint(
        training,
        Path(snakemake.output.checkpoint),
        epoch=int(snakemake.wildcards.epoch),
        earlier=[*map(Path, snakemake.input.checkpoints)],
    )
