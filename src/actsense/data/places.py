"""Places365, the standard set at 256x256 pixels: three tars, read in place.

A label is the place in the published list of categories: that of the Places networks.

Source:
    Zhou et al. (2018), IEEE TPAMI 40(6). Address and MD5s are those of torchvision.
"""

__all__ = ["ADDRESS", "ARCHIVES", "CLASSES", "plan_places"]

from pathlib import Path

from actsense.data.archives import ArchiveSource, Member, index_tar
from actsense.data.image_plan import ImagePlan, plan_images
from actsense.data.listing import Listing
from actsense.data.settings import Places365
from actsense.errors import ConfigError

ADDRESS = "http://data.csail.mit.edu/places/places365/"
LISTS = "filelist_places365-standard.tar"
TRAIN = "train_256_places365standard.tar"
VALIDATION = "val_256.tar"
ARCHIVES = {
    LISTS: "35a0585fee1fa656440f3ab298f8479c",
    TRAIN: "53ca1c756c3d1e7809517cc47c5561c5",
    VALIDATION: "e27b17d8d44f4af9a78502beb927f808",
}
CLASSES = 365
CATEGORIES = "categories_places365.txt"  # a line: /<letter>/<category>, label
# Partition to its archive, the list of its images (a line: file, label), and their folder.
PARTS = {
    "train": (TRAIN, "places365_train_standard.txt", "data_256/"),
    "validation": (VALIDATION, "places365_val.txt", "val_256/"),
}


def plan_places(settings: Places365, seed: int) -> ImagePlan:
    """Decide which images of Places365 are taken; its validation images are for validation.

    Arguments:
        settings: Where the archives lie, and how images are cut.
        seed: Seed of the subsets.

    Raises:
        ConfigError: If an archive is missing, damaged or another one, or a setting is wrong.
    """
    folder = settings.place
    lists = folder / LISTS
    listed = {Path(name).name: member for name, member in index_tar(lists).items()}
    names = _class_names(_rows(lists, listed, CATEGORIES), lists)
    members: dict[str, Member] = {}
    files = {}
    for partition, (archive, images, place) in PARTS.items():
        found = index_tar(folder / archive)
        files[partition] = _labelled(_rows(lists, listed, images), place, names, lists)
        _check_complete(folder / archive, files[partition], found)
        members |= found
    return plan_images(
        Listing(names, files),
        ArchiveSource(members),
        seed,
        side=settings.image_size,
        resize=settings.resize,
        samples=settings.samples_per_class,
        skip=settings.on_unreadable == "skip",
        white=settings.white,
        max_pixels=settings.max_pixels,
    )


def _class_names(rows: list[tuple[str, int]], lists: Path) -> list[str]:
    """Return the categories by label, such as `church/indoor`."""
    names = [category.split("/", 2)[-1] for category, _ in rows]
    if [label for _, label in rows] != list(range(CLASSES)):
        raise _other(lists, f"{CATEGORIES} does not have the labels 0 to {CLASSES - 1}")
    return names


def _labelled(
    rows: list[tuple[str, int]], place: str, names: list[str], lists: Path
) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {name: [] for name in names}
    for image, label in rows:
        if not 0 <= label < len(names):
            raise _other(lists, f"the image {image} has the label {label}")
        files[names[label]].append(place + image.lstrip("/"))
    return {name: sorted(found) for name, found in files.items()}


def _rows(lists: Path, listed: dict[str, Member], name: str) -> list[tuple[str, int]]:
    if name not in listed:
        raise _other(lists, f"{name} is missing")
    try:
        pairs = [line.split() for line in listed[name].read().decode().splitlines()]
        return [(text, int(label)) for text, label in pairs]
    except ValueError as error:
        raise _other(lists, f"{name} is not a list of names and labels") from error


def _check_complete(
    archive: Path, files: dict[str, list[str]], members: dict[str, Member]
) -> None:
    for name, images in files.items():
        if not images:
            raise _other(archive, f"no images of {name}")
        for image in images:
            if image not in members:
                raise _other(archive, f"{image} is missing")


def _other(archive: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"{archive}: not the complete archive of Places365 ({reason}). Delete it and run again "
        "to download it anew."
    )
