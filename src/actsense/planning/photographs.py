"""Photographs of a folder as the dataset of a first study."""

__all__ = ["FolderImages", "listed_images"]

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actsense.data.folder import plan_folder
from actsense.data.image_plan import ImagePlan
from actsense.data.listing import list_images
from actsense.data.manifest import PARTITIONS
from actsense.data.settings import SIDE, ImageFolder
from actsense.errors import ConfigError
from actsense.layout import LONGEST, NAME

MOST = 1000  # photographs; more make no difference to a small study but are decoded all the same
HALF = 0.5  # of unsplit photographs are for validation: nothing is trained
LOOKED_AT = 12  # validation images that patterns and pictures need to say anything
TWICE = 2  # of every class, without which patterns have none to compare
USUAL = "photographs"


@dataclass(frozen=True)
class FolderImages:
    """What is taken of a folder.

    Attributes:
        settings: The section `dataset`.
        classes: Photographs of every class in the folder, most first.
        taken: Photographs of every class that are taken, by partition.
        notes: What is left out, in words.
    """

    settings: Mapping[str, Any]
    classes: Mapping[str, int]
    taken: Mapping[str, list[int]]
    notes: tuple[str, ...]

    @property
    def count(self) -> int:
        """Photographs that are taken."""
        return sum(map(sum, self.taken.values()))

    @property
    def enough(self) -> bool:
        """Whether there are enough validation images to compare with one another."""
        validation = self.taken["validation"]
        return sum(validation) >= LOOKED_AT and min(validation) >= TWICE

    @property
    def study_name(self) -> str:
        """A name for the study: that of the folder, as far as it is one."""
        name = Path(self.settings["path"]).expanduser().resolve().name
        plain = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[: LONGEST // 2]
        known = [plain, f"{USUAL}-{plain}"] if plain else []
        return next(own for own in (*known, USUAL) if re.fullmatch(NAME, own))


def listed_images(folder: Path, image_size: int) -> FolderImages:
    """List a folder of photographs and decide how many of them are taken.

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
    taken = _taken(plan_folder(ImageFolder.model_validate(settings), 0))
    if sum(map(sum, taken.values())) > MOST:
        each = max(1, MOST // (len(PARTITIONS) * len(listing.classes)))
        settings["samples_per_class"] = {part: min(each, *taken[part]) for part in PARTITIONS}
        taken = _taken(plan_folder(ImageFolder.model_validate(settings), 0))
    held = {
        name: sum(len(part[name]) for part in listing.files.values()) for name in listing.classes
    }
    most_first = dict(sorted(held.items(), key=lambda one: -one[1]))
    return FolderImages(settings, most_first, taken, tuple(listing.summary()))


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
