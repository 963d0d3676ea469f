"""Channels of segments that a file lists: as published, or as `units.json` of an own study.

The published files (`*_single_units.json`) are lists of segments: `modules_names`, of which the
last one is the end of the segment; `neurons`, for one module the numbers of its channels, each
with reasons (variable, value, set of augmentations). Ours have `layer` and `channels`.
"""

__all__ = ["check_units", "read_units"]

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actsense.errors import ConfigError
from actsense.layers import Layer

Reasons = dict[int, list[Any]]


def read_units(path: Path) -> dict[str, Reasons]:
    """Return the channels of every segment with their reasons, by its last layer.

    Raises:
        ConfigError: If there is no such file, or it is in neither form.
    """
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"segments.units: {path} is not there. Give the path of a file."
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"segments.units: {path} is no JSON file: {error}.") from None
    units: dict[str, Reasons] = {}
    for number, segment in enumerate(listed if isinstance(listed, list) else [None], start=1):
        try:
            layer, channels = _segment(segment)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            raise ConfigError(
                f"segments.units: {path}, segment {number}: neither `modules_names` with "
                "`neurons` of one module, as published, nor `layer` with `channels`, as in "
                "units.json."
            ) from None
        if layer in units:
            raise ConfigError(f"segments.units: {path}: two segments end at {layer!r}. Join them.")
        units[layer] = channels
    return units


def check_units(key: str, units: Mapping[str, Reasons], layers: Mapping[str, Layer]) -> None:
    """Refuse segments that do not end at a recorded layer with channels, and other channels.

    Arguments:
        key: Where the file is named, and its path.
        units: What it lists.
        layers: Recorded layers, by name.

    Raises:
        ConfigError: With the first mistake.
    """
    known = [name for name, layer in layers.items() if len(layer.shape) == 3]
    for name, channels in units.items():
        if name not in known:
            raise ConfigError(
                f"{key}: a segment ends at {name!r}, which is no recorded layer of feature maps. "
                f"Recorded are: {', '.join(known)}. Add it to the layers of the network."
            )
        most = layers[name].shape[0]
        if wrong := [number for number in channels if not 0 <= number < most]:
            raise ConfigError(f"{key}: {name!r} has channels 0 to {most - 1}, and not {wrong[0]}.")
        if not channels:
            raise ConfigError(f"{key}: no channel of {name!r} is listed. Leave the segment out.")


def _segment(segment: Any) -> tuple[str, Reasons]:
    """Return the last layer of a segment and its channels, in ascending order."""
    if "layer" in segment:
        layer, channels = segment["layer"], segment["channels"]
    else:
        layer, (channels,) = segment["modules_names"][-1], segment["neurons"].values()
    chosen = {int(number): list(reasons) for number, reasons in channels.items()}
    return str(layer), dict(sorted(chosen.items()))
