"""Rule plot_images: the image cache to pages of images, intact, augmented and shuffled."""

from actsense.job.files import paths
from actsense.job.log import logged
from actsense.sampling.figures.augmentations import plot_augmentations
from actsense.sampling.figures.sample_images import plot_images
from actsense.spatial.transforms.settings import Transforms
from actsense.spatial.transforms.shuffled_images import plot_shuffled_images

with logged(snakemake.log[0]):
    cache, pages = paths(snakemake.input), paths(snakemake.output)
    dpi = snakemake.params.figures["dpi"]
    plot_images(**cache, output=pages["classes"], title=snakemake.wildcards.study, dpi=dpi)
    ranges = snakemake.params.get("ranges")  # there only if a design chooses some
    plot_augmentations(**cache, output=pages["augmentations"], dpi=dpi, ranges=ranges)
    plot_shuffled_images(
        **cache,
        output=pages["shuffled"],
        settings=Transforms(**snakemake.params.transforms),
        seed=snakemake.params.seed,
        dpi=dpi,
    )
