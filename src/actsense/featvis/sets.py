"""Targets that pictures are made for together: facets, units, or channels of one layer."""

__all__ = ["TargetSet", "channel_set", "facet_set", "unit_set"]

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actsense.featvis.plan import BEST
from actsense.featvis.targets.facets import FacetSplit, facet_targets
from actsense.featvis.targets.natural import Natural
from actsense.featvis.targets.targets import Targets
from actsense.featvis.targets.units import ChosenUnit, channel_targets, unit_targets
from actsense.layers import Layer

Described = dict[str, tuple[tuple[str, ...], NDArray[Any]]]


@dataclass(frozen=True)
class TargetSet:
    """Targets of one layer, with the natural images that they come from.

    Attributes:
        kind: `facets`, `units` or `channels`.
        layer: The layer.
        targets: The targets, on the CPU.
        names: What every target is called.
        roles: `facet`, `channel`, or `most` and `least` of units.
        best: Natural images of every target, the best first, as places among all of them,
            (targets, ranks).
        weight: Of these images in a picture's start, (targets, ranks); sums to 1.
        natural: Activation of every natural image along every target, in standard deviations,
            (images, targets) float32.
        described: What else is kept of them, with its axes.
        attributes: What is kept of all of them.
    """

    kind: str
    layer: Layer
    targets: Targets
    names: list[str]
    roles: list[str]
    best: NDArray[np.int64]
    weight: NDArray[np.float64]
    natural: NDArray[np.float32]
    described: Described = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


def facet_set(natural: Natural, split: FacetSplit, sorted: torch.Tensor | None) -> TargetSet:
    """Return the facets of a layer.

    Arguments:
        natural: What the layer says of natural images.
        split: How they are split.
        sorted: Activations of the members in ascending order, or None; see `Targets`.
    """
    layer, count = natural.layer, len(split.member)
    targets = facet_targets(split, natural.whole, layer.name, sorted)
    counts = [*split.silhouette]
    described: Described = {
        "facet": (("image",), split.facet),
        "centre_distance": (("image", "target"), split.distance),
        "point": (("image", "axis"), split.point),
        "member_weight": (("target", "rank"), split.weight),
        "chosen": (("target", "channel"), split.chosen),
        "silhouette": (("count",), np.array([split.silhouette[k] for k in counts])),
        "count": (("count",), np.array(counts, dtype=np.int64)),
    }
    return TargetSet(
        *("facets", layer, targets),
        names=[f"facet {k + 1}" for k in range(count)],
        roles=["facet"] * count,
        best=split.member,
        weight=split.weight,
        natural=_along(targets, natural.whole),
        described=described,
    )


def unit_set(
    natural: Natural, units: Sequence[ChosenUnit], attributes: dict[str, Any]
) -> TargetSet:
    """Return single units of a layer.

    Arguments:
        natural: What the layer says of natural images, at the places of the units among others.
        units: The units.
        attributes: Why they were chosen.
    """
    layer, targets = natural.layer, unit_targets(units, natural)
    values = (natural.single - _diagonal(targets, targets.mean)) / _diagonal(targets, targets.std)
    best = _strongest(values)
    described: Described = {
        "channel": (("target",), np.array([unit.channel for unit in units], np.int64)),
        "unit_row": (("target",), np.array([unit.row for unit in units], np.int64)),
        "unit_col": (("target",), np.array([unit.col for unit in units], np.int64)),
        "index": (("target",), np.array([unit.index for unit in units], np.float32)),
        "index_map": (("target", "unit_y", "unit_x"), np.stack([unit.map for unit in units])),
    }
    return TargetSet(
        *("units", layer, targets),
        names=[_unit_name(unit) for unit in units],
        roles=[unit.role for unit in units],
        best=best,
        weight=np.full(best.shape, 1 / best.shape[1]),
        natural=values.astype(np.float32),
        described=described,
        attributes=attributes,
    )


def channel_set(natural: Natural) -> TargetSet:
    """Return every channel of a layer, or every unit of a vector."""
    layer, targets = natural.layer, channel_targets(natural.layer.name, natural)
    values = (natural.whole - _diagonal(targets, targets.mean)) / _diagonal(targets, targets.std)
    best, kind = _strongest(values), "channel" if layer.is_map else "unit"
    return TargetSet(
        *("channels", layer, targets),
        names=[f"{kind} {k}" for k in range(len(targets))],
        roles=["channel"] * len(targets),
        best=best,
        weight=np.full(best.shape, 1 / best.shape[1]),
        natural=values.astype(np.float32),
    )


def _along(targets: Targets, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the activation of every natural image along every target, (images, targets)."""
    values = torch.from_numpy(features)
    along = [targets[k : k + 1].activation(values) for k in range(len(targets))]
    return torch.stack(along, dim=1).numpy()


def _diagonal(targets: Targets, values: torch.Tensor) -> NDArray[np.float32]:
    """Return a number of the channel of every target, (targets,)."""
    return values.gather(1, targets.direction.argmax(dim=1, keepdim=True)).squeeze(1).numpy()


def _strongest(values: NDArray[np.floating]) -> NDArray[np.int64]:
    order = np.argsort(-values, axis=0, kind="stable")[:BEST]
    return np.ascontiguousarray(order.T)


def _unit_name(unit: ChosenUnit) -> str:
    if unit.row < 0:
        return f"unit {unit.channel}"
    return f"channel {unit.channel} at {unit.row}, {unit.col}"
