"""Rule train_network: the study's images to a trained network and its model card."""

from pathlib import Path

from actsense.data.cache import ImageCache
from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.networks.training import Training, train_network

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    training = Training(
        settings=snakemake.params.settings,
        cache=ImageCache.open(snakemake.input.images, snakemake.input.manifest),
        seed=snakemake.params.seed,
        precision=snakemake.params.precision,
        device=use_device(snakemake.params.device),
    )
    train_network(
        training,
        Path(snakemake.output.weights),
        Path(snakemake.output.card),
        checkpoints=[*map(Path, snakemake.input.checkpoints)],
    )
