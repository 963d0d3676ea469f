"""Rule plot_images: the image cache to some images of every class."""

from pathlib import Path

from actsense.figures.sample_images import plot_images
from actsense.run import logged

with logged(snakemake.log[0]):
    plot_images(
        Path(snakemake.input.images),
        Path(snakemake.input.manifest),
        Path(snakemake.output.png),
        title=snakemake.wildcards.study,
        dpi=snakemake.params.figures["dpi"],
    )
