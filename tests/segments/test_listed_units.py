"""Lists of channels, as published and as written by a study."""

import json
from pathlib import Path
from typing import Any

import pytest

from actsense.errors import ConfigError
from actsense.layers import place_layers
from actsense.segments.listed import check_units, read_units

LAYERS = {
    layer.name: layer
    for layer in place_layers(
        [("features.2", (64, 27, 27)), ("avgpool", (512, 1, 1)), ("fc", (9,))]
    )
}
PUBLISHED = [
    {
        "modules_names": ["features.0", "features.1", "features.2"],
        "neurons": {"features.0": {"12": [["erasing", "rbscc", 1], ["hue", "shpv", 2]], "7": []}},
        "module_type": "sequential",
        "unit_name": "features2",
    },
    {
        "modules_names": ["layer4", "avgpool"],
        "neurons": {"layer4": {"511": [["erasing--rolling", "si2", 1]]}},
        "module_type": "residual",
        "unit_name": "avgpool",
    },
]


def write(folder: Path, listed: Any) -> Path:
    path = folder / "list.json"
    path.write_text(listed if isinstance(listed, str) else json.dumps(listed))
    return path


def test_published_lists_name_channels_by_their_last_layer(tmp_path: Path) -> None:
    units = read_units(write(tmp_path, PUBLISHED))
    assert {layer: list(channels) for layer, channels in units.items()} == {
        "features.2": [7, 12],
        "avgpool": [511],
    }
    assert units["features.2"][12] == [["erasing", "rbscc", 1], ["hue", "shpv", 2]]
    check_units("key", units, LAYERS)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("{", "is no JSON file"),
        ({"layer": "a"}, "segment 1: neither"),
        ([PUBLISHED[0], {"modules_names": ["a"]}], "segment 2: neither"),
        ([PUBLISHED[0] | {"neurons": {"a": {}, "b": {}}}], "segment 1: neither"),
        ([{"layer": "a", "channels": {"one": []}}], "segment 1: neither"),
        ([PUBLISHED[0], PUBLISHED[0]], "two segments end at 'features.2'"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, listed: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_units(write(tmp_path, listed))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.json is not there"):
        read_units(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ({"features.5": {1: []}}, "Recorded are: features.2, avgpool"),
        ({"fc": {1: []}}, "'fc', which is no recorded layer of feature maps"),
        ({"features.2": {3: [], 64: []}}, "channels 0 to 63, and not 64"),
        ({"features.2": {-1: []}}, "and not -1"),
        ({"avgpool": {}}, "no channel of 'avgpool' is listed"),
    ],
)
def test_lists_must_fit_the_network(units: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=f"segments.units.net: {said}|{said}"):
        check_units("segments.units.net", units, LAYERS)
