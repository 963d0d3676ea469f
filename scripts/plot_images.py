"""Rule plot_images: the image cache to pages of images, intact, augmented and shuffled."""

from pathlib import Path

from actsense.job.log import logged
from actsense.sampling.figures.augmentations import plot_augmentations
from actsense.sampling.figures.sample_images import plot_images
from actsense.sampling.figures.shuffled_images import plot_shuffled_images

with logged(snakemake.log[0]):
    cache = (Path(snakemake.input.images), Path(snakemake.input.manifest))
    pages = {name: Path(path) for name, path in snakemake.output.items()}
    dpi = snakemake.params.figures["dpi"]
    plot_images(*cache, pages["classes"], title=snakemake.wildcards.study, dpi=dpi)
    plot_augmentations(*cache, pages["augmentations"], dpi=dpi)
    spatial = {"settings": snakemake.params.transforms, "seed": snakemake.params.seed}
    plot_shuffled_images(*cache, pages["shuffled"], **spatial, dpi=dpi)
