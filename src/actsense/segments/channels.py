"""Which segments of a network are looked at, and which of their channels, by rule.

For every factor those channels are chosen that certainly vary because of it: by the lower end of
the interval of their first-order index, times their variance. An index alone would be led by
channels that hardly vary, an estimate alone by those with the largest error; a first-order index
is what a channel feels of the factor by itself, whatever the others do.
"""

__all__ = [
    "IN_PLACE",
    "SegmentUnits",
    "choose_channels",
    "indices_in_place",
    "plan_segments",
    "segment_name",
]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from actsense.layers import unit_dimensions
from actsense.store import LeftOut

IN_PLACE = "in place"  # the network as it is, beside what sees a colour channel
CHOSEN_BY = "S1"
MAP = unit_dimensions((1, 1, 1))
Tags = dict[int, list[Any]]


@dataclass(frozen=True)
class SegmentUnits:
    """A segment and the channels of its last layer that are looked at.

    Attributes:
        layer: Its last layer.
        start: The layer with positions before it, None for the images.
        inputs: Shape of what it sees in place, (channel, row, col).
        shape: Shape of its last layer.
        channels: Why each channel was chosen, by its number: factor, index and rank, from 1; or
            what a list of channels says.
    """

    layer: str
    start: str | None
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    channels: Tags

    def described(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "layer": self.layer,
            "start": self.start,
            "inputs": list(self.inputs),
            "channels": {str(number): list(tags) for number, tags in self.channels.items()},
        }


def segment_name(layer: str, colour: str) -> str:
    """Name what a segment makes of a colour channel, as a layer of a store."""
    return f"{layer} {colour}"


def plan_segments(
    indices: xr.DataTree,
    layers: Sequence[str],
    images: tuple[int, ...],
    *,
    count: int,
    listed: Mapping[str, Tags] | None = None,
) -> tuple[list[SegmentUnits], dict[str, str]]:
    """Cut a network at its layers with positions, and choose channels of every part.

    Arguments:
        indices: Index store of the network.
        layers: Recorded layers, in the order of execution.
        images: Shape of the images, (channel, row, col).
        count: Channels of every factor and layer.
        listed: Channels by last layer, instead of a choice; also of layers of one position.

    Returns:
        The segments, and for every other layer the reason why none ends there.
    """
    planned: list[SegmentUnits] = []
    skipped: dict[str, str] = {}
    start, inputs = None, images
    for layer in layers:
        sizes = indices[layer]["dead"].sizes
        shape = tuple(sizes.values())
        alone = listed is not None and layer in listed
        if tuple(sizes) != MAP or (shape[1] * shape[2] < 2 and not alone):
            skipped[layer] = "has no positions"
            continue
        if listed is None:
            channels = choose_channels(indices[layer]["by_channel"].to_dataset(), count)
        else:
            channels = listed.get(layer, {})
        if channels:
            planned.append(SegmentUnits(layer, start, inputs, shape, channels))
        elif listed is not None:
            skipped[layer] = "not among the listed segments"
        else:
            left_out = LeftOut.count(indices[layer]["by_channel"].to_dataset())
            skipped[layer] = f"no channel can be chosen: {left_out}"
        start, inputs = layer, shape
    return planned, skipped


def choose_channels(by_channel: xr.Dataset, count: int) -> Tags:
    """Choose the channels that vary most because of every factor, as far as can be told.

    Channels whose lower bound is above zero come first, by that bound times their variance, the
    others after them by the index times their variance. Dead and rare channels are not chosen.

    Arguments:
        by_channel: Indices of the channels of a layer, with intervals and variances.
        count: Channels of every factor; all of them if there are fewer.

    Returns:
        The union over factors in ascending order, each channel with its reasons.
    """
    index, width = (
        by_channel[name].transpose("factor", "channel").to_numpy()
        for name in (CHOSEN_BY, f"{CHOSEN_BY}_ci")
    )
    sure = index - width > 0
    strength = np.where(sure, index - width, index) * by_channel["variance"].to_numpy()
    strength[:, (by_channel["dead"] | by_channel["rare"]).to_numpy()] = np.nan
    chosen: Tags = {}
    for row, factor in enumerate(by_channel["factor"].to_numpy()):
        defined = np.flatnonzero(np.isfinite(strength[row]))
        best = np.lexsort((-strength[row, defined], ~sure[row, defined]))
        for rank, number in enumerate(defined[best[:count]].tolist(), start=1):
            chosen.setdefault(number, []).append((str(factor), CHOSEN_BY, rank))
    return dict(sorted(chosen.items()))


def indices_in_place(by_channel: xr.Dataset, channels: Mapping[int, Any]) -> pd.DataFrame:
    """Average the indices of some channels of a layer, weighted by their variance.

    Arguments:
        by_channel: Indices of all channels of the layer.
        channels: The channels, by number.

    Returns:
        Columns factor, index, value, ci. Channels share their input, so that their errors may
        be alike: the half-width is the average, which the true one does not exceed.
    """
    data = by_channel.isel(channel=list(channels))
    parts = []
    for index in ("S1", "ST", "shapley"):
        value, width = (
            data[name].weighted(data["variance"].fillna(0)).mean("channel").to_numpy()
            for name in (index, f"{index}_ci")
        )
        columns = {"factor": data["factor"].to_numpy(), "value": value, "ci": width}
        parts.append(pd.DataFrame(columns).assign(index=index))
    return pd.concat(parts, ignore_index=True)[["factor", "index", "value", "ci"]]
