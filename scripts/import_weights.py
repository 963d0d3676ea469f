"""Rule import_weights: a file, a module of the user's or a seed to weights and a model card."""

from pathlib import Path

from actsense.job.log import logged
from actsense.networks.weights import import_weights

with logged(snakemake.log[0]):
    import_weights(
        snakemake.params.settings,
        snakemake.params.seed,
        snakemake.params.classes,
        Path(snakemake.output.weights),
        Path(snakemake.output.card),
        image_size=snakemake.params.image_size,
    )
