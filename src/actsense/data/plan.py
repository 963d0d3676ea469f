"""What the images take, said before anything is run."""

__all__ = ["IMAGE_FILE_BYTES", "work"]

from math import ceil

from actsense.work import Facts, Work, table_files

CACHING = 465 * 60  # seconds, of all images of a study as large as the published one
IMAGE_FILE_BYTES = 2**28  # of pixels, before compression
STORE_FILES = 3  # description, manifest and time stamp of the cache
FIGURES = 3  # classes, augmentations, shuffles


def work(facts: Facts) -> list[Work]:
    """Return what downloading, decoding and drawing the images takes."""
    pixels = 3 * facts.settings.dataset.image_size**2
    count = sum(facts.images or ())
    shard = max(1, IMAGE_FILE_BYTES // pixels)
    return [
        Work("download_dataset", jobs=facts.missing),
        Work(
            "cache_images",
            seconds=CACHING,
            kept=count * pixels,
            files=ceil(count / shard) + STORE_FILES + table_files(1),
        ),
        Work("plot_images", files=FIGURES),
    ]
