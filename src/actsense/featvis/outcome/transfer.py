"""Whether pictures drive another network, too.

Networks share no units. What a target is to another network is told by its best natural images:
the direction that they lie in among all, in standard deviations of that network's layer.
"""

__all__ = ["layer_alike", "transfers"]

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsense.featvis.outcome.measures import percentile
from actsense.featvis.outcome.shown import whole_responses
from actsense.featvis.stored import OF_PICTURE, TRAINED, PictureGroup, StoredPictures
from actsense.featvis.targets.natural import record_natural
from actsense.networks.subject import Subject

Floats = NDArray[np.float64]
WHOLE = ("facets", "channels")  # means over places: what a single place is has no other network
TINY = 1e-6  # of the largest deviation: channels that never change say nothing


def transfers(
    stores: Mapping[str, StoredPictures],
    subjects: Mapping[str, Subject],
    layers: Mapping[str, Sequence[str]],
) -> Iterator[dict[str, Any]]:
    """Yield where every picture lies among natural images, in the eyes of every other network.

    Arguments:
        stores: Pictures by network.
        subjects: The networks, opened.
        layers: Layers of every network that may stand for another's, from the first to the last.
    """
    for network, stored in stores.items():
        for other in subjects:
            if other != network:
                seen = _Other(subjects[other], stored.rows)
                for group in (own for own in stored.groups if own.kind in WHOLE):
                    layer = layer_alike(group.layer, layers[network], layers[other])
                    for row in _group(group, seen, layer):
                        yield {"network": network, "other": other} | row


def layer_alike(layer: str, own: Sequence[str], others: Sequence[str]) -> str:
    """Return the layer of another network that lies as deep.

    Arguments:
        layer: Name of the layer.
        own: Layers of its network, from the first to the last.
        others: Layers of the other network.
    """
    depth = (own.index(layer) + 1) / len(own) if layer in own else 1.0
    return others[max(0, round(depth * len(others)) - 1)]


class _Other:
    """What another network says of natural images, layer by layer, each looked at once."""

    def __init__(self, subject: Subject, rows: NDArray[np.int64]) -> None:
        self.subject, self._rows = subject, rows
        self._natural: dict[str, Floats] = {}

    def natural(self, layer: str) -> Floats:
        if layer not in self._natural:
            found = record_natural(self.subject, [layer], self._rows, {})
            self._natural[layer] = found[layer].whole.astype(np.float64)
        return self._natural[layer]


def _group(group: PictureGroup, other: _Other, layer: str) -> Iterator[dict[str, Any]]:
    natural = other.natural(layer)
    mean, deviation = natural.mean(axis=0), natural.std(axis=0)
    changing = deviation > TINY * deviation.max()
    standard = (natural - mean)[:, changing] / deviation[changing]
    told = group.pictures[group.pictures["weights"] == TRAINED]
    pictures = np.stack([group.image(number) for number in told.index])
    seen = whole_responses(other.subject, layer, pictures).astype(np.float64)
    seen = (seen - mean)[:, changing] / deviation[changing]
    weights = _weights(group)
    for place, target in enumerate(told["target"]):
        direction = weights[target] @ standard[group.best[target]]
        percent = percentile(seen[place : place + 1] @ direction, (standard @ direction)[:, None])
        yield {
            "layer": group.layer,
            "kind": group.kind,
            "name": group.names[target],
            "role": group.roles[target],
            **{name: told[name].iloc[place] for name in OF_PICTURE},
            "other_layer": layer,
            "percentile": float(percent[0]),
        }


def _weights(group: PictureGroup) -> Floats:
    """Return how much the best images of every target count, (targets, ranks)."""
    if "member_weight" in group.data:
        return np.asarray(group.data["member_weight"].to_numpy(), np.float64)
    return np.full(group.best.shape, 1 / group.best.shape[1])
