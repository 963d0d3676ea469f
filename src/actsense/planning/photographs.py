"""Photographs of a folder as the dataset of a first study."""

__all__ = ["FolderImages", "listed_images"]

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from actsense.data.class_names import readable
from actsense.data.folder import plan_folder
from actsense.data.image_plan import ImagePlan
from actsense.data.listing import list_images
from actsense.data.manifest import PARTITIONS
from actsense.data.settings import SIDE, ImageFolder
from actsense.errors import ConfigError
from actsense.layout import LONGEST, NAME
from actsense.planning.looking import Look, look_at

MOST = 1000  # photographs; more make no difference to a small study but are decoded all the same
HALF = 0.5  # of unsplit photographs are for validation: nothing is trained
LOOKED_AT = 12  # validation images that patterns and pictures need to say anything
TWICE = 2  # images of a class, and such classes, without which patterns compare nothing
SPARSE = 4  # as few of `MOST` are left where one class has hardly any
DECODING = 120.0  # seconds of processor, to take all of them instead
LARGER = 2  # times as large as the file, or more: worth saying
USUAL = "photographs"


@dataclass(frozen=True)
class FolderImages:
    """What is taken of a folder.

    Attributes:
        settings: The section `dataset`.
        classes: Photographs of every class in the folder, most first.
        taken: Photographs of every class that are taken, by partition.
        look: What some of them look like.
        notes: What a user has to know of them, in words.
    """

    settings: Mapping[str, Any]
    classes: Mapping[str, int]
    taken: Mapping[str, list[int]]
    look: Look
    notes: tuple[str, ...]

    @property
    def count(self) -> int:
        """Photographs that are taken."""
        return sum(map(sum, self.taken.values()))

    @property
    def enough(self) -> bool:
        """Whether there are enough validation images to compare with one another."""
        validation = self.taken["validation"]
        pairs = sum(count >= TWICE for count in validation)
        return sum(validation) >= LOOKED_AT and pairs >= TWICE

    @property
    def study_name(self) -> str:
        """A name for the study: that of the folder, as far as it is one."""
        name = Path(self.settings["path"]).expanduser().resolve().name
        plain = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[: LONGEST // 2]
        known = [plain, f"{USUAL}-{plain}"] if plain else []
        return next(own for own in (*known, USUAL) if re.fullmatch(NAME, own))


def listed_images(folder: Path, image_size: int) -> FolderImages:
    """List a folder of photographs, look at some, and decide how many of them are taken.

    Where they are more than a small study looks at, as many are taken of every class.

    Arguments:
        folder: `<class>/` or `train/<class>/` and `val/<class>/`.
        image_size: Side of the images, pixels.

    Raises:
        ConfigError: As the workflow does, if the folder cannot be used.
    """
    settings: dict[str, Any] = {"kind": "folder", "path": _written(folder)}
    if image_size != SIDE:
        settings["image_size"] = image_size
    listing = list_images(Path(folder).expanduser())
    if "all" in listing.files:
        settings["validation_fraction"] = HALF
    everything = chosen = _planned(settings)
    if everything.capacity > MOST:
        chosen = _planned(settings | {"samples_per_class": _balanced(everything)})
    look = look_at(chosen)
    few = chosen.capacity < MOST / SPARSE and chosen.capacity < everything.capacity
    if few and look.seconds * everything.capacity <= DECODING:
        chosen, look = everything, replace(look, every=False)
    elif chosen is not everything:
        settings["samples_per_class"] = _readable(chosen, look)
        chosen = _planned(settings)
    if look.unreadable or not look.every:
        settings["on_unreadable"] = "skip"
    held = {
        name: sum(len(part[name]) for part in listing.files.values()) for name in listing.classes
    }
    most_first = dict(sorted(held.items(), key=lambda one: -one[1]))
    lacking = few and chosen is not everything
    notes = (*listing.summary(), *_noticed(look, chosen), *(_scarce(held) if lacking else ()))
    return FolderImages(settings, most_first, _taken(chosen), look, notes)


def _planned(settings: Mapping[str, Any]) -> ImagePlan:
    return plan_folder(ImageFolder.model_validate(settings), 0)


def _balanced(everything: ImagePlan) -> dict[str, int]:
    """Return how many photographs of every class and partition are enough."""
    taken, classes = _taken(everything), len(everything.classes)
    each = max(TWICE if classes <= MOST else 1, MOST // (len(PARTITIONS) * classes))
    return {part: min(each, *taken[part]) for part in PARTITIONS}


def _readable(chosen: ImagePlan, look: Look) -> dict[str, int]:
    """Return the same without files that cannot be read, which others of the class replace."""
    left = {part: [*counts] for part, counts in _taken(chosen).items()}
    for group in chosen.groups:
        lost = sum(file in look.unreadable for file in group.files)
        left[group.partition][group.label] = min(group.wanted, len(group.files) - lost)
    return {part: min(counts) for part, counts in left.items()}


def _noticed(look: Look, chosen: ImagePlan) -> Iterator[str]:
    """Yield what photographs that were looked at have in common, or lack."""
    if look.unreadable:
        file, reason = next(iter(look.unreadable.items()))
        yield (
            f"{len(look.unreadable)} of {look.count} photographs that were looked at cannot be "
            f"read and are left out, such as {readable(file)!r} ({reason})"
        )
    if look.grey:
        yield (
            f"none of the {look.count} photographs that were looked at has any colour: hue, "
            "saturation and grayscaling change nothing in them"
        )
    if look.dark:
        yield (
            "photographs of more than 8 bits are nearly black as they are read; if white is less "
            "there, add `white` to `dataset`, such as 4095 for 12 bits"
        )
    if look.side * LARGER <= chosen.resize:
        yield (
            f"the largest of {look.count} photographs that were looked at has a shorter side of "
            f"{look.side} pixels, and is enlarged to {chosen.resize}; give a smaller --image-size "
            "if the network takes it"
        )


def _scarce(held: Mapping[str, int]) -> Iterator[str]:
    """Say which class keeps all others small."""
    name = min(held, key=lambda one: held[one])
    yield (
        f"as many are taken of every class, and {readable(name)!r} has but {held[name]}: move its "
        "folder away for more of the others"
    )


def _written(folder: Path) -> str:
    """Return the path as text that a file can hold."""
    try:
        return str(folder).encode().decode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{str(folder)!a}: no file in UTF-8 can hold this name. Rename the folder, or "
            "give a link to it."
        ) from error


def _taken(planned: ImagePlan) -> dict[str, list[int]]:
    return {
        part: [group.wanted for group in planned.groups if group.partition == part]
        for part in PARTITIONS
    }
