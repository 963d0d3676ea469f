"""What the images take, said before anything is run."""

__all__ = ["work"]

from math import ceil

from actsense.work import FILE_BYTES, Facts, Work, table_files

CACHING = 465 * 60  # seconds, of all images of a study as large as the published one
STORE_FILES = 3  # description, manifest and time stamp of the cache
FIGURES = 3  # classes, augmentations, shuffles


def work(facts: Facts) -> list[Work]:
    """Return what downloading, decoding and drawing the images takes."""
    pixels = 3 * facts.settings.dataset.image_size**2
    count = sum(facts.images or ())
    shard = max(1, FILE_BYTES // pixels)
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
