"""Rule train_network: the study's images to a trained network and its model card."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.networks.training import Training, train_network

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    device = use_device(snakemake.params.device)
    training = Training.opened(snakemake.params, snakemake.input, device)
    train_network(
        training,
        Path(snakemake.output.weights),
        Path(snakemake.output.card),
        checkpoints=[*map(Path, snakemake.input.checkpoints)],
    )
