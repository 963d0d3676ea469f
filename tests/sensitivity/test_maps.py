"""The maps of all designs, as analyses read them."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.special import stdtrit

from actsense.errors import ConfigError, OutdatedResultError
from actsense.sensitivity.maps import SensitivityMaps
from actsense.store import write_results

SHAPE = (3, 2, 2)
FACTORS = {"one": ["hue", "order"], "two": ["rolling", "order"]}
REPLICATES = 4


def layer(
    factors: list[str], seed: int, *, half_width: float = 0.1, rare_corner: bool = False
) -> xr.Dataset:
    values = np.random.default_rng(seed).normal(size=(len(factors), *SHAPE)).astype(np.float32)
    dims = ("factor", "channel", "row", "col")
    dead = np.zeros(SHAPE, dtype=bool)
    dead[seed % 3, 0, 0] = True
    rare = np.zeros(SHAPE, dtype=bool)
    rare[0, :, 1] = rare_corner
    data = {name: (dims, k * values) for k, name in enumerate(("S1", "ST", "shapley"), 1)}
    data |= {f"{name}_ci": (dims, np.full_like(values, half_width)) for name in list(data)}
    data |= {name: (dims[1:], np.full(SHAPE, seed + 2.0)) for name in ("mean", "variance")}
    flags = {"dead": (dims[1:], dead), "rare": (dims[1:], rare)}
    return xr.Dataset(data | flags, coords={"factor": factors})


def store(folder: Path, design: str, *layers: str, **options: float) -> Path:
    factors = FACTORS[design]
    root = xr.Dataset(
        {"units": ("layer", np.zeros(len(layers) + 1))},
        coords={"layer": [*layers, "network"], "factor": factors},
    )
    seeds = {"one": 0, "two": 1}
    groups = {name: layer(factors, seeds[design], **options) for name in layers}
    path = folder / f"{design}.zarr"
    write_results(path, {"": root, **groups}, attributes={"replicates": REPLICATES})
    return path


def contrast(folder: Path) -> Path:
    values = np.linspace(-1, 1, 12).reshape(1, *SHAPE)
    data = xr.Dataset(
        {"rank_biserial": (("augmentation", "channel", "row", "col"), values)},
        coords={"augmentation": ["hue"]},
    )
    write_results(folder / "contrast.zarr", {"first": data}, attributes={})
    return folder / "contrast.zarr"


def maps(folder: Path, **options: float) -> SensitivityMaps:
    stores = {design: store(folder, design, "first", "last", **options) for design in FACTORS}
    return SensitivityMaps(stores, {"one": contrast(folder)})


def test_variables_of_several_designs_name_their_design(tmp_path: Path) -> None:
    own = maps(tmp_path)
    labels = [variable.label for variable in own.variables]
    assert labels == ["hue", "order (one)", "rolling", "order (two)"]
    assert [variable.factor for variable in own.augmentations] == ["hue", "rolling"]
    assert own.layers == ("first", "last")


def test_maps_are_those_of_the_stores(tmp_path: Path) -> None:
    own = maps(tmp_path)
    expected = np.stack(
        [layer(FACTORS[d], s)["ST"].to_numpy() for d, s in (("one", 0), ("two", 1))]
    )
    read = own.read("last", "ST", own.variables).reshape(2, 2, *SHAPE)
    defined = np.isfinite(read)
    np.testing.assert_array_equal(read[defined], expected[defined])
    assert (~defined).sum(axis=(1, 2, 3, 4)).tolist() == [2, 2]  # one dead unit for both factors
    assert np.isnan(read[0, :, 0, 0, 0]).all()
    assert np.isnan(read[1, :, 1, 0, 0]).all()


def test_rare_units_are_undefined_and_counted_apart_from_dead_ones(tmp_path: Path) -> None:
    own = maps(tmp_path, rare_corner=True)
    first = own.read("first", "S1", own.variables)
    assert np.isnan(first[:, 0, :, 1]).all()
    assert own.alive("first").sum() == 12 - 2 - 2
    assert str(own.left_out("first")) == "2 dead, 2 rare of 12"
    assert str(own.left_out("first", "one")) == "1 dead, 2 rare of 12"


def test_a_store_that_marks_no_rare_units_is_outdated(tmp_path: Path) -> None:
    data = layer(FACTORS["one"], 0).drop_vars("rare")
    root = xr.Dataset(coords={"layer": ["first", "network"], "factor": FACTORS["one"]})
    write_results(tmp_path / "old.zarr", {"": root, "first": data}, attributes={})
    with pytest.raises(OutdatedResultError, match="which units are rare"):
        SensitivityMaps({"one": tmp_path / "old.zarr"})


def test_alive_means_alive_in_every_design(tmp_path: Path) -> None:
    alive = maps(tmp_path).alive("first")
    assert np.argwhere(~alive).tolist() == [[0, 0, 0], [1, 0, 0]]


def test_moments_belong_to_a_design(tmp_path: Path) -> None:
    own = maps(tmp_path)
    assert own.read_moment("first", "mean", "one").mean() == 2
    assert own.read_moment("first", "variance", "two").mean() == 3


def test_contrasts_are_magnitudes(tmp_path: Path) -> None:
    own = maps(tmp_path)
    read = own.read("first", "contrast", own.augmentations[:1])
    np.testing.assert_allclose(read.ravel(), abs(np.linspace(-1, 1, 12)), rtol=1e-6)


def test_reliability_is_the_share_of_the_spread_that_is_not_noise(tmp_path: Path) -> None:
    generator, units = np.random.default_rng(5), 4000
    signal, noise = generator.normal(0, 2, units), generator.normal(0, 1, units)
    width = np.full(units, stdtrit(REPLICATES - 1, 0.975))  # of a standard error of 1
    dims = ("factor", "unit")
    vector = xr.Dataset(
        {
            "S1": (dims, (signal + noise)[None]),
            "S1_ci": (dims, width[None]),
            "dead": ("unit", np.zeros(units, dtype=bool)),
            "rare": ("unit", np.zeros(units, dtype=bool)),
        },
        coords={"factor": ["hue"]},
    )
    root = xr.Dataset(coords={"layer": ["first"], "factor": ["hue"]})
    path = tmp_path / "vector.zarr"
    write_results(path, {"": root, "first": vector}, attributes={"replicates": REPLICATES})
    own = SensitivityMaps({"one": path})
    assert own.reliability("first", "S1", own.variables[0]) == pytest.approx(0.8, abs=0.02)
    assert not own.is_map("first")


def test_what_is_missing_names_the_target_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.zarr: not there\. .*snakemake indices"):
        SensitivityMaps({"one": tmp_path / "absent.zarr"})
    own = maps(tmp_path)
    with pytest.raises(
        ConfigError, match=r"'middle' has no indices .* first, last.*snakemake ind"
    ):
        own.read("middle", "S1", own.variables)
    with pytest.raises(ConfigError, match=r"'last' has no contrast .*: first.*snakemake contrast"):
        own.read("last", "contrast", own.augmentations[:1])


def test_designs_that_saw_different_layers_are_refused(tmp_path: Path) -> None:
    stores = {"one": store(tmp_path, "one", "first"), "two": store(tmp_path, "two", "last")}
    with pytest.raises(ConfigError, match="Designs one and two saw different layers: first and"):
        SensitivityMaps(stores)
