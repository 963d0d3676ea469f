"""Rule download_weights: published weights to a checked file and its model card."""

from pathlib import Path

from actsense.models import download_weights
from actsense.run import logged

with logged(snakemake.log[0]):
    download_weights(
        snakemake.params.settings, Path(snakemake.output.weights), Path(snakemake.output.card)
    )
