"""Correlations of maps against loops over positions with SciPy."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, spearmanr

from actsense.correlation.tables import Correlations, correlate
from actsense.layers import unit_dimensions
from actsense.sensitivity.maps import INDICES, SensitivityMaps
from actsense.statistics.spearman import fisher_mean, tiles
from actsense.store import write_results

FACTORS = {"one": ["hue", "order"], "two": ["rolling", "order"]}
SHAPES = {"maps": (20, 4, 5), "vector": (30,), "tiny": (2, 3, 3)}
LABELS = ["hue", "order (one)", "rolling", "order (two)"]
DESIGN = dict(zip(LABELS, ["one", "one", "two", "two"], strict=True))
OPTIONS = {"resamples": 100, "seed": 0}
Floats = NDArray[np.float64]


def layer(design: str, shape: tuple[int, ...]) -> xr.Dataset:
    """Return indices that share a part between all factors, so that they correlate."""
    rng = np.random.default_rng([len(design), ord(design[-1]), *shape])
    dims, common = unit_dimensions(shape), np.random.default_rng(0).normal(size=shape)
    data = {}
    for name in ("S1", "ST", "shapley"):
        data[name] = (("factor", *dims), common + rng.normal(size=(2, *shape)).round(1))
        data[f"{name}_ci"] = (("factor", *dims), rng.uniform(0.1, 0.4, (2, *shape)))
    data["mean"] = (dims, rng.normal(size=shape))
    data["variance"] = (dims, np.exp(common))
    dead = np.zeros(shape, dtype=bool)
    dead[(int(design == "two"),) + (0,) * (len(shape) - 1)] = True
    rare = np.zeros(shape, dtype=bool)
    if design == "two" and shape == SHAPES["maps"]:
        rare[3:5, 1, 2] = rare[1, 0, 0] = True  # the last one is dead, too
    data |= {"dead": (dims, dead), "rare": (dims, rare)}
    return xr.Dataset(data, coords={"factor": FACTORS[design]})


BOTH = ("train", "validation")


def stores(folder: Path, *, apart: Sequence[Sequence[str]] = ()) -> SensitivityMaps:
    """Write two designs and open them; `rolling` is constant in the vector, under S1.

    Contrasts may have partitions `apart`, of each design those given.
    """
    paths: dict[str, dict[str, Path]] = {"indices": {}, "contrast": {}}
    for design, factors in FACTORS.items():
        layers = {name: layer(design, shape) for name, shape in SHAPES.items()}
        if design == "two":
            layers["vector"]["S1"].loc[{"factor": "rolling"}] = 0.25
        root = xr.Dataset(
            {"units": ("layer", np.zeros(4))},
            coords={"layer": [*layers, "network"], "factor": factors},
        )
        contrasts = {
            name: xr.Dataset(
                {
                    "rank_biserial": (
                        ("augmentation", *data["mean"].dims),
                        data["ST"].to_numpy()[:1],
                    )
                },
                coords={"augmentation": factors[:1]},
            )
            for name, data in layers.items()
        }
        if apart:
            names = xr.DataArray(["train", "validation"], dims="partition")
            contrasts = {
                name: (data * xr.DataArray([1, 0.5], {"partition": names})).sel(
                    partition=list(apart[[*FACTORS].index(design)])
                )
                for name, data in contrasts.items()
            }
        for kind, groups in (("indices", {"": root, **layers}), ("contrast", contrasts)):
            paths[kind][design] = folder / f"{design}_{kind}.zarr"
            write_results(paths[kind][design], groups, attributes={"replicates": 4})
    return SensitivityMaps(paths["indices"], paths["contrast"])


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> SensitivityMaps:
    return stores(tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module")
def found(maps: SensitivityMaps) -> Correlations:
    return correlate(maps, **OPTIONS)


def by_hand(a: Floats, b: Floats) -> Floats:
    """Correlate two maps at every position, over the units that are finite in both."""
    a, b = (x.reshape(len(x), -1) for x in (a, b))
    used = np.isfinite(a) & np.isfinite(b)
    pairs = zip(a.T, b.T, used.T, strict=True)
    return np.array([spearmanr(x[u], y[u]).statistic for x, y, u in pairs])


def everywhere_alive(maps: SensitivityMaps, name: str, value: str, label: str) -> Floats:
    variable = next(v for v in maps.variables if v.label == label)
    one = maps.read(name, value, [variable])[0].astype(float)
    return np.where(maps.alive(name), one, np.nan)


def averaged(rho: Floats) -> float:
    return float(np.tanh(np.arctanh(rho).mean()))


@pytest.mark.parametrize("name", ["maps", "vector"])
@pytest.mark.parametrize("value", [*INDICES, "contrast"])
def test_correlations_within_a_value_are_averages_over_positions(
    maps: SensitivityMaps, found: Correlations, name: str, value: str
) -> None:
    table = found.tables["within"]
    rows = table[(table["layer"] == name) & (table["value"] == value)].dropna(subset="rho")
    assert len(rows) == {"contrast": 1, "S1": 6 if name == "maps" else 3}.get(value, 6)
    for _, row in rows.iterrows():
        two = [everywhere_alive(maps, name, value, row[f"variable_{k}"]) for k in (1, 2)]
        np.testing.assert_allclose(row["rho"], averaged(by_hand(*two)), rtol=1e-10)
        spread = by_hand(*two).std(ddof=1) if name == "maps" else np.nan
        np.testing.assert_allclose(row["spread"], spread, rtol=1e-10)


def test_correlations_across_values_hold_all_pairs_of_variables(
    maps: SensitivityMaps, found: Correlations
) -> None:
    table = found.tables["across"].set_index(
        ["layer", "value_1", "value_2", "variable_1", "variable_2"]
    )
    assert len(table) == 2 * (3 * 4 * 4 + 3 * 4 * 2)
    for first, second in (("hue", "rolling"), ("rolling", "hue"), ("order (two)",) * 2):
        one = everywhere_alive(maps, "maps", "S1", first)
        other = everywhere_alive(maps, "maps", "ST", second)
        rho = table.loc[("maps", "S1", "ST", first, second), "rho"]
        np.testing.assert_allclose(rho, averaged(by_hand(one, other)), rtol=1e-10)


@pytest.mark.parametrize("label", LABELS)
def test_the_variation_is_that_of_the_own_design(
    maps: SensitivityMaps, found: Correlations, label: str
) -> None:
    variance, mean = (maps.read_moment("maps", m, DESIGN[label]) for m in ("variance", "mean"))
    expected = by_hand(everywhere_alive(maps, "maps", "ST", label), np.sqrt(variance) / abs(mean))
    table = found.tables["variation"].set_index(["layer", "value", "variable"])
    np.testing.assert_allclose(
        table.loc[("maps", "ST", label), "rho"], averaged(expected), rtol=1e-10
    )
    positions = found.variation["maps"]["rho"].sel(value="ST", variable=label)
    assert positions.dims == ("row", "col")
    np.testing.assert_allclose(positions.to_numpy().ravel(), expected, atol=1e-6)


def test_a_layer_without_positions_has_the_p_value_of_scipy(
    maps: SensitivityMaps, found: Correlations
) -> None:
    table = found.tables["within"].set_index(["layer", "value", "variable_1", "variable_2"])
    row = table.loc[("vector", "ST", "hue", "rolling")]
    two = [everywhere_alive(maps, "vector", "ST", label) for label in ("hue", "rolling")]
    used = maps.alive("vector")
    expected = spearmanr(*(x[used] for x in two)).pvalue
    np.testing.assert_allclose(row["p_value"], expected, rtol=1e-8)
    assert (row["n_units"], row["left_out"], row["n_positions"]) == (28, 2, 1)


def test_intervals_of_maps_come_from_resampled_tiles(
    maps: SensitivityMaps, found: Correlations
) -> None:
    two = [everywhere_alive(maps, "maps", "ST", label) for label in ("hue", "rolling")]
    expected = fisher_mean(by_hand(*two), groups=tiles(SHAPES["maps"][1:]), **OPTIONS)
    table = found.tables["within"].set_index(["layer", "value", "variable_1", "variable_2"])
    row = table.loc[("maps", "ST", "hue", "rolling")]
    np.testing.assert_allclose(row[["low", "high"]].to_list(), [expected.low, expected.high])
    assert (row["n_tiles"], row["n_positions"]) == (6, 20)


def test_intervals_enclose_what_they_belong_to(found: Correlations) -> None:
    for name in ("within", "across", "variation"):
        known = found.tables[name].dropna(subset="rho")
        assert (known["low"] <= known["rho"]).all()
        assert (known["rho"] <= known["high"]).all()
        assert (known["low"] < known["high"]).mean() > 0.9


@pytest.mark.parametrize("name", ["within", "across", "variation"])
def test_p_values_are_adjusted_over_the_whole_table(found: Correlations, name: str) -> None:
    table = found.tables[name].dropna(subset="p_value")
    np.testing.assert_allclose(
        table["p_adjusted"], false_discovery_control(table["p_value"].to_numpy())
    )


def test_dead_and_rare_units_are_left_out_and_counted(found: Correlations) -> None:
    rows = found.tables["within"].query("layer == 'maps'")
    # Another one is dead in each design, at the first position, and two are rare elsewhere.
    assert (rows[["left_out", "dead_units", "rare_units"]] == [4, 2, 2]).all(axis=None)
    np.testing.assert_allclose(rows["n_units"], 20 - 4 / 20)


def test_layers_of_too_few_units_are_listed_with_the_reason(found: Correlations) -> None:
    row = found.tables["skipped"].query("layer == 'tiny'").iloc[0]
    assert (row["value"], row["variable"], row["n_units"]) == ("all", "all", 2)
    assert "fewer than 3 units" in row["reason"]
    assert "tiny" not in set(found.tables["within"]["layer"])


def test_constant_maps_are_undefined_and_listed(found: Correlations) -> None:
    skipped = found.tables["skipped"].query("layer == 'vector'")
    assert skipped[["value", "variable"]].to_numpy().tolist() == [["S1", "rolling"]]
    table = found.tables["within"].query("layer == 'vector' and value == 'S1'")
    constant = (table["variable_1"] == "rolling") | (table["variable_2"] == "rolling")
    assert (table["rho"].isna() == constant).all()
    assert (table["undefined"] == constant).all()


def test_the_reliability_is_that_of_the_noisier_map(
    maps: SensitivityMaps, found: Correlations
) -> None:
    hue, order = (maps.reliability("maps", "ST", maps.variables[k]) for k in (0, 1))
    table = found.tables["within"].set_index(["layer", "value", "variable_1", "variable_2"])
    row = table.loc[("maps", "ST", "hue", "order (one)")]
    assert row["reliability"] == min(hue, order) != max(hue, order)
    assert np.isnan(table.loc[("maps", "contrast", "hue", "rolling"), "reliability"])


def test_the_same_seed_gives_the_same_tables(maps: SensitivityMaps, found: Correlations) -> None:
    again = correlate(maps, **OPTIONS)
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table)


@pytest.mark.parametrize(
    ("second", "shared"), [(["validation"], ["validation"]), (["train"], ["train"])]
)
def test_partitions_that_a_design_lacks_are_no_values(
    tmp_path: Path, second: list[str], shared: list[str]
) -> None:
    one = stores(tmp_path, apart=[BOTH, second])
    assert one.values == (*INDICES, *(f"contrast ({name})" for name in shared))
    assert np.isfinite(one.read("maps", one.values[-1], one.augmentations)).any()


def test_designs_of_different_partitions_have_no_contrast_in_common(tmp_path: Path) -> None:
    assert stores(tmp_path, apart=[["train"], ["validation"]]).values == INDICES


def test_contrasts_of_partitions_are_values_of_their_own(
    tmp_path: Path, maps: SensitivityMaps, found: Correlations
) -> None:
    apart = stores(tmp_path, apart=[BOTH, BOTH])
    assert apart.values == (*INDICES, "contrast (train)", "contrast (validation)")
    names = apart.augmentations
    train, validation = (apart.read("maps", value, names) for value in apart.values[3:])
    np.testing.assert_array_equal(train, maps.read("maps", "contrast", names))
    np.testing.assert_array_equal(validation, train / 2)
    tables = correlate(apart, **OPTIONS).tables
    for kind, key in (("within", "value"), ("across", "value_2"), ("variation", "value")):
        table, pooled = tables[kind], found.tables[kind]
        rho = pooled.loc[pooled[key] == "contrast", "rho"]
        one = table[table[key] == "contrast (validation)"]
        if kind == "across":  # halved, they rank units alike
            same = one[one["value_1"] == "contrast (train)"].query("variable_1 == variable_2")
            np.testing.assert_allclose(same.loc[same["layer"] == "maps", "rho"], 1)
            one = one[one["value_1"] != "contrast (train)"]
        np.testing.assert_allclose(one["rho"], rho)
