"""Rule download_weights: published weights to a checked file and its model card."""

from pathlib import Path

from actsense.job.log import logged
from actsense.networks.weights import download_weights

with logged(snakemake.log[0]):
    download_weights(
        snakemake.params.settings,
        Path(snakemake.output.weights),
        Path(snakemake.output.card),
        image_size=snakemake.params.image_size,
    )
