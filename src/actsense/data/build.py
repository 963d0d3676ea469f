"""From the settings of a dataset to its cache."""

__all__ = ["build_cache", "count_classes", "digest_files", "plan_dataset"]

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsense.data.cache import Sample, write_cache
from actsense.data.cifar import CLASSES as CIFAR_CLASSES
from actsense.data.cifar import plan_cifar
from actsense.data.class_names import readable
from actsense.data.crops import SUBJECTS, Crop, crop_images, draw_crops
from actsense.data.digits import DigitBlend, blend_images, digit_blends
from actsense.data.downloads import original_paths
from actsense.data.folder import plan_folder
from actsense.data.image_plan import ImagePlan, content_sha256, planned_samples
from actsense.data.imagenet import CLASSES as IMAGENET_CLASSES
from actsense.data.imagenet import plan_imagenet
from actsense.data.listing import count_class_folders
from actsense.data.places import CLASSES as PLACES_CLASSES
from actsense.data.places import plan_places
from actsense.data.reporting import noting_dark, report_manifest
from actsense.data.settings import (
    Cifar10,
    Dataset,
    Digits,
    ImageFolder,
    ImageNet,
    PhotographCrops,
    Photographs,
    PublishedImages,
)
from actsense.data.signature import content_digest, look_at_files, signature
from actsense.errors import ConfigError
from actsense.progress import progress

PACKAGES = ("actsense", "numpy", "pillow", "scikit-image", "scikit-learn", "zarr")
DIGITS = [str(digit) for digit in range(10)]
CLASSES = {
    "cifar10": CIFAR_CLASSES,
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
    known_as: dict[str, Any] | None = None,
    key: str = "",
    threads: int | None = None,
) -> None:
    """Make the image cache and the manifest of a dataset.

    Arguments:
        settings: The dataset's settings; see `digit_blends`, `draw_crops`, `plan_folder`,
            `plan_imagenet`, `plan_places` and `plan_cifar`.
        seed: Seed of every draw: splits, subsets, backgrounds.
        images: Where the array goes, a directory `*.zarr`.
        manifest: Where the table goes, a CSV file.
        known_as: The settings that the cache keeps; default: `settings`. They say where the
            originals were when somebody else asked first.
        key: What the cache is known by, see `look_at_originals`.
        threads: Threads that decode files; default: the cores this process may use.

    Raises:
        ConfigError: If the settings or the files they point to cannot be used.
    """
    kept: dict[str, Any] = {"settings": known_as or settings.plain(), "seed": seed}
    if isinstance(settings, Digits):
        blends, side, names = digit_blends(settings, seed), settings.image_size, DIGITS
        capacity, samples = len(blends), _samples(blends, blend_images(blends, side))
    elif isinstance(settings, PhotographCrops):
        crops, side, names = draw_crops(settings, seed), settings.image_size, list(SUBJECTS)
        capacity, samples = len(crops), _samples(crops, crop_images(crops, side))
    elif isinstance(settings, PublishedImages):
        raise ConfigError("dataset.kind: published: there are no images behind imported values.")
    else:
        plan = plan_dataset(settings, seed)
        side, names, capacity = plan.side, plan.classes, plan.capacity
        kept |= _seen(settings, plan, key)
        samples = noting_dark(planned_samples(plan, threads=threads))
    kept["versions"] = {package: version(package) for package in PACKAGES}
    write_cache(
        progress(samples, total=capacity, desc="images", unit="image"),
        Path(images),
        Path(manifest),
        capacity=capacity,
        side=side,
        class_names=names,
        provenance=kept,
    )
    report_manifest(manifest)


def count_classes(settings: Dataset) -> int:
    """Count the classes of a dataset that is not cached yet.

    Raises:
        ConfigError: If its folder does not exist.
    """
    if isinstance(settings, ImageFolder):
        return count_class_folders(Path(settings.path).expanduser())
    return CLASSES[settings.kind]


def plan_dataset(settings: Photographs, seed: int) -> ImagePlan:
    """Decide which files of a dataset are taken; see `plan_folder` and its likes."""
    if isinstance(settings, ImageFolder):
        return plan_folder(settings, seed)
    if isinstance(settings, ImageNet):
        return plan_imagenet(settings, seed)
    if isinstance(settings, Cifar10):
        return plan_cifar(settings, seed)
    return plan_places(settings, seed)


def digest_files(settings: Photographs, seed: int, taken: list[str]) -> str:
    """Return one digest for the contents of files, as the cache of a dataset keeps it.

    Arguments:
        settings: The dataset's settings.
        seed: Seed of its draws.
        taken: The files as the manifest calls them.
    """
    plan = plan_dataset(settings, seed)
    files = {readable(file): file for file in plan.listing.all_files}
    with ThreadPoolExecutor() as pool:
        read = pool.map(partial(content_sha256, plan.source), [files[name] for name in taken])
        contents = progress(read, total=len(taken), desc="comparing", unit="file")
        return content_digest(zip(taken, contents, strict=True))


def _seen(settings: Dataset, plan: ImagePlan, key: str) -> dict[str, Any]:
    """Say in the log what is taken and what is left, and return what the cache keeps of it."""
    folder = isinstance(settings, ImageFolder)
    for line in plan.listing.summary() if folder else ():
        log.info("%s", line)
    files = look_at_files(original_paths(settings, plan.listing if folder else None))
    left = {"left_out": plan.listing.left_out} if plan.listing.left_out else {}
    return left | {"originals": signature(files) | {"key": key}}


def _samples(
    described: Sequence[DigitBlend | Crop], images: Iterable[NDArray[np.uint8]]
) -> Iterator[Sample]:
    for one, pixels in zip(described, images, strict=True):
        yield Sample(one.path, one.label, one.partition, pixels)
