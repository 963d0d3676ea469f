"""Whether a finished image cache still shows its originals, asked before anything is run.

Names, sizes and times of change are compared first, which takes as long as asking the file system
for them. Where only the times differ, as after copying a folder, the files that were taken are
read once to compare their contents.
"""

__all__ = ["Originals", "look_at_originals"]

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from actsense.data.class_names import readable
from actsense.data.downloads import missing_archives, original_paths
from actsense.data.listing import Listing, list_images
from actsense.data.settings import Dataset, ImageFolder, Photographs
from actsense.data.signature import (
    FileFacts,
    FinishedCache,
    Plain,
    look_at_files,
    signature,
)
from actsense.data.splits import check_counts
from actsense.errors import ConfigError

Remember = Callable[[str, Callable[[], bool]], bool]


@dataclass(frozen=True)
class Originals:
    """What is known of the originals of a dataset before anything is run.

    Attributes:
        classes: Number of classes; None where the kind of dataset tells it.
        key: What a cache of them is known by; empty where nothing can change.
        place: The settings that say where they are, as a finished cache of them has them.
        notes: Lines for the user.
    """

    classes: int | None = None
    key: str = ""
    place: Plain = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def look_at_originals(
    dataset: Dataset, seed: int, images: Path, manifest: Path, remember: Remember
) -> Originals:
    """Look at the originals of a dataset, and at the cache of them if it is finished.

    Arguments:
        dataset: The dataset's settings.
        seed: Seed of the draws.
        images: Where the cache is or goes.
        manifest: Where its table is or goes.
        remember: Returns the answer to a question of this name, asked before or now.

    Raises:
        ConfigError: If originals are needed that are not there or cannot be used.
    """
    if not isinstance(dataset, Photographs):
        return Originals()
    finished = FinishedCache.read(images, manifest)
    if finished and not finished.shows(dataset, seed):
        finished = None
    if finished and not _are_there(dataset):
        return _kept(finished, f"{dataset.place} is not there: the finished image cache is used")
    listing = list_images(dataset.place) if isinstance(dataset, ImageFolder) else None
    files = look_at_files(original_paths(dataset, listing))
    if finished and _shows(finished, dataset, listing, files, remember):
        return _kept(finished)
    if listing is None:
        return Originals(key=signature(files)["times"] if _are_there(dataset) else "")
    return _new(dataset, listing, files)


def _are_there(dataset: Photographs) -> bool:
    return dataset.place.is_dir() and not missing_archives(dataset)


def _kept(finished: FinishedCache, *notes: str) -> Originals:
    key = str(finished.originals.get("key", ""))
    return Originals(len(finished.classes), key, finished.place, notes)


def _new(dataset: Photographs, listing: Listing, files: list[FileFacts]) -> Originals:
    """Return what a cache will be known by, and what a listing can tell of mistakes in it."""
    samples = dataset.samples_per_class
    fraction = dataset.validation_fraction if isinstance(dataset, ImageFolder) else None
    check_counts(listing.files, samples, fraction)
    empty = [file.name for file in files if not file.size]
    if empty and dataset.on_unreadable == "stop":
        raise ConfigError(
            f"dataset.path: {len(empty)} files are empty: {', '.join(empty[:5])}"
            f"{' ...' if len(empty) > 5 else ''}. Replace or remove them, or set "
            "dataset.on_unreadable: skip to leave such files out and list them."
        )
    notes = tuple(f"{dataset.kind}: {line}" for line in listing.summary())
    return Originals(len(listing.classes), signature(files)["times"], notes=notes)


def _shows(
    finished: FinishedCache,
    dataset: Photographs,
    listing: Listing | None,
    files: list[FileFacts],
    remember: Remember,
) -> bool:
    """Tell whether a cache shows the originals as they are now."""
    before, now = finished.originals, signature(files)
    if not before:
        return listing is None or _looks_unchanged(finished, dataset, listing, files)
    if before["times"] == now["times"] or before["names"] != now["names"]:
        return bool(before["times"] == now["times"])
    question = f"originals {before['contents']} {now['times']}"
    return remember(question, lambda: _contents(finished, dataset) == before["contents"])


def _looks_unchanged(
    finished: FinishedCache, dataset: Photographs, listing: Listing, files: list[FileFacts]
) -> bool:
    """Compare with a cache of an earlier version, which knows the names of its originals alone."""
    from actsense.data.build import plan_dataset  # imports pandas

    made = finished.manifest.stat().st_mtime_ns
    taken = {*finished.files()}
    if any(file.time > made for file in files if readable(file.name) in taken):
        return False
    try:
        groups = plan_dataset(dataset, finished.seed).groups
    except ConfigError:
        return False
    planned = {readable(name) for group in groups for name in group.files[: group.wanted]}
    skips = dataset.on_unreadable == "skip"
    return planned <= taken and (skips or planned == taken)


def _contents(finished: FinishedCache, dataset: Photographs) -> str:
    from actsense.data.build import digest_files

    return digest_files(dataset, finished.seed, finished.files())
