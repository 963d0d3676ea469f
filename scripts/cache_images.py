"""Rule cache_images: photographs to the image cache and its manifest."""

from pathlib import Path

from actsense.data.build import build_cache
from actsense.data.settings import read_dataset
from actsense.job.log import logged

with logged(snakemake.log[0]):
    build_cache(
        read_dataset(snakemake.config["dataset"]),
        snakemake.params.seed,
        Path(snakemake.output.images),
        Path(snakemake.output.manifest),
        known_as=snakemake.params.settings,
        key=snakemake.params.get("originals", ""),
    )
