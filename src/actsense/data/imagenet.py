"""ImageNet, ILSVRC 2012: the zip of Kaggle's competition, read in place.

A label is the place of a synset among all, sorted: that of torchvision's trained networks.
"""

__all__ = ["ARCHIVE", "CLASSES", "COMPETITION", "plan_imagenet"]

import csv
from collections.abc import Iterable
from pathlib import Path

from actsense.data.archives import ArchiveSource, Member, index_zip
from actsense.data.image_plan import ImagePlan, plan_images
from actsense.data.listing import Listing
from actsense.data.settings import ImageNet
from actsense.errors import ConfigError

COMPETITION = "imagenet-object-localization-challenge"
ARCHIVE = f"{COMPETITION}.zip"
CLASSES = 1000
NAMES = "LOC_synset_mapping.txt"  # a line: synset, comma-separated names
SOLUTION = "LOC_val_solution.csv"  # columns ImageId, PredictionString, which starts with a synset
TRAIN = "ILSVRC/Data/CLS-LOC/train/"  # <synset>/<image>.JPEG
VALIDATION = "ILSVRC/Data/CLS-LOC/val/"  # <image>.JPEG


def plan_imagenet(settings: ImageNet, seed: int) -> ImagePlan:
    """Decide which images of ImageNet are taken; its validation images are for validation.

    Arguments:
        settings: Where the archive lies, and how images are cut.
        seed: Seed of the subsets.

    Raises:
        ConfigError: If the archive is missing, damaged or another one, or a setting is wrong.
    """
    archive = settings.place / ARCHIVE
    members = index_zip(archive, (TRAIN, VALIDATION, NAMES, SOLUTION))
    names = _class_names(archive, members)
    files = {
        "train": _train_files(members, names),
        "validation": _validation_files(archive, members, names),
    }
    listing = Listing(list(names.values()), files)
    _check_complete(archive, listing)
    return plan_images(
        listing,
        ArchiveSource(members),
        seed,
        side=settings.image_size,
        resize=settings.resize,
        samples=settings.samples_per_class,
        skip=settings.on_unreadable == "skip",
        white=settings.white,
        max_pixels=settings.max_pixels,
    )


def _class_names(archive: Path, members: dict[str, Member]) -> dict[str, str]:
    """Return a name for every synset, in the order of the labels: the synset and a word."""
    names = {}
    for line in _lines(archive, members, NAMES):
        synset, _, words = line.partition(" ")
        names[synset] = f"{synset} {words.partition(',')[0].strip()}"
    if len(names) != CLASSES:
        raise _other(archive, f"{NAMES} has {len(names)} classes, not {CLASSES}")
    return dict(sorted(names.items()))


def _train_files(members: dict[str, Member], names: dict[str, str]) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {name: [] for name in names.values()}
    for member in members:
        synset, _, image = member.removeprefix(TRAIN).partition("/")
        if member.startswith(TRAIN) and image and synset in names:
            files[names[synset]].append(member)
    return {name: sorted(found) for name, found in files.items()}


def _validation_files(
    archive: Path, members: dict[str, Member], names: dict[str, str]
) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {name: [] for name in names.values()}
    for row in csv.DictReader(_lines(archive, members, SOLUTION)):
        try:
            member = f"{VALIDATION}{row['ImageId']}.JPEG"
            files[names[row["PredictionString"].split()[0]]].append(member)
        except (KeyError, AttributeError, IndexError) as error:
            raise _other(archive, f"{SOLUTION} has a line {dict(row)}") from error
        if member not in members:
            raise _other(archive, f"{member} is missing")
    return {name: sorted(found) for name, found in files.items()}


def _check_complete(archive: Path, listing: Listing) -> None:
    for partition, classes in listing.files.items():
        if empty := [name for name, files in classes.items() if not files]:
            raise _other(archive, f"no images of {', '.join(empty[:5])} for {partition}")


def _lines(archive: Path, members: dict[str, Member], name: str) -> Iterable[str]:
    if name not in members:
        raise _other(archive, f"{name} is missing")
    return members[name].read().decode().splitlines()


def _other(archive: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"{archive}: not the complete archive of {COMPETITION} ({reason}). Delete it and run "
        "again to download it anew."
    )
