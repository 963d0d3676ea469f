"""Rule cache_images: photographs to the image cache and its manifest."""

from pathlib import Path

from actsense.data import build_cache
from actsense.job.log import logged

with logged(snakemake.log[0]):
    build_cache(
        snakemake.params.settings,
        snakemake.params.seed,
        Path(snakemake.output.images),
        Path(snakemake.output.manifest),
    )
