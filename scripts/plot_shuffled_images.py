"""Rule plot_shuffled_images: some images to what shuffling and saturating makes of them."""

from pathlib import Path

from actsense.figures.shuffled_images import plot_shuffled_images
from actsense.run import logged

with logged(snakemake.log[0]):
    plot_shuffled_images(
        Path(snakemake.input.images),
        Path(snakemake.input.manifest),
        Path(snakemake.output.png),
        settings=snakemake.params.transforms,
        seed=snakemake.params.seed,
        dpi=snakemake.params.figures["dpi"],
    )
