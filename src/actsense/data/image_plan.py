"""Which images of a dataset are taken, and reading them: the same for every source of bytes."""

__all__ = [
    "Group",
    "ImagePlan",
    "Source",
    "content_sha256",
    "plan_images",
    "planned_samples",
]

import hashlib
import io
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from actsense.data.cache import Sample
from actsense.data.decode import Picture, decode
from actsense.data.listing import Listing
from actsense.data.manifest import PARTITIONS
from actsense.data.settings import MAX_PIXELS, SamplesPerClass
from actsense.data.splits import check_counts, order, validation_count
from actsense.errors import ConfigError
from actsense.store.damage import trouble

WAVE = 256  # files decoded ahead of the writer; bounds the memory


class Source(Protocol):
    """Where the bytes of the images are; used by several threads at once."""

    @property
    def repair(self) -> str:
        """What to do about a file that cannot be read, the start of a sentence."""

    def locate(self, file: str) -> str:
        """Name a file so that the user finds it."""

    def open(self, file: str) -> Path | BinaryIO:
        """Return what Pillow can open."""


@dataclass(frozen=True)
class Group:
    """The files of one class in one partition, in the order in which they are taken."""

    partition: str
    label: int
    files: list[str]
    wanted: int


@dataclass(frozen=True)
class ImagePlan:
    """What will be read, before anything is."""

    source: Source
    listing: Listing
    groups: list[Group]
    resize: int
    side: int
    skip: bool
    white: float | None
    max_pixels: int

    @property
    def classes(self) -> list[str]:
        """Name of each label."""
        return self.listing.classes

    @property
    def capacity(self) -> int:
        """Count the images if every file is readable."""
        return sum(group.wanted for group in self.groups)


def plan_images(
    listing: Listing,
    source: Source,
    seed: int,
    *,
    side: int,
    resize: int,
    samples: SamplesPerClass | None,
    fraction: float | None = None,
    skip: bool = False,
    white: float | None = None,
    max_pixels: int = MAX_PIXELS,
) -> ImagePlan:
    """Decide which of the listed files are taken.

    Arguments:
        listing: All files, by partition and class.
        source: Where their bytes are.
        seed: Seed of the split and of the subsets.
        side: Side of the square that is cut out of the centre, pixels.
        resize: Length of the shorter side before that, pixels.
        samples: Images per class and partition, or None for all of them.
        fraction: Share of every class for validation where the listing is not split.
        skip: Whether to skip unreadable files instead of stopping.
        white: The value of white in grey files of more than 8 bits; see `decode`.
        max_pixels: Pixels of the largest file that is let in.

    Raises:
        ConfigError: If the shorter side is too short or a class has too few images.
    """
    if resize < side:
        raise ConfigError(
            f"dataset.resize: {resize} is smaller than dataset.image_size: {side}; the centre "
            "cannot be cut out."
        )
    groups = _groups(listing, samples, fraction, seed)
    return ImagePlan(source, listing, groups, resize, side, skip, white, max_pixels)


def planned_samples(plan: ImagePlan, *, threads: int | None = None) -> Iterator[Sample]:
    """Decode the planned files, class by class; an unreadable one is replaced by the next.

    Arguments:
        plan: What to read.
        threads: Decoding threads; default: the cores this process may use.

    Raises:
        ConfigError: If a file is unreadable and the plan does not skip, or if skipping leaves
            too few images in a class.
    """
    with ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
        for group in plan.groups:
            yield from _group_samples(plan, group, pool)


def content_sha256(source: Source, file: str) -> str:
    """Return the SHA-256 of the bytes of a file; of none, if it cannot be read."""
    try:
        content = _read(source.open(file))
    except Exception as error:  # as where it is decoded
        if limit := trouble(error, Path(source.locate(file))):
            raise limit from error
        content = b""
    return hashlib.sha256(content).hexdigest()


def _group_samples(plan: ImagePlan, group: Group, pool: Executor) -> Iterator[Sample]:
    def load(file: str) -> Sample:
        return _sample(plan, group, file)

    taken = position = 0
    while taken < group.wanted and position < len(group.files):
        wave = group.files[position : position + min(WAVE, group.wanted - taken)]
        position += len(wave)
        for sample in pool.map(load, wave):
            taken += sample.pixels is not None
            yield sample
    balanced = group.wanted < len(group.files)
    if taken == 0 or (balanced and taken < group.wanted):
        raise ConfigError(
            f"class {plan.classes[group.label]!r} has {taken} readable images in "
            f"{group.partition}, {group.wanted} are wanted. Lower dataset.samples_per_class or "
            "replace the unreadable files."
        )


def _sample(plan: ImagePlan, group: Group, file: str) -> Sample:
    content, picture, reason = b"", None, ""
    try:
        content = _read(plan.source.open(file))
        picture = _decoded(plan, content)
    except ConfigError:  # the whole source is damaged: nothing to skip
        raise
    except Exception as error:  # Pillow's readers raise whatever their format makes them raise
        if limit := trouble(error, Path(plan.source.locate(file))):
            raise limit from error
        if not plan.skip:
            raise ConfigError(
                f"{plan.source.locate(file)}: unreadable image ({error}). {plan.source.repair}, "
                "or set dataset.on_unreadable: skip to leave such files out and list them."
            ) from error
        reason = str(error)
    return Sample(
        file,
        group.label,
        group.partition,
        picture.pixels if picture else None,
        reason,
        brightest=picture.brightest if picture else None,
        content=hashlib.sha256(content).hexdigest(),
    )


def _read(opened: Path | BinaryIO) -> bytes:
    if isinstance(opened, Path):
        return opened.read_bytes()
    with opened:
        return opened.read()


def _decoded(plan: ImagePlan, content: bytes) -> Picture:
    if not content:
        raise ValueError("the file is empty")
    return decode(
        io.BytesIO(content),
        resize=plan.resize,
        side=plan.side,
        white=plan.white,
        max_pixels=plan.max_pixels,
    )


def _groups(
    listing: Listing, samples: SamplesPerClass | None, fraction: float | None, seed: int
) -> list[Group]:
    check_counts(listing.files, samples, fraction)
    wanted = {} if samples is None else samples.plain()
    groups = []
    for partition in PARTITIONS:
        for label, name in enumerate(listing.classes):
            files = _drawn(listing, partition, name, fraction, seed)
            count = wanted.get(partition, len(files))
            chosen = sorted(files[:count]) + files[count:]  # the rest stands in for unreadable
            groups.append(Group(partition, label, chosen, count))
    return groups


def _drawn(
    listing: Listing, partition: str, name: str, fraction: float | None, seed: int
) -> list[str]:
    """Order the files of one class in one partition by the seeded draw."""
    if partition in listing.files:
        files = listing.files[partition][name]
        return [files[i] for i in order(len(files), seed=seed, key=f"{partition}/{name}")]
    files = listing.files["all"][name]
    files = [files[i] for i in order(len(files), seed=seed, key=name)]
    if fraction is None:
        raise ValueError("the listing is not split; give the share that is for validation.")
    cut = validation_count(len(files), fraction, name=name)
    return files[cut:] if partition == "train" else files[:cut]
