"""From moments on disk to labelled indices: aggregates, tiles, dead units, shards."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from analytic import moments_of
from numpy.typing import NDArray
from scipy.stats import norm

from actsense.errors import OutdatedResultError
from actsense.networks.layers import RESERVED
from actsense.sampling.designs import Design, Factor
from actsense.sensitivity import estimation as results_module
from actsense.sensitivity.estimation import estimate_results, index_tables
from actsense.sensitivity.indices import estimate_indices, total_over_units
from actsense.sensitivity.moments import Moments, layout, row_count
from actsense.sensitivity.moments_file import merge_shards, open_moments, write_moments
from actsense.store import CorruptFileError, Gathered
from actsense.store.archive import create_archive

LAYERS = [{"name": "conv", "shape": [2, 2, 2]}, {"name": "fc", "shape": [3]}]
WEIGHTS = np.random.default_rng(4).normal(size=(4, 11))
WEIGHTS[:, 3] = 0  # a dead unit in the first channel
DESIGN = Design("linear", tuple(Factor(f"x{j}", 1) for j in range(4)), 256, 4, seed=2)


def linear(u: NDArray[np.float64]) -> NDArray[np.float64]:
    return norm.ppf(u) @ WEIGHTS


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return summed(linear, tmp_path_factory.mktemp("moments"))


def summed(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], folder: Path
) -> list[Path]:
    """Write the moments of every replicate."""
    written = []
    for replicate, moments in enumerate(moments_of(function, DESIGN, dtype=torch.float64)):
        written.append(folder / f"replicate_{replicate}.zarr.zip")
        write_moments(written[-1], [(moments.tiled, {"layers": LAYERS, "seed": 2})])
    return written


def estimated(paths: list[Path]) -> Gathered:
    groups = Gathered()
    estimate_results(paths, groups)
    return groups


def expected(units: slice) -> NDArray[np.float64]:
    """Aggregated shares of a linear function: squared weights of a factor over all of them."""
    squares = WEIGHTS[:, units] ** 2
    return squares.sum(axis=1) / squares.sum()


@pytest.mark.parametrize("name", ["S1", "ST", "shapley"])
def test_aggregates_weigh_units_by_their_variance(paths: list[Path], name: str) -> None:
    found = estimated(paths)
    for layer, units in (("conv", slice(0, 8)), ("fc", slice(8, 11)), ("network", slice(0, 11))):
        value = found[""][name].sel(layer=layer).to_numpy()
        np.testing.assert_allclose(value, expected(units), atol=0.02)
    for channel, units in ((0, slice(0, 4)), (1, slice(4, 8))):
        value = found["conv/by_channel"][name].isel(channel=channel).to_numpy()
        np.testing.assert_allclose(value, expected(units), atol=0.02)
    assert set(found) == {"", "conv", "conv/by_channel", "fc"}


def test_no_layer_can_have_a_name_of_the_totals(paths: list[Path]) -> None:
    totals = estimated(paths)[""]
    assert {*totals.variables, totals["layer"].to_numpy()[-1]} <= RESERVED


def test_variances_of_groups_are_averages_over_units(paths: list[Path]) -> None:
    totals = estimated(paths)[""]
    variances = (WEIGHTS**2).sum(axis=0)
    np.testing.assert_allclose(
        totals["variance"].to_numpy(),
        [variances[:8].mean(), variances[8:].mean(), variances.mean()],
        rtol=0.03,
    )


def test_dead_units_are_flagged_counted_and_left_out(paths: list[Path]) -> None:
    found = estimated(paths)
    assert bool(found["conv"]["dead"][0, 1, 1])
    assert found[""]["dead_units"].to_numpy().tolist() == [1, 0, 1]
    assert found[""]["units"].to_numpy().tolist() == [8, 3, 11]
    assert np.isfinite(found[""]["S1"]).all()


def test_reading_in_tiles_changes_nothing(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = estimated(paths)
    monkeypatch.setattr(results_module, "ESTIMATED_BYTES", 1)  # one channel at a time
    tiled = estimated(paths)
    for group in ("conv", "conv/by_channel", "fc"):
        xr.testing.assert_identical(tiled[group], whole[group])
    xr.testing.assert_allclose(tiled[""], whole[""], rtol=1e-12)  # sums of a vector are of tiles


@pytest.mark.parametrize("power", [-60, 60])
def test_the_scale_of_responses_changes_no_bit_of_a_share(
    paths: list[Path], tmp_path: Path, power: int
) -> None:
    scaled = estimated(summed(lambda u: linear(u) * 2.0**power, tmp_path))
    whole = estimated(paths)
    for group in ("conv", "conv/by_channel", "fc"):
        shares = [name for name in whole[group] if not str(name).startswith(("mean", "variance"))]
        assert {"S1", "ST_ci", "S2", "shapley", "rare", "dead"} <= {*shares}
        xr.testing.assert_identical(scaled[group][shares], whole[group][shares])
        wide = scaled[group]["variance"].to_numpy()
        np.testing.assert_array_equal(wide, 4.0**power * whole[group]["variance"].to_numpy())


def test_tables_hold_the_aggregates(paths: list[Path]) -> None:
    tables = index_tables(estimate_results(paths, Gathered()))
    layers = tables["layers"].set_index(["layer", "factor", "index"])["value"]
    assert layers["network", "x0", "S1"] == pytest.approx(expected(slice(0, 11))[0], abs=0.02)
    assert len(tables["pairs"]) == 3 * 6
    assert (tables["pairs"]["factor"] < tables["pairs"]["factor_2"]).all()
    assert len(tables["channels"]) == 2 * 4 * 3
    assert tables["units"]["dead_units"].tolist() == [1, 0, 1]


def shard(path: Path, blocks: list[int], *, design: str = "a") -> Moments:
    sums = np.random.default_rng(blocks[0]).normal(size=(24, 5))
    moments = Moments(("x", "y", "z", "w"), 1, 16, 100, sums)
    write_moments(path, [(moments.tiled, {"design": design, "blocks": blocks})])
    return moments


def test_shards_merge_to_their_sum(tmp_path: Path) -> None:
    parts = [tmp_path / "0.zarr.zip", tmp_path / "1.zarr.zip"]
    first, second = shard(parts[0], [0, 2]), shard(parts[1], [2, 5])
    tiles, identity = merge_shards(parts, blocks=5)
    merged = tiles.joined()

    np.testing.assert_array_equal(merged.sums, first.sums + second.sums)
    assert identity == {"design": "a"}
    assert merged.points == 32


@pytest.mark.parametrize(
    ("second", "design", "error", "message"),
    [
        ([1, 5], "a", CorruptFileError, "not the next ones"),
        ([2, 5], "b", CorruptFileError, "not the next ones"),
        ([2, 4], "a", ValueError, "5 blocks; its shards end at 4"),
    ],
)
def test_shards_that_do_not_belong_together_are_refused(
    tmp_path: Path, second: list[int], design: str, error: type[Exception], message: str
) -> None:
    parts = [tmp_path / "0.zarr.zip", tmp_path / "1.zarr.zip"]
    shard(parts[0], [0, 2])
    shard(parts[1], second, design=design)
    with pytest.raises(error, match=message):
        merge_shards(parts, blocks=5)


def test_the_damaged_file_is_the_one_named(paths: list[Path], tmp_path: Path) -> None:
    copies = [tmp_path / path.name for path in paths]
    for path, copy in zip(paths, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    content = bytearray(copies[1].read_bytes())
    content[len(content) // 2] ^= 1
    copies[1].write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"replicate_1\.zarr\.zip: damaged"):
        estimate_results(copies, Gathered())


def test_moments_of_an_earlier_version_are_refused_with_what_to_do(tmp_path: Path) -> None:
    """They had other sums, and no parts of the last factor."""
    path = tmp_path / "replicates_0-1.zarr.zip"
    attributes = {"factors": ["x"], "walks": 1, "points": 16, "forwards": 9, "identity": {}}
    with create_archive(path, {}) as root:
        group = root.create_group("state_0000", attributes=attributes)
        group.create_array("sums", data=np.ones((6, 3)))
    refused = pytest.raises(
        OutdatedResultError, match=r"replicates_0-1.*snakemake indices --cores all$"
    )
    with open_moments(path) as (state,), refused:
        state.read()


def test_units_are_read_a_range_at_a_time(paths: list[Path]) -> None:
    with open_moments(paths[0]) as (state,):
        np.testing.assert_array_equal(state.read(slice(2, 5)).sums, state.read().sums[:, 2:5])


def test_a_group_of_many_steady_units_is_not_dead_and_its_mean_counts_all() -> None:
    """Each unit varies by 1e-4 of its mean; the last one is constant at 5."""
    units, points = 100_000, 64
    generator, rows = np.random.default_rng(0), layout(4)
    replicates = []
    for _ in range(4):
        sums = np.zeros((row_count(4), units))
        variance = 1e-8 * points * (1 + 0.01 * generator.normal(size=units))
        variance[-1] = 0
        sums[rows["sum"]] = 2 * points
        sums[rows["sum"], -1] = 10 * points
        sums[rows["gap"]] = sums[rows["swapped"]] = 2 * variance
        replicates.append(Moments(("w", "x", "y", "z"), 1, points, 1, sums))
    dead = estimate_indices(replicates).dead
    whole = [total_over_units(m, np.array([0]), dead) for m in replicates]
    found = estimate_indices(whole)

    assert dead.nonzero()[0].tolist() == [units - 1]
    assert not found.dead.any()
    assert np.isfinite(found.values["S1"]).all()
    assert found.values["mean"][0] == pytest.approx(units - 1 + 5)
