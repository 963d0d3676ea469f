"""From the settings of a dataset to its cache."""

__all__ = ["build_cache", "count_classes"]

import logging
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actsense.data.cache import Sample, write_cache
from actsense.data.crops import SUBJECTS, Crop, crop_images, draw_crops
from actsense.data.digits import DigitBlend, blend_images, digit_blends
from actsense.data.folder import plan_folder
from actsense.data.image_plan import ImagePlan, planned_samples
from actsense.data.imagenet import CLASSES as IMAGENET_CLASSES
from actsense.data.imagenet import plan_imagenet
from actsense.data.listing import count_class_folders
from actsense.data.manifest import read_manifest, read_skipped
from actsense.data.places import CLASSES as PLACES_CLASSES
from actsense.data.places import plan_places
from actsense.data.settings import (
    Dataset,
    Digits,
    ImageFolder,
    ImageNet,
    PhotographCrops,
    Photographs,
)
from actsense.progress import progress

PACKAGES = ("actsense", "numpy", "pillow", "scikit-image", "scikit-learn", "zarr")
DIGITS = [str(digit) for digit in range(10)]
CLASSES = {
    "digits": len(DIGITS),
    "imagenet": IMAGENET_CLASSES,
    "photographs": len(SUBJECTS),
    "places365": PLACES_CLASSES,
}

log = logging.getLogger(__name__)


def build_cache(
    settings: Dataset,
    seed: int,
    images: Path,
    manifest: Path,
    *,
    threads: int | None = None,
) -> None:
    """Make the image cache and the manifest of a dataset.

    Arguments:
        settings: The dataset's settings; see `digit_blends`, `draw_crops`, `plan_folder`,
            `plan_imagenet` and `plan_places`.
        seed: Seed of every draw: splits, subsets, backgrounds.
        images: Where the array goes, a directory `*.zarr`.
        manifest: Where the table goes, a CSV file.
        threads: Threads that decode files; default: the cores this process may use.

    Raises:
        ConfigError: If the settings or the files they point to cannot be used.
    """
    if isinstance(settings, Digits):
        blends, side, names = digit_blends(settings, seed), settings.image_size, DIGITS
        capacity, samples = len(blends), _samples(blends, blend_images(blends, side))
    elif isinstance(settings, PhotographCrops):
        crops, side, names = draw_crops(settings, seed), settings.image_size, list(SUBJECTS)
        capacity, samples = len(crops), _samples(crops, crop_images(crops, side))
    else:
        plan = _image_plan(settings, seed)
        side, names, capacity = plan.side, plan.classes, plan.capacity
        samples = planned_samples(plan, threads=threads)
    versions = {package: version(package) for package in PACKAGES}
    write_cache(
        progress(samples, total=capacity, desc="images", unit="image"),
        Path(images),
        Path(manifest),
        capacity=capacity,
        side=side,
        class_names=names,
        provenance={"settings": settings.plain(), "seed": seed, "versions": versions},
    )
    _report(manifest)


def count_classes(settings: Dataset) -> int:
    """Count the classes of a dataset that is not cached yet.

    Raises:
        ConfigError: If its folder does not exist.
    """
    if isinstance(settings, ImageFolder):
        return count_class_folders(Path(settings.path).expanduser())
    return CLASSES[settings.kind]


def _image_plan(settings: Photographs, seed: int) -> ImagePlan:
    if isinstance(settings, ImageFolder):
        return plan_folder(settings, seed)
    if isinstance(settings, ImageNet):
        return plan_imagenet(settings, seed)
    return plan_places(settings, seed)


def _samples(
    described: Sequence[DigitBlend | Crop], images: Iterable[NDArray[np.uint8]]
) -> Iterator[Sample]:
    for one, pixels in zip(described, images, strict=True):
        yield Sample(one.path, one.label, one.partition, pixels)


def _report(manifest: Path) -> None:
    table = read_manifest(manifest)
    counts = table["partition"].value_counts()
    log.info("%s", ", ".join(f"{counts[name]} images for {name}" for name in counts.index))
    if skipped := read_skipped(manifest)["path"].tolist():
        log.warning("%d unreadable files skipped: %s", len(skipped), ", ".join(skipped[:20]))
    hashes = table.groupby("partition")["sha256"].agg(set)
    if shared := set.intersection(*hashes):
        log.warning("%d images are the same in train and validation", len(shared))
