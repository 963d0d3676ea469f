"""Which channels are chosen, what is recorded of them, and how they compare with the network."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from opened import opened
from scipy.stats import spearmanr
from torch import nn

from actsense.networks.network import Network
from actsense.segments.channels import (
    SegmentUnits,
    choose_channels,
    indices_in_place,
    plan_segments,
    segment_name,
)
from actsense.segments.evaluate import SegmentRecorder
from actsense.segments.hsv import to_hsv
from actsense.segments.listed import read_units
from actsense.segments.patterns import compare_segments
from actsense.segments.plan import COLOURS
from actsense.store import read_results, write_results

FACTORS = ["hue", "rolling", "class", "image"]
INDICES = ("S1", "ST", "shapley")
CHANNELS, SIDE = 5, 6


def layer(seed: int, shape: tuple[int, ...] = (CHANNELS, SIDE, SIDE)) -> xr.Dataset:
    """Return random indices of a layer of maps."""
    generator = np.random.default_rng(seed)
    dims = ("channel", "row", "col")[: len(shape)] if len(shape) > 1 else ("unit",)
    data = {
        f"{name}{end}": (("factor", *dims), scale * generator.random((len(FACTORS), *shape)))
        for name in INDICES
        for end, scale in (("", 1.0), ("_ci", 0.01))
    }
    data["variance"] = (dims, np.ones(shape))
    data |= {flag: (dims, np.zeros(shape, dtype=bool)) for flag in ("dead", "rare")}
    return xr.Dataset(data, coords={"factor": FACTORS})


def channels(
    s1: list[list[float]],
    variance: list[float],
    ci: float = 0.05,
    **flagged: Sequence[int],
) -> xr.Dataset:
    """Return indices of channels: first-order index (factors, channels) and variance."""
    values = np.array(s1)
    data = {
        f"{name}{end}": (("factor", "channel"), values if not end else np.full_like(values, ci))
        for name in INDICES
        for end in ("", "_ci")
    }
    data["variance"] = (("channel",), np.array(variance))
    for flag in ("dead", "rare"):
        own = np.isin(np.arange(len(variance)), flagged.get(flag, ()))
        data[flag] = (("channel",), own)
    return xr.Dataset(data, coords={"factor": FACTORS[: len(values)]})


def test_the_surest_variance_is_chosen_and_its_reasons_are_kept() -> None:
    # Bounds times variance: hue .45 .20 .15, rolling none, .05 and none above zero.
    data = channels([[0.5, 0.25, 0.2], [0.01, 0.10, 0.04]], [1.0, 1.0, 1.0])
    assert choose_channels(data, 2) == {
        0: [("hue", "S1", 1)],
        1: [("hue", "S1", 2), ("rolling", "S1", 1)],
        2: [("rolling", "S1", 2)],
    }


def test_a_channel_that_hardly_varies_is_not_chosen_for_a_large_index() -> None:
    data = channels([[0.9, 0.3, 0.2]], [1e-6, 1.0, 2.0])
    assert list(choose_channels(data, 1)) == [2]


def test_a_sure_channel_comes_before_a_larger_uncertain_one() -> None:
    data = channels([[0.30, 0.10]], [1.0, 1.0])
    data["S1_ci"][0, 0] = 0.4
    assert list(choose_channels(data, 1)) == [1]


def test_dead_and_rare_channels_are_never_chosen() -> None:
    data = channels([[0.5, 0.4, 0.3]], [1.0, 1.0, 1.0], dead=[0], rare=[1])
    assert list(choose_channels(data, 3)) == [2]


def test_undefined_channels_are_never_chosen() -> None:
    data = channels([[np.nan, 0.2, np.nan]], [0.0, 1.0, 0.0])
    assert list(choose_channels(data, 3)) == [1]
    assert choose_channels(channels([[np.nan, np.nan]], [0.0, 0.0]), 1) == {}


def test_indices_in_place_are_weighted_by_variance() -> None:
    data = channels([[0.5, 0.1, np.nan]], [1.0, 3.0, 0.0])
    table = indices_in_place(data, {0: [], 1: [], 2: []}).set_index("index")
    assert table.loc["S1", "value"] == pytest.approx((0.5 + 3 * 0.1) / 4)
    assert table.loc["S1", "ci"] == pytest.approx(0.05)


def test_segments_end_where_layers_have_positions_and_all_others_have_a_reason() -> None:
    alive = [[0.5, 0.4, 0.3, 0.2, 0.1]] * len(FACTORS)
    groups = {
        "first": layer(0),
        "first/by_channel": channels(alive, [1.0] * 5),
        "silent": layer(1),
        "silent/by_channel": channels(alive, [1.0] * 5, dead=[0, 1], rare=[1, 2, 3, 4]),
        "last": layer(2),
        "last/by_channel": channels(alive, [0.1, 1.0, 1.0, 1.0, 1.0]),
        "pooled": layer(3, (CHANNELS, 1, 1)),
        "vector": layer(4, (7,)),
    }
    tree = xr.DataTree.from_dict({f"/{name}": data for name, data in groups.items()})
    order = ["first", "silent", "last", "pooled", "vector"]
    planned, skipped = plan_segments(tree, order, (3, 32, 32), count=1)
    assert [(one.start, one.layer, one.inputs[0]) for one in planned] == [
        (None, "first", 3),
        ("silent", "last", CHANNELS),
    ]
    assert [list(one.channels) for one in planned] == [[0], [1]]
    assert skipped == {
        "silent": "no channel can be chosen: 2 dead, 3 rare of 5",
        "pooled": "has no positions",
        "vector": "has no positions",
    }


def test_listed_segments_are_those_of_the_list(tmp_path: Path) -> None:
    groups = {
        "first": layer(0),
        "last": layer(2),
        "last/by_channel": channels([[0.5] * 5] * len(FACTORS), [1.0] * 5, dead=[4]),
        "pooled": layer(3, (CHANNELS, 1, 1)),
    }
    tree = xr.DataTree.from_dict({f"/{name}": data for name, data in groups.items()})
    listed: dict[str, dict[int, list[Any]]] = {
        "last": {4: [["erasing", "rbscc", 1]], 0: []},  # the published list has dead ones, too
        "pooled": {2: []},
    }
    order = ["first", "last", "pooled"]
    planned, skipped = plan_segments(tree, order, (3, 32, 32), count=1, listed=listed)
    assert [(one.start, one.layer, dict(one.channels)) for one in planned] == [
        ("first", "last", listed["last"]),
        ("last", "pooled", listed["pooled"]),
    ]
    assert planned[1].shape == (CHANNELS, 1, 1)
    assert skipped == {"first": "not among the listed segments"}
    units = tmp_path / "units.json"
    units.write_text(json.dumps([one.described() for one in planned]))
    assert read_units(units) == {name: dict(sorted(own.items())) for name, own in listed.items()}


class Bypassed(nn.Module):
    """Two convolutions, the second layer with a way around the first."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.second = nn.Conv2d(4, 6, 3, padding=1)
        self.third = nn.Conv2d(6, 6, 1)
        self.added = nn.Identity()
        self.head = nn.Linear(6, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images to logits."""
        inner = self.second(self.first(images))
        added = self.added(self.third(inner) + inner)
        logits: torch.Tensor = self.head(added.mean(dim=(2, 3)))
        return logits


def recorder() -> tuple[Bypassed, SegmentRecorder]:
    torch.manual_seed(0)
    module = Bypassed().eval().requires_grad_(False)
    network = Network("own", module, (0.5,) * 3, (0.25,) * 3, None, None)
    planned = [
        SegmentUnits("first", None, (3, 16, 16), (4, 8, 8), {1: [], 3: []}),
        SegmentUnits("second", "first", (4, 8, 8), (6, 8, 8), {5: []}),
        SegmentUnits("added", "third", (6, 8, 8), (6, 8, 8), {0: []}),
    ]
    return module, SegmentRecorder(opened(network, 16), planned)


def test_every_colour_channel_of_every_segment_is_recorded_at_its_place() -> None:
    module, made = recorder()
    images = torch.rand(3, 3, 16, 16)
    out = torch.empty(3, made.units)
    made.record(images, out)
    small = images.unflatten(2, (8, 2)).unflatten(4, (8, 2)).mean(dim=(3, 5))
    for number, colour in enumerate(COLOURS):
        sources = {"first": to_hsv(images), "second": to_hsv(small)}
        for name, source in sources.items():
            (place,) = [one for one in made.layers if one.name == segment_name(name, colour)]
            convolution = module.get_submodule(name)
            copies = source[:, number, None].expand(-1, convolution.in_channels, -1, -1)
            chosen = {"first": [1, 3], "second": [5]}[name]
            expected = convolution(copies)[:, chosen].flatten(1)
            # Sums of up to 36 terms, in another order.
            torch.testing.assert_close(
                out[:, place.offset : place.stop], expected, rtol=1e-4, atol=1e-6
            )
    assert made.units == made.layers[-1].stop == 3 * (2 + 1) * 64


def test_a_layer_that_needs_more_than_the_one_before_is_left_out_with_the_reason() -> None:
    _, made = recorder()
    assert [one.layer for one in made.planned] == ["first", "second"]
    assert "does not depend on 'third' alone" in made.skipped["added"]


def test_a_network_whose_steps_cannot_be_listed_has_no_segments_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Choosing(Bypassed):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return super().forward(images) if images.sum() < 1e9 else images

    module = Choosing().eval().requires_grad_(False)
    network = Network("own", module, (0.5,) * 3, (0.25,) * 3, None, None)
    planned = [SegmentUnits("first", None, (3, 16, 16), (4, 8, 8), {1: []})]
    made = SegmentRecorder(opened(network, 16), planned)
    assert (made.planned, made.units) == ((), 0)
    assert "its steps cannot be listed (TraceError" in made.skipped["first"]
    assert "Segments need the steps, and leave this network out" in caplog.text


NUMBERS = [1, 4]


def compared(folder: Path, change: float = 0.0) -> dict[str, pd.DataFrame]:
    """Compare segments whose maps are those in place, plus some noise, in two layers."""
    layers = {"first": layer(0), "last": layer(1)}
    noise = np.random.default_rng(9)
    inside: dict[str, xr.Dataset] = {}
    for name, data in layers.items():
        for colour in COLOURS:
            copied = data.isel(channel=NUMBERS)
            moved = {i: copied[i] + change * noise.random(copied[i].shape) for i in INDICES}
            inside[segment_name(name, colour)] = copied.assign(moved)
    units = [
        {"layer": name, "start": None, "channels": {str(k): [] for k in NUMBERS}}
        for name in layers
    ]
    for store, groups in (("inside", inside), ("place", layers)):
        root = xr.Dataset(coords={"layer": list(groups), "factor": FACTORS})
        write_results(folder / store, {"": root, **groups}, attributes={"replicates": 2})
    (folder / "units.json").write_text(json.dumps(units))
    paths = (folder / "inside", folder / "place", folder / "units.json")
    return compare_segments(*paths, bootstrap=200, seed=0)


def test_segments_that_are_the_network_do_not_differ_from_it(tmp_path: Path) -> None:
    tables = compared(tmp_path)
    assert (tables["differences"]["difference"] == 0).all()
    patterns = tables["patterns"].query("against == 'in place' and layer == layer_2")
    assert len(patterns) == len(COLOURS) * len(INDICES) * 2
    np.testing.assert_allclose(patterns["difference"], 0, atol=1e-12)
    np.testing.assert_allclose(patterns["rho"], 1, rtol=1e-12)
    others = tables["patterns"].query("layer != layer_2")
    assert (others["difference"] > 0.01).all()


def test_every_pair_of_factors_has_one_row_and_the_correlation_of_its_channels(
    tmp_path: Path,
) -> None:
    table = compared(tmp_path, change=0.5)["correlations"]
    one = table.query("layer == 'last' and colour == 'in place' and index == 'ST'")
    pairs = [tuple(sorted(pair)) for pair in one[["factor", "factor_2"]].to_numpy()]
    assert len(pairs) == len(set(pairs)) == len(FACTORS) * (len(FACTORS) - 1) // 2
    maps = layer(1)["ST"].to_numpy()[:, NUMBERS].reshape(len(FACTORS), 2, -1)
    row = one.query("factor == 'hue' and factor_2 == 'class'").iloc[0]
    z = [np.arctanh(spearmanr(maps[0, u], maps[2, u]).statistic) for u in (0, 1)]
    assert row["rho"] == pytest.approx(np.tanh(np.mean(z)), rel=1e-6)
    assert row["low"] <= row["rho"] <= row["high"]
    assert (row["channels"], row["undefined"], row["positions"]) == (2, 0, SIDE**2)


def test_differences_are_magnitudes_averaged_over_channels(tmp_path: Path) -> None:
    tables = compared(tmp_path, change=1.0)
    differences = tables["differences"].query("layer == 'first' and colour == 'hue'")
    one = differences.query("index == 'shapley'")
    stores = [read_results(tmp_path / name) for name in ("inside", "place")]
    inside = stores[0]["first hue"]["shapley"].to_numpy()
    place = stores[1]["first"]["shapley"].to_numpy()[:, NUMBERS]
    gaps = [
        abs(
            np.subtract(*(spearmanr(m[0, u].ravel(), m[2, u].ravel())[0] for m in (inside, place)))
        )
        for u in range(len(NUMBERS))
    ]
    row = one.query("factor == 'hue' and factor_2 == 'class'")
    assert row["difference"].item() == pytest.approx(np.mean(gaps), rel=1e-6)
    everything = one.query("factor == 'all'")["difference"].item()
    assert everything == pytest.approx(one.query("factor != 'all'")["difference"].mean())
    assert 0.05 < everything < 1
    assert (one["low"] <= one["difference"]).all()
    assert (one["difference"] <= one["high"]).all()


@pytest.mark.parametrize("flag", ["dead", "rare"])
@pytest.mark.parametrize("alive", [0, len(FACTORS) - 1])
def test_positions_left_out_do_not_count_and_a_channel_with_too_few_others_is_undefined(
    tmp_path: Path, alive: int, flag: str
) -> None:
    tables = compared(tmp_path)
    path, data = tmp_path / "place", layer(0)
    data[flag][NUMBERS[0], 0] = True  # one row of positions
    data[flag][NUMBERS[1]] = True
    data[flag][NUMBERS[1], 0, :alive] = False
    root = xr.Dataset(coords={"layer": ["first", "last"], "factor": FACTORS})
    groups = {"": root, "first": data, "last": layer(1)}
    write_results(path, groups, attributes={"replicates": 2})
    paths = (tmp_path / "inside", path, tmp_path / "units.json")
    again = compare_segments(*paths, bootstrap=200, seed=0)
    rows = again["correlations"].query("layer == 'first' and colour == 'in place'")
    assert set(rows["channels"]) == {1}
    assert set(rows["undefined"]) == {1}
    assert set(rows["positions"]) == {(SIDE * (SIDE - 1) + alive) / 2}
    assert rows["rho"].notna().all()
    inside = "layer == 'last' and colour == 'hue'"
    pd.testing.assert_frame_equal(
        again["correlations"].query(inside), tables["correlations"].query(inside)
    )


def test_no_segments_leave_empty_tables(tmp_path: Path) -> None:
    (tmp_path / "units.json").write_text("[]")
    paths = (tmp_path / "none", tmp_path / "none", tmp_path / "units.json")
    tables = compare_segments(*paths, bootstrap=100, seed=0)
    assert all(table.empty and len(table.columns) > 5 for table in tables.values())
