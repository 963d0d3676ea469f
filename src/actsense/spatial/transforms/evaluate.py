"""What a network says of intact images, and of the same images shuffled or saturated.

Shuffling patches destroys the layout and keeps local texture; saturation does about the reverse.
An image's shuffles are a function of the seed, its row of the dataset, the number of patches and
the repeat: all networks are shown the same.
"""

__all__ = ["evaluate_transforms"]

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from actsense.augment.patches import moved_share, patch_shuffle, shuffle_keys, shuffled_area
from actsense.augment.saturation import saturate
from actsense.errors import ConfigError
from actsense.networks.outputs import NONE
from actsense.networks.subject import Subject
from actsense.progress import Progress
from actsense.spatial.transforms.divisions import Division, sides
from actsense.spatial.transforms.settings import ORIGINAL_IMAGE, UNCHANGED, Transforms

TYPES = {
    "predicted": np.int32,
    "rank": np.int16,
    "probability": np.float32,
    "moved": np.float32,
}
DESCRIPTIONS = {
    "predicted": "number of the output that is predicted first",
    "rank": "predictions ahead of the label, of equal logits the first ones; -1 without a label",
    "probability": "probability of the label, NaN without one",
    "moved": "share of the cells of the grid that moved",
    "area": "share of the pixels that the shuffled grid covers; 0 where nothing is shuffled",
}


@dataclass(frozen=True)
class Condition:
    """How images are shown.

    Attributes:
        transform: `none`, `patch_shuffle` or `saturation`.
        mode: `grid` or `bands` of a shuffle.
        level: Patches along both sides, or level of saturation; NaN for intact images, and where
            sides differ.
        rows: Rows of patches; 0 where nothing is shuffled.
        columns: Columns of patches, likewise.
        repeat: Number of the shuffle.
    """

    transform: str
    mode: str = ""
    level: float = math.nan
    rows: int = 0
    columns: int = 0
    repeat: int = 0

    @classmethod
    def shuffled(cls, mode: str, division: Division, repeat: int) -> "Condition":
        """Describe a shuffle of so many patches."""
        level = math.nan if isinstance(division, tuple) else float(division)
        return cls("patch_shuffle", mode, level, *sides(division), repeat)

    @property
    def division(self) -> int | tuple[int, int]:
        """Patches, as a shuffle takes them."""
        return self.rows if self.rows == self.columns else (self.rows, self.columns)


def evaluate_transforms(
    subject: Subject, settings: Transforms, seed: int
) -> dict[str, xr.Dataset]:
    """Show every image under all conditions; each is read once.

    The same settings give the same bits. Another batch size moves logits by roundings; images and
    shuffles it leaves alone.

    Arguments:
        subject: The network and its images.
        settings: The part `transforms` of the section `spatial` of the configuration. Levels that
            change nothing are evaluated once, as the condition `none`, listed or not.
        seed: Seed of the study.

    Returns:
        The root: output, rank of the label and its probability under every `condition` for every
        `image`, and how much was shuffled. The label is an output, -1 for images whose class is
        none of them.

    Raises:
        ConfigError: If more patches are wanted than fit, or logits are not finite.
    """
    rows, labels = subject.validation(settings.images)
    _check_divisions(settings.divisions, subject.side)
    wanted = _conditions(settings)
    found = _found(subject, rows, labels, wanted, seed)
    if not np.isfinite(found["probability"]).all():
        raise ConfigError(
            f"spatial: logits of {subject.network.name} are not finite. Set precision: float32."
        )
    subject.compare(labels, found["predicted"][0])  # of intact images
    found["rank"][:, labels == NONE], found["probability"][:, labels == NONE] = NONE, np.nan
    facts = {
        "network": subject.network.name,
        "label": subject.label,
        "outputs": subject.outputs.basis,
        "classes": len(subject.classes),
        "images": len(rows),
        "seed": seed,
    }
    areas = [_area(condition, subject.side) for condition in wanted]
    images = {"row": ("image", rows), "label": ("image", labels)}
    return {"": _dataset(wanted, found, areas).assign_coords(images).assign_attrs(facts)}


def _conditions(settings: Transforms) -> list[Condition]:
    shuffles = [
        Condition.shuffled(mode, division, repeat)
        for mode in settings.modes
        for division in settings.divisions
        for repeat in range(settings.repeats)
    ]
    saturations = [Condition("saturation", level=level) for level in settings.saturations]
    return [
        Condition(ORIGINAL_IMAGE),
        *(each for each in shuffles + saturations if each.level != UNCHANGED[each.transform]),
    ]


def _check_divisions(divisions: Sequence[Division], side: int) -> None:
    if (most := max(max(sides(division)) for division in divisions)) > side:
        raise ConfigError(
            f"spatial.transforms.divisions: {most} patches do not fit along a side of "
            f"{side} pixels. Allowed are 1 to {side}."
        )


def _found(
    subject: Subject,
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    wanted: Sequence[Condition],
    seed: int,
) -> dict[str, NDArray[Any]]:
    """Return what is found of all images by name, each (conditions, images)."""
    shape = len(wanted), len(rows)
    found = {name: np.empty(shape, dtype=dtype) for name, dtype in TYPES.items()}
    asked = labels.clip(0)  # of images without a label no answer is kept
    row, label = (torch.from_numpy(numbers).to(subject.device) for numbers in (rows, asked))
    with Progress(len(rows) * len(wanted), desc="transforms", unit="image") as known:

        def show(images: Tensor, part: slice) -> None:
            known.done = part.start * len(wanted)  # what ran out of memory starts anew
            seen = _outcomes(subject, images, row[part], label[part], wanted, seed, known)
            for name, values in seen.items():
                found[name][:, part] = values

        subject.over(rows, show)
    return found


def _outcomes(
    subject: Subject,
    images: Tensor,
    row: Tensor,
    label: Tensor,
    wanted: Sequence[Condition],
    seed: int,
    known: Progress,
) -> dict[str, NDArray[Any]]:
    """Return what is found of some images by name, each (conditions, images)."""
    seen: dict[str, list[Tensor]] = {name: [] for name in TYPES}
    for condition in wanted:
        shown, moved = _shown(images, row, condition, seed)
        logits = subject.logits(shown)
        order = logits.argsort(dim=1, descending=True, stable=True)
        probability = subject.as_probabilities(logits.double())
        seen["predicted"].append(order[:, 0])
        seen["rank"].append((order == label[:, None]).int().argmax(dim=1))
        seen["probability"].append(probability.gather(1, label[:, None])[:, 0])
        seen["moved"].append(moved)
        known.update(len(images))
    return {name: torch.stack(values).cpu().numpy() for name, values in seen.items()}


def _shown(images: Tensor, rows: Tensor, condition: Condition, seed: int) -> tuple[Tensor, Tensor]:
    """Return images under a condition, and the share of their cells that moved."""
    still = torch.zeros(len(images), dtype=torch.float64, device=images.device)
    if condition.transform == "patch_shuffle":
        k = condition.division
        keys = shuffle_keys(seed, rows, k, condition.repeat)
        shuffled, permutation = patch_shuffle(images, k, condition.mode, keys=keys)
        return shuffled, moved_share(permutation, k, condition.mode)
    if condition.transform == "saturation":
        return saturate(images, condition.level), still
    return images, still


def _area(condition: Condition, side: int) -> float:
    if condition.transform != "patch_shuffle":
        return 0.0
    return shuffled_area(side, side, condition.division, condition.mode)


def _dataset(
    wanted: Sequence[Condition],
    found: Mapping[str, NDArray[Any]],
    areas: Sequence[float],
) -> xr.Dataset:
    """Label what was found."""
    data: dict[str, Any] = {name: (("condition", "image"), each) for name, each in found.items()}
    coordinates = {
        field.name: ("condition", np.array([getattr(each, field.name) for each in wanted]))
        for field in fields(Condition)
    }
    dataset = xr.Dataset(data | {"area": ("condition", np.array(areas))}, coords=coordinates)
    for name, array in dataset.data_vars.items():
        array.attrs["description"] = DESCRIPTIONS[str(name)]
    return dataset
