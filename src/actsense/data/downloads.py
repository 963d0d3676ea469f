"""Which files a dataset is made from, and how those that are published get here."""

__all__ = [
    "archive_folder",
    "dataset_archives",
    "download_archive",
    "missing_archives",
    "original_paths",
]

from functools import partial
from pathlib import Path

from actsense.data import cifar, imagenet, places
from actsense.data.competition import locate_competition
from actsense.data.listing import Listing
from actsense.data.settings import Cifar10, Dataset, ImageFolder, ImageNet, Places365
from actsense.errors import choose
from actsense.store.download import Remote, download

ARCHIVES = {
    "cifar10": [cifar.ARCHIVE],
    "imagenet": [imagenet.ARCHIVE],
    "places365": list(places.ARCHIVES),
}


def archive_folder(settings: Dataset) -> Path:
    """Return the folder that a dataset's archives are in, `archives` if it has none."""
    if isinstance(settings, ImageNet | Places365 | Cifar10):
        return settings.place
    return Path("archives")


def dataset_archives(settings: Dataset) -> list[Path]:
    """List the archives a dataset is made from; none if it is not downloaded."""
    return [archive_folder(settings) / name for name in ARCHIVES.get(settings.kind, ())]


def missing_archives(settings: Dataset) -> list[str]:
    """List the names of the archives that are not there yet."""
    return [path.name for path in dataset_archives(settings) if not path.exists()]


def original_paths(dataset: Dataset, listing: Listing | None) -> dict[str, str]:
    """Return the paths of listed files, or else of the archives of a dataset, by name."""
    if isinstance(dataset, ImageFolder) and listing:
        root = str(dataset.place)
        return {file: f"{root}/{file}" for file in listing.all_files}
    return {path.name: str(path) for path in dataset_archives(dataset)}


def download_archive(
    settings: ImageNet | Places365 | Cifar10,
    archive: Path,
    *,
    attempts: int = 4,
    pause: float = 10.0,
) -> None:
    """Download one archive of a dataset; what an earlier run has received is kept.

    Arguments:
        settings: The dataset's settings.
        archive: Where it goes; its name says which one.
        attempts: How often to try without any new byte.
        pause: Seconds between two attempts, doubled with every one that brought nothing.

    Raises:
        ConfigError: If it cannot be had, is damaged, or there is no room for it.
    """
    name = choose(f"archive of {settings.kind}", archive.name, ARCHIVES[settings.kind])
    if isinstance(settings, ImageNet):
        locate, md5 = partial(locate_competition, imagenet.COMPETITION), None
    elif isinstance(settings, Cifar10):
        locate, md5 = partial(Remote, settings.address), cifar.MD5
    else:
        locate, md5 = partial(Remote, places.ADDRESS + name), places.ARCHIVES[name]
    download(archive, locate, md5=md5, attempts=attempts, pause=pause)
