"""Figures of segments show what the tables and stores hold."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from figure_texts import cells, words
from matplotlib.figure import Figure

from actsense.drawing.mosaic import COLORS, LIMITS
from actsense.segments.figures import (
    plot_segments,
    segment_maps,
    segment_patterns,
    segment_profile,
)
from actsense.segments.matrix_figures import (
    segment_correlations,
    segment_distances,
    segment_likeness,
)
from actsense.store import write_results

FACTORS = ["brightness", "class", "image", "partition"]
COLOURS = ["hue", "saturation", "value", "in place"]
INDICES = ["S1", "ST", "shapley"]
CHANNELS = {"2": [["class", "S1", 1]], "5": [["image", "S1", 1], ["brightness", "S1", 1]]}
SIDE = 4


def texts(figure: Figure) -> str:
    return "\n".join(words(figure))


def profile(layers: list[str]) -> pd.DataFrame:
    keys = [layers, COLOURS, FACTORS, INDICES]
    rows = pd.MultiIndex.from_product(keys, names=["layer", "colour", "factor", "index"])
    table = rows.to_frame(index=False)
    table["value"] = np.linspace(0, 1, len(table))
    return table.assign(ci=0.05, channels=7, units=10, dead_units=1, rare_units=2)


def pairs(layers: list[str], column: str) -> pd.DataFrame:
    """Return correlations or differences of every pair of factors, .01, .02 and so on."""
    rows = [
        {"layer": layer, "colour": colour, "index": index, "factor": one, "factor_2": other}
        for layer in layers
        for colour in COLOURS
        for index in INDICES
        for k, one in enumerate(FACTORS)
        for other in FACTORS[k + 1 :]
    ]
    table = pd.DataFrame(rows)
    table[column] = np.arange(1, len(table) + 1) % 50 / 100
    ends = {"low": table[column] - 0.005, "high": table[column] + 0.005}
    return table.assign(**ends, channels=7)


def differences(layers: list[str]) -> pd.DataFrame:
    table = pairs(layers, "difference")
    everything = table.groupby(["layer", "colour", "index"], as_index=False).first()
    table = pd.concat([table, everything.assign(factor="all", factor_2="all")])
    return table[table["colour"] != "in place"]


def patterns(layers: list[str]) -> pd.DataFrame:
    rows = [
        {"against": against, "colour": colour, "index": index, "layer": one, "layer_2": other}
        for against in ("segments", "in place")
        for colour in COLOURS[:3]
        for index in INDICES
        for one in layers
        for other in layers
        if against == "in place" or one < other
    ]
    return pd.DataFrame(rows).assign(rho=0.25, low=0.2, high=0.3, pairs=6)


def maps(value: float, channels: int) -> xr.Dataset:
    dims = ("factor", "channel", "row", "col")
    data = {name: (dims, np.full((len(FACTORS), channels, SIDE, SIDE), value)) for name in INDICES}
    flags = {f: (dims[1:], np.zeros((channels, SIDE, SIDE), dtype=bool)) for f in ("dead", "rare")}
    return xr.Dataset(data | flags, coords={"factor": FACTORS})


def trees(layers: list[str]) -> tuple[dict[str, xr.Dataset], dict[str, xr.Dataset]]:
    """Return stores of segments, each colour channel another value, and of the network."""
    inside = {
        f"{layer} {colour}": maps(0.2 * (1 + number), len(CHANNELS))
        for layer in layers
        for number, colour in enumerate(COLOURS[:3])
    }
    place = {layer: maps(0.9, 6) for layer in layers}
    return inside, place


def test_the_profile_draws_every_colour_channel_at_its_values() -> None:
    table = profile(["a", "b"])
    figure = segment_profile(table, title="t")
    axis = figure.axes[len(FACTORS) * 2 + 1]  # Shapley effects of the class
    assert len(figure.axes) == len(INDICES) * len(FACTORS)
    for container, colour in zip(axis.containers, COLOURS, strict=True):
        one = table[table["colour"] == colour].query("index == 'shapley' and factor == 'class'")
        drawn = np.asarray(container.lines[0].get_ydata(), dtype=float)
        np.testing.assert_allclose(drawn, one["value"])
    text = texts(figure)
    assert all(word in text for word in (*FACTORS, *COLOURS, "95 % intervals", "7 of a"))
    assert "8 dead, 16 rare of 80" in text  # two layers, three colour channels and in place


def test_profiles_of_real_networks_fit_a_page() -> None:
    table = profile([f"blocks.{k}" for k in range(9)])
    more = pd.concat([table.assign(factor=table["factor"] + f" {k}") for k in range(10)])
    figure = segment_profile(more[more["factor"].isin(more["factor"].unique()[:10])], title="t")
    assert max(figure.get_size_inches()) <= 18


def test_maps_are_of_the_chosen_channels_behind_the_right_colour_channel() -> None:
    segments, whole = trees(["a"])
    whole["a"]["rare"][5, 0, 0] = True
    segments["a hue"]["shapley"][0, 1, 0, 0] = np.nan  # brightness, channel 5, first position
    root = xr.Dataset(coords={"factor": FACTORS})
    inside, place = (xr.DataTree.from_dict({"/": root, **one}) for one in (segments, whole))
    figure = segment_maps({"layer": "a", "channels": CHANNELS}, inside, place, title="t")
    first, second = figure.axes[:2]
    assert [first.get_title(), second.get_title()] == ["channel 5", "channel 2"]
    picture = np.asarray(first.images[0].get_array())
    rows = len(COLOURS)
    high, wide = picture.shape[0] // rows, picture.shape[1] // len(FACTORS)
    for row, value in enumerate([0.2, 0.4, 0.6, 0.9]):
        shown = picture[row * high + high // 2, wide // 2]
        np.testing.assert_array_equal(shown, COLORS(LIMITS(value), bytes=True), COLOURS[row])
    np.testing.assert_array_equal(picture[0, 0, :3], 178)  # undefined is gray
    assert (picture[..., :3] == [169, 193, 220]).all(axis=-1).any()  # rare is pale blue
    assert "0 dead, 1 rare of 96" in texts(figure)
    np.testing.assert_array_equal(picture[high - 1], 255)  # white between the maps


def test_correlations_stand_below_the_diagonal() -> None:
    correlations = pairs(["a"], "rho")
    correlations.loc[0, "low"] = -0.1
    figure = segment_correlations(correlations, title="t")
    axis = figure.axes[0]  # first-order indices behind hue
    (image,) = axis.images
    below = image.get_array()
    assert below is not None
    assert below[1, 0] == correlations["rho"][0]
    assert below.mask[np.triu_indices(len(FACTORS))].all()
    assert dict(cells(axis).values()) == {".01": "0.55"} | {
        f".{k:02}": "black" for k in range(2, 7)
    }
    text = texts(figure)
    assert "averaged over 7 channels" in text
    assert "hue, Shapley effect" in text
    assert all(factor in text for factor in FACTORS)


def test_the_profile_names_what_is_small_throughout() -> None:
    table = profile(["a", "b"])
    table.loc[table["factor"] == "partition", "value"] = -0.2
    small = (table["factor"] == "partition") & (table["index"] == "ST")
    table.loc[small, "value"] = 0.0499
    figure = segment_profile(table, title="t")
    assert len(figure.axes) == len(INDICES) * (len(FACTORS) - 1)
    assert "Below 0.05 throughout: partition." in texts(figure)
    table.loc[small, "value"] = 0.0501
    assert "throughout" not in texts(segment_profile(table, title="t"))
    assert len(segment_profile(table.assign(value=0.0), title="t").axes) == 12  # not without all


@pytest.mark.parametrize("rare", [False, True])
def test_blank_matrices_say_why(rare: bool) -> None:
    alike, correlations = patterns(["a", "b"]), pairs(["a"], "rho")
    if rare:
        alike[["rho", "low", "high"]] = correlations[["rho", "low", "high"]] = np.nan
    for figure in (
        segment_patterns(alike, title="t"),
        segment_likeness(alike, title="t"),
        segment_correlations(correlations, title="t"),
    ):
        assert ("more base points help" in texts(figure)) == rare


@pytest.mark.parametrize("layers", [["a"], ["a", "b", "c"]])
def test_matrices_compare_all_layers_or_one_with_the_network(layers: list[str]) -> None:
    figure = segment_likeness(patterns(layers), title="t")
    matrices = [axis for axis in figure.axes if axis.images]
    others = len(INDICES) * 3 * (len(layers) > 1)
    assert len(matrices) == others + len(INDICES) * 3
    counts = {len(cells(axis)) for axis in matrices}
    size = len(layers)
    assert counts == {size * size} | ({size * (size - 1) // 2} if size > 1 else set())


@pytest.mark.parametrize("count", [1, 3, 12])
def test_patterns_compare_every_layer_with_itself_in_the_network(count: int) -> None:
    table = patterns([f"layer {k:02}" for k in range(count)])
    table["rho"] = np.arange(len(table)) / len(table)
    table["low"], table["high"] = table["rho"] - 0.1, table["rho"] + 0.2
    table.loc[table.index[-1], "pairs"] = 5
    figure = segment_patterns(table, title="t")
    assert len(figure.axes) == len(INDICES)
    own = table[(table["against"] == "in place") & (table["layer"] == table["layer_2"])]
    for axis, index in zip(figure.axes, INDICES, strict=True):
        for container, colour in zip(axis.containers, COLOURS[:3], strict=True):
            one = own[(own["index"] == index) & (own["colour"] == colour)]
            np.testing.assert_allclose(container.lines[0].get_ydata().astype(float), one["rho"])
            ends = [path.vertices[:, 1] for path in container.lines[2][0].get_paths()]
            np.testing.assert_allclose(ends, one[["low", "high"]])
    assert "5 to 6 pairs of factors" in texts(figure)
    shown = [axis for axis in figure.axes if any(t.get_text() for t in axis.get_xticklabels())]
    assert len(shown) == (3 if count < 12 else 1)  # named once where panels are below each other


def test_distances_stand_in_rows_of_segments_and_columns_of_what_they_are_from() -> None:
    table = patterns(["a", "b", "c"])
    table["difference"] = np.arange(1, len(table) + 1) / 200
    figure = segment_distances(table, title="t")
    panels = [axis for axis in figure.axes if axis.images]
    assert len(panels) == 2 * 3 * len(INDICES)
    named = table.set_index(["against", "colour", "index", "layer", "layer_2"])["difference"]
    shown = np.ma.asarray(panels[6 + 1].images[0].get_array())  # ST, saturation, other segments
    assert shown[2, 0] == named["segments", "saturation", "ST", "a", "c"]
    assert shown.mask[0, 2]
    shown = np.ma.asarray(panels[12 + 5].images[0].get_array())  # shapley, value, in place
    assert shown[2, 0] == named["in place", "value", "shapley", "c", "a"]
    assert shown[0, 2] == named["in place", "value", "shapley", "a", "c"]
    assert "more base points help" not in texts(figure)
    table.loc[0, "difference"] = np.nan
    assert "more base points help" in texts(segment_distances(table, title="t"))


@pytest.mark.parametrize("layers", [[], ["1", "0.10"]])
def test_stores_and_tables_become_files(tmp_path: Path, layers: list[str]) -> None:
    inside, place = trees(layers)
    root = xr.Dataset(coords={"factor": FACTORS})
    write_results(tmp_path / "store", {"": root, **inside}, attributes={})
    write_results(tmp_path / "indices", {"": root, **place}, attributes={})
    units = [{"layer": layer, "channels": CHANNELS} for layer in layers]
    (tmp_path / "units").write_text(json.dumps(units))
    tables = {
        "segments": profile(layers or ["none"]),
        "correlations": pairs(layers or ["none"], "rho"),
        "differences": differences(layers or ["none"]),
        "patterns": patterns(layers or ["none"]),
    }
    for name, table in tables.items():
        table[: None if layers else 0].to_csv(tmp_path / name, index=False)
    names = ("store", "indices", "units", *tables)
    outputs = {name: tmp_path / f"{name}.png" for name in ("profile", "patterns")}
    outputs |= {name: tmp_path / f"drawn_{name}" for name in ("maps", "correlations")}
    plot_segments({name: tmp_path / name for name in names}, outputs, title="t", dpi=50)
    for name in ("maps", "correlations"):
        made = {path.name for path in outputs[name].iterdir()}
        assert made == {f"{layer}.png" for layer in layers}
    assert outputs["profile"].exists()
    assert outputs["patterns"].exists()
