"""The tables of the discriminant analysis say what the maps of a store hold."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import binomtest

from actsense.recognition.tables import discriminate
from actsense.sensitivity.maps import SensitivityMaps
from actsense.store import write_results

FACTORS = ["hue", "rolling", "order", "class"]
SETTINGS = {"folds": 4, "repeats": 3, "permutations": 39, "seed": 0}
Floats = NDArray[np.float64]


def layer(
    values: Floats, dead: NDArray[np.bool_], rare: NDArray[np.bool_] | None = None
) -> xr.Dataset:
    """Return the same maps (factor, channel, row, col) for every index."""
    dims = ("channel", "row", "col")[: values.ndim - 1] if values.ndim > 2 else ("unit",)
    data = {name: (("factor", *dims), values) for name in ("S1", "ST", "shapley")}
    flags = {"dead": (dims, dead), "rare": (dims, dead & False if rare is None else rare)}
    return xr.Dataset(data | flags, coords={"factor": FACTORS[: len(values)]})


def maps(folder: Path, layers: dict[str, xr.Dataset]) -> SensitivityMaps:
    root = xr.Dataset(coords={"layer": [*layers, "network"], "factor": FACTORS})
    path = folder / "indices.zarr"
    write_results(path, {"": root, **layers}, attributes={"replicates": 4})
    return SensitivityMaps({"mixed": path})


def noise(channels: int, *, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(len(FACTORS), channels, 3, 3))


def patterned(channels: int, *, clear: int) -> Floats:
    """Return maps with a pattern of their factor in the first channels, noise in the others."""
    values = noise(channels)
    pattern = np.random.default_rng(99).normal(size=(len(FACTORS), 1, 3, 3))
    values[:, :clear] = 10 * pattern + 0.1 * values[:, :clear]
    return values


def analyzed(folder: Path, values: Floats, **changes: int) -> dict[str, pd.DataFrame]:
    dead = np.zeros(values.shape[1:], dtype=bool)
    return discriminate(maps(folder, {"conv": layer(values, dead)}), **(SETTINGS | changes))


def test_clear_patterns_are_always_told_apart(tmp_path: Path) -> None:
    tables = analyzed(tmp_path, patterned(12, clear=12))
    cases = tables["accuracy"]
    assert len(cases) == 6  # three indices, raw and normalized
    assert (cases[["accuracy", "high"]] == 1).all(axis=None)
    least = binomtest(48, 48).proportion_ci(method="wilson").low  # 12 channels, 4 factors
    np.testing.assert_allclose(cases["low"], least)
    np.testing.assert_allclose(cases["p_value"], 1 / 40)  # the smallest that 39 shuffles allow
    own = tables["confusion"].query("factor == predicted")
    assert (own[["share", "high"]] == 1).all(axis=None)
    np.testing.assert_allclose(own["low"], binomtest(12, 12).proportion_ci(method="wilson").low)


def test_p_values_of_noise_are_uniform(tmp_path: Path) -> None:
    p_values = []
    for seed in range(16):
        folder = tmp_path / str(seed)
        folder.mkdir()
        case = analyzed(folder, noise(12, seed=seed), repeats=1)["accuracy"].iloc[0]
        assert abs(case["null_mean"] - 1 / 4) < 0.05
        p_values.append(case["p_value"])
    assert abs(np.mean(p_values) - 0.5) < 4 * np.sqrt(1 / 12 / len(p_values))
    assert min(p_values) < 0.25 < 0.75 < max(p_values)


def test_the_accuracy_is_the_trace_of_the_confusions(tmp_path: Path) -> None:
    tables = analyzed(tmp_path, patterned(12, clear=6))
    keys = ["layer", "design", "value", "variant"]
    shares = tables["confusion"]
    rows = shares.groupby([*keys, "factor"])["share"].sum()
    np.testing.assert_allclose(rows, 1)
    trace = shares.query("factor == predicted").groupby(keys)["share"].mean()
    found = tables["accuracy"].set_index(keys)["accuracy"]
    np.testing.assert_allclose(trace.reindex(found.index), found)
    assert found.between(0.5, 0.95).all()
    assert ((shares["low"] <= shares["share"]) & (shares["share"] <= shares["high"])).all()


def test_intervals_know_that_maps_of_a_channel_belong_together(tmp_path: Path) -> None:
    cases = analyzed(tmp_path, patterned(40, clear=20))["accuracy"].query("variant == 'raw'")
    # Half of the channels are always right, the others by chance: the spread between channels.
    spread = (1 - 0.25) / 2 / np.sqrt(40)
    width = (cases["high"] - cases["low"]).to_numpy()
    assert (width > 0.8 * 3.92 * spread).all()
    assert (width < 1.3 * 3.92 * spread).all()


def test_adjusted_p_values_follow_benjamini_and_hochberg(tmp_path: Path) -> None:
    layers = {
        name: layer(values, np.zeros(values.shape[1:], dtype=bool))
        for name, values in (("clear", patterned(12, clear=12)), ("noise", noise(12)))
    }
    cases = discriminate(maps(tmp_path, layers), **SETTINGS)["accuracy"]
    ranked = cases.sort_values("p_value")
    steps = ranked["p_value"].to_numpy() * len(cases) / np.arange(1, len(cases) + 1)
    expected = np.minimum.accumulate(steps[::-1])[::-1]
    np.testing.assert_allclose(ranked["p_adjusted"], expected)
    assert (cases["p_adjusted"] > cases["p_value"]).any()


def test_rare_units_are_left_out_and_channels_without_enough_others_are_named(
    tmp_path: Path,
) -> None:
    values = patterned(12, clear=12)
    dead, rare = (np.zeros(values.shape[1:], dtype=bool) for _ in range(2))
    dead[3, 0, 0] = rare[3, :2] = rare[5, 0, 0] = True
    tables = discriminate(maps(tmp_path, {"conv": layer(values, dead, rare)}), **SETTINGS)
    counts = ["channels", "left_out", "filled", "dead_units", "rare_units"]
    assert (tables["accuracy"][counts] == [11, 1, 1, 1, 6]).all(axis=None)
    row = tables["skipped"].query("layer == 'conv'")
    assert row[["channel", "reason"]].to_numpy().tolist() == [
        [3, "positions: 1 dead, 5 rare of 9"]
    ]
    assert not tables["projection"]["channel"].isin([3]).any()


def test_undefined_positions_take_the_mean_of_the_others(tmp_path: Path) -> None:
    values = patterned(12, clear=12)
    dead, rare = (np.zeros(values.shape[1:], dtype=bool) for _ in range(2))
    rare[5, 0, 0] = True
    held = discriminate(maps(tmp_path, {"conv": layer(values, dead, rare)}), **SETTINGS)
    values[:, 5, 0, 0] = np.nan
    values[:, 5, 0, 0] = np.nanmean(values[:, 5], axis=(1, 2))
    (tmp_path / "filled").mkdir()
    filled = analyzed(tmp_path / "filled", values)
    pd.testing.assert_frame_equal(held["projection"], filled["projection"])


def test_the_parts_of_content_stand_for_it(tmp_path: Path) -> None:
    factors = ["hue", "content", "partition", "class", "image"]
    values = np.random.default_rng(0).normal(size=(5, 12, 3, 3))
    data = layer(values[:4], np.zeros(values.shape[1:], dtype=bool)).drop_vars("factor")
    whole = xr.Dataset(
        {name: (("factor", "channel", "row", "col"), values) for name in ("S1", "ST", "shapley")},
        coords={"factor": factors},
    ).assign(data[["dead", "rare"]])
    root = xr.Dataset(coords={"layer": ["conv", "network"], "factor": factors})
    path = tmp_path / "indices.zarr"
    write_results(path, {"": root, "conv": whole}, attributes={"replicates": 4})
    tables = discriminate(SensitivityMaps({"mixed": path}), **SETTINGS)
    assert (tables["accuracy"]["factors"] == 4).all()
    assert set(tables["confusion"]["factor"]) == {*factors} - {"content"}


def test_channels_with_a_dead_position_are_left_out_and_counted(tmp_path: Path) -> None:
    values = patterned(12, clear=12)
    dead = np.zeros(values.shape[1:], dtype=bool)
    dead[3, :2] = dead[7] = True
    holed = maps(tmp_path, {"conv": layer(values, dead)})
    tables = discriminate(holed, **SETTINGS)
    assert (tables["accuracy"]["left_out"] == 2).all()
    assert (tables["accuracy"]["channels"] == 10).all()
    assert not tables["projection"]["channel"].isin([3, 7]).any()
    (tmp_path / "whole").mkdir()
    whole = analyzed(tmp_path / "whole", np.delete(values, [3, 7], axis=1))
    pd.testing.assert_frame_equal(whole["confusion"], tables["confusion"])


def test_zero_maps_are_counted_where_norms_divide(tmp_path: Path) -> None:
    values = patterned(12, clear=12)
    values[1, :5] = 0
    cases = analyzed(tmp_path, values)["accuracy"].set_index("variant")["zero_maps"]
    assert (cases["raw"] == 0).all()
    assert (cases["normalized"] == 5).all()


def test_a_factor_without_maps_keeps_its_empty_row(tmp_path: Path) -> None:
    values = patterned(12, clear=12)
    values[1] = 0
    tables = analyzed(tmp_path, values)
    case = tables["confusion"].query("variant == 'normalized' and value == 'S1'")
    assert len(case) == 16
    assert case.query("factor == 'rolling'")["share"].isna().all()
    assert case.query("predicted == 'rolling' and factor != 'rolling'")["share"].eq(0).all()
    chances = tables["accuracy"].set_index("variant")["chance"]
    np.testing.assert_allclose(chances["normalized"], 1 / 3)


def test_layers_that_allow_no_analysis_are_listed_with_the_reason(tmp_path: Path) -> None:
    alive = np.zeros((12, 3, 3), dtype=bool)
    few = alive.copy()
    few[3:] = True
    layers = {
        "few": layer(noise(12), few),
        "dead": layer(noise(12), ~alive),
        "alike": layer(np.repeat(noise(1), 12, axis=1), alive),
        "vector": layer(noise(12)[:, :, 0, 0], alive[:, 0, 0]),
    }
    tables = discriminate(maps(tmp_path, layers), **SETTINGS)
    reasons = tables["skipped"].drop_duplicates("layer").set_index("layer")["reason"]
    assert reasons["few"] == "channels defined at half of their positions: 3, needed: 4"
    assert reasons["dead"] == "channels defined at half of their positions: 0, needed: 4"
    assert reasons["alike"] == "the maps of a factor are alike in all channels"
    assert reasons["vector"] == "the layer has no positions"
    assert tables["accuracy"].empty
    assert "p_adjusted" in tables["accuracy"]


def test_the_projection_shows_channels_that_it_was_not_fitted_to(tmp_path: Path) -> None:
    values = patterned(12, clear=12)
    first = analyzed(tmp_path, values)["projection"]
    shown = first["channel"].unique()
    assert len(shown) == 6
    changed = values.copy()
    changed[:, shown[0]] += 50.0
    (tmp_path / "changed").mkdir()
    second = analyzed(tmp_path / "changed", changed)["projection"]
    apart = second.set_index("channel")["axis_1"] - first.set_index("channel")["axis_1"]
    raw = first["variant"].eq("raw").to_numpy()
    moved = apart[raw].groupby("channel").apply(lambda a: np.ptp(np.r_[0, a]))
    # Coordinates are measured from a common origin: only the changed channel moves by itself.
    assert moved.idxmax() == shown[0]
    rest = apart[raw & (first["channel"] != shown[0]).to_numpy()]
    assert np.ptp(rest) < 1e-3 * moved.max()


def test_a_seed_repeats_every_number(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    values = patterned(8, clear=4)
    first, second = analyzed(tmp_path, values), analyzed(tmp_path / "again", values)
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, second[name])


@pytest.mark.parametrize("changes", [{"folds": 1}, {"repeats": 0}, {"permutations": 0}])
def test_senseless_settings_are_refused(tmp_path: Path, changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 2 folds, 1 repeat and 1 permutation"):
        analyzed(tmp_path, noise(8), **changes)
