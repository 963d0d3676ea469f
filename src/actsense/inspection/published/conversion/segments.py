"""Published indices of segments as a segment store, its channels numbered as in the network.

The value files do not say which channels they hold: the published file of the units does, in the
order of its list.
"""

__all__ = ["PublishedUnits", "convert_segments", "read_units"]

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from actsense.errors import ConfigError
from actsense.inspection.published.conversion.indices import convert_indices
from actsense.inspection.published.datatrees import IndexFiles
from actsense.inspection.published.names import segment_name as published_name
from actsense.segments.channels import SegmentUnits
from actsense.segments.evaluate import segments_table
from actsense.segments.plan import COLOURS
from actsense.store import LeftOut, create_results, read_indices, write_facts, write_tables

FACTORS = {"sharpness": "sharpness_const", "permutation": "order"}
VALUES = {"si": "S1", "siT": "ST", "shpv": "shapley", "rbscc": "contrast", "si2": "S2"}
SIDE = 224  # pixels: every published segment saw whole images
FORM = (
    "A file of units is a list of segments, each with `unit_name` and `neurons`: "
    '{"features.3": {"7": [["erasing", "si", 1]]}}.'
)


@dataclass(frozen=True)
class PublishedUnits:
    """The chosen channels of every segment of a network.

    Attributes:
        path: The file that says it.
        channels: By layer, the tags of every channel: variable, value, set of augmentations.
    """

    path: Path
    channels: dict[str, dict[int, list[tuple[str, str, str]]]]


def read_units(path: Path, network: str) -> PublishedUnits:
    """Read a published file of units, such as `alexnet_single_units.json`.

    Arguments:
        path: The file.
        network: Name of the network.

    Raises:
        ConfigError: If it is not there or of another form.
    """
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        channels: dict[str, dict[int, list[tuple[str, str, str]]]] = {}
        for segment in listed:
            (own,) = segment["neurons"].values()
            layer = published_name(network, f"modules_dict.{segment['unit_name']}.0")
            channels[layer] = {
                int(number): [(str(name), str(value), str(group)) for name, value, group in tags]
                for number, tags in own.items()
            }
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}). {FORM}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: not a published file of units ({error}). {FORM}") from error
    return PublishedUnits(path, channels)


def convert_segments(
    files: IndexFiles,
    units: PublishedUnits,
    design: str,
    indices: Path,
    outputs: Mapping[str, Path],
    *,
    attributes: Mapping[str, Any],
) -> None:
    """Write published segments as a run writes its own.

    Arguments:
        files: Value files behind all colour channels.
        units: The chosen channels.
        design: Name of the design, such as `set1`.
        indices: Index store of the network in place.
        outputs: Paths `indices`, `units`, `segments` and `skipped`.
        attributes: Where the results come from.

    Raises:
        ConfigError: If the files hold other channels than those, or the network has none such.
    """
    whole = read_indices(indices)
    planned, skipped = _planned(files, units, design.removeprefix("set"), whole)
    kept = {f"{one.layer} {colour}": list(one.channels) for one in planned for colour in COLOURS}
    chosen = IndexFiles(
        files.scheme,
        {name: files.layers[name] for name in kept},
        files.attributes,
        files.ours,
    )
    with create_results(outputs["indices"], attributes) as results:
        summary = convert_indices(chosen, results, channels=kept)
    written = read_indices(outputs["indices"])

    def left_out(name: str) -> LeftOut:
        return LeftOut.count(written[name].to_dataset())

    tables = {
        "segments": segments_table(summary, left_out, whole, planned),
        "skipped": pd.DataFrame(skipped.items(), columns=["layer", "reason"]),
    }
    write_tables(tables, outputs)
    write_facts(outputs["units"], [plan.described() for plan in planned])


def _planned(
    files: IndexFiles, units: PublishedUnits, number: str, whole: xr.DataTree
) -> tuple[list[SegmentUnits], dict[str, str]]:
    """Return the segments in network order, and why others are left out."""
    planned: list[SegmentUnits] = []
    skipped: dict[str, str] = {}
    for layer in (str(one) for one in whole["layer"].to_numpy() if one in whole.children):
        held = [name for colour in COLOURS if (name := f"{layer} {colour}") in files.layers]
        shape = tuple(whole[layer]["dead"].shape)
        if not held:
            skipped[layer] = "not published"
            continue
        chosen = units.channels.get(layer, {})
        shapes = {files.layers[name].shape for name in held}
        if len(held) < len(COLOURS) or len(shapes) > 1:
            skipped[layer] = f"published behind {', '.join(held)}, as {sorted(shapes)}"
            continue
        (own,) = shapes
        _check(layer, own, shape, chosen, units.path)
        if len(own) < 3 or own[1] * own[2] < 2:
            skipped[layer] = "has no positions"
            continue
        planned.append(SegmentUnits(layer, None, (3, SIDE, SIDE), shape, _tags(chosen, number)))
    return planned, skipped


def _check(
    layer: str,
    own: Sequence[int],
    shape: Sequence[int],
    chosen: Mapping[int, Any],
    path: Path,
) -> None:
    if len(chosen) != own[0]:
        raise ConfigError(
            f"{path}: names {len(chosen)} channels of {layer}, the value files hold {own[0]}. "
            "Give the file of units that they were made with."
        )
    if max(chosen) >= shape[0]:
        raise ConfigError(
            f"{path}: there is no channel {max(chosen)} in {layer}, which has {shape[0]}. "
            "Give the file of units of this network."
        )


def _tags(
    chosen: Mapping[int, list[tuple[str, str, str]]], number: str
) -> dict[int, list[tuple[str, str, int]]]:
    """Return why channels were chosen, as far as this set of augmentations is the reason."""
    return {
        channel: [
            (FACTORS.get(name, name), VALUES.get(value, value), 0)
            for name, value, group in tags
            if group == number
        ]
        for channel, tags in chosen.items()
    }
