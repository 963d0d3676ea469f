"""Rule train_checkpoint: the study's images to the state of a training after some epochs."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.networks.training import Training, train_checkpoint

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    device = use_device(snakemake.params.device)
    training = Training.opened(snakemake.params, snakemake.input, device)
    train_checkpoint(
        training,
        Path(snakemake.output.checkpoint),
        epoch=int(snakemake.wildcards.epoch),
        earlier=[*map(Path, snakemake.input.checkpoints)],
    )
