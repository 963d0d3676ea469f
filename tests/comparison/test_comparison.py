"""Two studies beside each other, against loops with SciPy, planted correlations, and by hand."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from beside import AUGMENTATIONS, HALF, NESTED, SHAPES, write_study
from scipy.stats import ks_2samp, pearsonr, spearmanr, t

from actsense import open_study
from actsense.comparison import Comparison, compare
from actsense.comparison.pairing import pair_studies
from actsense.errors import ConfigError
from actsense.store import read_table
from actsense.store.tables import write_tables

PLANTED = 0.8
PLAIN = [*AUGMENTATIONS, "permutation", "class", "partition"]  # the image is hidden

SMALL: dict[str, Any] = {
    "factors": PLAIN[:3],
    "shapes": {"vector": SHAPES["vector"]},
    "drop": ["S2", "S2_ci"],
}


def beside(a: Path, b: Path, **options: Any) -> Comparison:
    return compare(open_study(a), open_study(b), **({"resamples": 100} | options))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two studies whose maps correlate by what was planted; that of hue by its opposite."""
    folder = tmp_path_factory.mktemp("studies")
    first = write_study(folder / "first", 1, rho=PLANTED)
    return first, write_study(folder / "second", 2, rho=PLANTED, signs={"hue": -1})


@pytest.fixture(scope="module")
def bare(folders: tuple[Path, Path]) -> Comparison:
    """The first one beside another that has no intervals."""
    other = folders[0].parent / "bare"
    without: dict[str, Any] = {
        "intervals": False,
        "drop": ["S2", "S2_ci"],
        "shapes": {"maps": SHAPES["maps"]},
    }
    return beside(folders[0], write_study(other, 2, rho=PLANTED, **without))


@pytest.fixture(scope="module")
def planted(folders: tuple[Path, Path]) -> Comparison:
    return beside(*folders)


@cache
def held(folder: Path, layer: str) -> xr.Dataset:
    return open_study(folder)["net", "all"].layer(layer).load()


def arrays(folder: Path, layer: str, value: str, **where: str) -> Any:
    return held(folder, layer)[value].sel(where).to_numpy().astype(float)


def kept(folders: tuple[Path, Path], layer: str) -> Any:
    flags = [held(folder, layer) for folder in folders]
    return ~np.logical_or.reduce([one[n].to_numpy() for one in flags for n in ("dead", "rare")])


def test_every_map_agrees_with_loops_over_positions(
    folders: tuple[Path, Path], planted: Comparison
) -> None:
    table = planted.tables["maps"]
    chosen = table[table["value"].isin(["S1", "ST", "shapley", "variance"])]
    assert len(chosen) == 2 * (3 * 7 + 1)
    for row in chosen.itertuples():
        where = {"factor": row.factor} if row.factor else {}
        a, b = (arrays(folder, row.layer, row.value, **where) for folder in folders)
        used = kept(folders, row.layer)
        assert (row.n_units, row.left_out) == (used.sum(), used.size - used.sum())
        columns = (x.reshape(len(x), -1).T for x in (a, b, used))
        rho = [spearmanr(x[u], y[u]).statistic for x, y, u in zip(*columns, strict=True)]
        assert row.rho == pytest.approx(np.tanh(np.arctanh(rho).mean()), rel=1e-6)
        assert row.n_positions == len(rho)
        assert row.distance == pytest.approx(ks_2samp(a[used], b[used]).statistic)
        assert (row.mean_a, row.mean_b) == pytest.approx(
            (a[used].mean(), b[used].mean()), abs=1e-6
        )
        if row.value == "variance":
            assert np.isnan(row.pearson)
        else:
            assert row.pearson == pytest.approx(pearsonr(a[used], b[used]).statistic, rel=1e-4)


def test_planted_correlations_and_signs_are_found_within_their_intervals(
    planted: Comparison,
) -> None:
    table = planted.tables["maps"]
    table = table[table["value"].isin(["S1", "ST", "shapley"])]
    signs = np.where(table["factor"] == "hue", -1, 1)
    truth = PLANTED * signs
    low, high = (table[f"pearson_{end}"].to_numpy() for end in ("low", "high"))
    assert ((high - low) < 0.4).all()
    assert ((low < truth) & (truth < high)).mean() > 0.8
    # Of normal values Spearman's is the arcsine of half of Pearson's.
    rank = 6 / np.pi * np.arcsin(truth / 2)
    assert ((table["low"] < rank) & (rank < table["high"])).mean() > 0.8
    assert (np.sign(table["rho"]) == signs).all()
    assert (table["p_adjusted"] < 0.01).all()


def test_a_study_beside_itself_agrees_everywhere(tmp_path: Path) -> None:
    shapes = {"maps": (12, 2, 3), "vector": (20,)}
    one = write_study(tmp_path / "one", 1, factors=PLAIN[:3], shapes=shapes)
    table = beside(one, one).tables["maps"]
    assert {*table["value"]} == {"S1", "ST", "S2", "shapley", "variance", "contrast"}
    np.testing.assert_allclose(table[["rho", "low", "high"]].astype(float), 1, atol=1e-6)
    shares = table[table["pearson"].notna()]
    assert {*shares["value"]} == {"S1", "ST", "S2", "shapley"}
    np.testing.assert_allclose(shares[["pearson", "pearson_low", "pearson_high"]], 1, atol=1e-6)
    assert (table["distance"] == 0).all()


def test_dead_and_rare_units_of_either_side_are_left_out(planted: Comparison) -> None:
    counts = planted.tables["maps"][["left_out", "dead_units", "rare_units"]].drop_duplicates()
    assert counts.to_numpy().tolist() == [[4, 2, 2]]  # each side marked one of both


def test_the_ceiling_follows_from_both_intervals(
    folders: tuple[Path, Path], planted: Comparison, bare: Comparison
) -> None:
    table = planted.tables["maps"].set_index(["layer", "value", "factor"])
    row = table.loc[("maps", "ST", "rolling")].squeeze()
    error = (HALF / t(7).ppf(0.975)) ** 2
    used = kept(folders, "maps")
    spreads = [arrays(f, "maps", "ST", factor="rolling")[used].var(ddof=1) for f in folders]
    reliable = [1 - error / spread for spread in spreads]
    assert row["reliability_a"] == pytest.approx(reliable[0], rel=1e-5)
    assert row["ceiling"] == pytest.approx(np.sqrt(np.prod(reliable)), rel=1e-5)
    one = bare.tables["maps"].set_index(["layer", "value", "factor"])
    one = one.loc[("maps", "ST", "rolling")].squeeze()
    assert np.isnan(one["reliability_b"])
    assert one["ceiling"] == pytest.approx(np.sqrt(one["reliability_a"]), rel=1e-6)


def test_layers_stand_beside_each_other_with_the_intervals_that_are_known(
    planted: Comparison, bare: Comparison
) -> None:
    def rolling(table: pd.DataFrame) -> pd.DataFrame:
        chosen = table[(table["value"] == "S1") & (table["factor"] == "rolling")]
        return chosen.set_index("layer")

    both = rolling(planted.tables["layers"])
    assert list(both.index) == ["maps", "vector", "network"]
    np.testing.assert_allclose(both["a"], [2.0, 2.1, 2.2], rtol=1e-6)
    np.testing.assert_allclose(both["a_high"] - both["a"], HALF, rtol=1e-5)
    np.testing.assert_allclose(both["b"] - both["b_low"], HALF, rtol=1e-5)
    np.testing.assert_allclose(both["difference"], 1, rtol=1e-6)
    width = both["difference_high"] - both["difference_low"]
    np.testing.assert_allclose(width, 2 * np.sqrt(2) * HALF, rtol=1e-4)
    assert {*both["intervals"]} == {"both"}
    one = rolling(bare.tables["layers"])
    assert one[["b_low", "b_high", "difference_low", "difference_high"]].isna().all(axis=None)
    assert one[["a", "b", "a_low", "difference"]].notna().all(axis=None)
    assert {*one["intervals"]} == {"A"}


def test_other_factors_of_another_law_are_matched_or_named(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    law, shapes = {"law": "published"}, {"vector": SHAPES["vector"]}
    other = write_study(tmp_path / "plain", 2, factors=PLAIN, settings=law, shapes=shapes)
    found = beside(folders[0], other)
    table, left_out = found.tables["maps"], found.tables["left_out"]
    assert found.pairs[0].factors == (*AUGMENTATIONS, "order", "partition", "class")
    order = table[(table["factor"] == "order") & (table["value"] == "S1")]
    assert (order["rho"] > 0.5).all()  # `permutation` there, at the same place
    told = dict(zip(table["factor"], table["meaning"], strict=True))
    assert told["class"] == ("part of content, within partition, in A; a factor of its own in B")
    assert told["hue"] == told["order"] == ""
    alone = left_out[left_out["reason"] == "in A alone"]
    assert [*alone["factor"]] == ["all", "content", "image"]  # all of a layer, and two factors
    settings = found.tables["settings"].set_index("setting")
    assert settings.loc["law", ["in_a", "in_b"]].tolist() == ["switched", "published"]
    assert not settings.loc["image", "same"]
    assert settings.loc["weights (SHA-256)", "same"]
    assert any("law: A switched; B published" in line for line in found.lines)
    pairs = table[table["value"] == "S2"]
    held = {frozenset(two) for two in pairs[["factor", "factor_2"]].to_numpy()}
    assert frozenset(("partition", "class")) not in held
    assert frozenset(("hue", "class")) in held
    assert len(held) == 10 - 1


def test_second_order_maps_are_those_of_their_pair(
    folders: tuple[Path, Path], planted: Comparison
) -> None:
    table = planted.tables["maps"]
    pairs = table[(table["value"] == "S2") & (table["layer"] == "vector")]
    used = kept(folders, "vector")
    for row in pairs.itertuples():
        where = {"factor": row.factor, "factor_2": row.factor_2}
        a, b = (arrays(folder, "vector", "S2", **where)[used] for folder in folders)
        assert row.rho == pytest.approx(spearmanr(a, b).statistic, rel=1e-6)
    # Content and its parts do not go together, all others do.
    assert len(pairs) == 7 * 6 / 2 - 4 * 3 / 2


def test_contrasts_are_matched_by_partition(folders: tuple[Path, Path], tmp_path: Path) -> None:
    def pairs(a: Path, b: Path) -> set[tuple[str, str]]:
        (pair,), _ = pair_studies(open_study(a), open_study(b))
        keys = pair.keys("vector", "contrast")
        assert {key.factor for key, _ in keys} == {*AUGMENTATIONS}
        return {(own.partition, other.partition) for own, other in keys}

    ours = write_study(tmp_path / "ours", 3, partitions=["train", "validation"], **SMALL)
    theirs = write_study(tmp_path / "theirs", 4, partitions=["valid", "train"], **SMALL)
    assert pairs(folders[0], folders[1]) == {("", "")}
    assert pairs(ours, theirs) == {("train", "train"), ("validation", "validation")}
    assert pairs(folders[0], ours) == {("", "train"), ("", "validation")}
    found = beside(ours, theirs)
    table = found.tables["maps"].set_index(["value", "factor", "partition"])
    row = table.loc[("contrast", "rolling", "validation")].squeeze()
    effects = [
        open_study(f)["net", "all"].contrast["vector"].rank_biserial for f in (ours, theirs)
    ]
    a, b = (abs(one.sel(augmentation="rolling", partition=part).to_numpy().astype(float))
            for one, part in zip(effects, ("validation", "valid"), strict=True))  # fmt: skip
    used = kept((ours, theirs), "vector")
    assert row["rho"] == pytest.approx(spearmanr(a[used], b[used]).statistic, rel=1e-6)
    layers = found.tables["layers"].set_index(["value", "factor", "partition"])
    means = layers.loc[("contrast", "rolling", "validation"), ["a", "b"]].astype(float).squeeze()
    assert [*means] == pytest.approx([a[used].mean(), b[used].mean()], rel=1e-6)


def test_what_cannot_be_compared_is_named(folders: tuple[Path, Path], tmp_path: Path) -> None:
    shapes = {"maps": SHAPES["maps"], "vector": (50,), "more": (10,)}
    drop = ["shapley", "shapley_ci", "S2", "S2_ci"]
    other = write_study(tmp_path / "other", 2, factors=PLAIN[:1], shapes=shapes, drop=drop)
    found = beside(folders[0], other)
    assert {*found.tables["maps"]["layer"]} == {"maps"}
    lines = "\n".join(found.lines)
    assert "Not compared: net, all: vector, 60 units in A, 50 in B: no maps are compared" in lines
    assert "Not compared: net, all: more, in B alone" in lines
    assert "Not compared: net, all: S2, shapley, not in B" in lines
    # Other layers were recorded: their sum is of something else.
    assert "network" not in {*found.tables["layers"]["layer"]}


def test_names_may_differ_and_are_stated(folders: tuple[Path, Path], tmp_path: Path) -> None:
    other = write_study(tmp_path / "other", 2, network="theirs", design="set2", **SMALL)
    studies = open_study(folders[0]), open_study(other)
    with pytest.raises(ConfigError, match=r"has net, .* theirs.*--network A=B"):
        pair_studies(*studies)
    with pytest.raises(ConfigError, match=r"'nett' is not known.*Nearest: net"):
        pair_studies(*studies, networks={"nett": "theirs"})
    with pytest.raises(ConfigError, match=r"design of theirs .*'all' is not known"):
        pair_studies(*studies, networks={"net": "theirs"}, designs={"all": "all"})
    for designs in (None, {"all": None}, {"all": "set2"}):
        pairs, _ = pair_studies(*studies, {"net": "theirs"}, designs)
        assert [pair.title for pair in pairs] == ["net | theirs, all | set2"]


def test_studies_without_a_common_augmentation_are_refused(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    other = write_study(
        tmp_path / "other", 2, factors=["erasing", *NESTED], shapes=SMALL["shapes"]
    )
    studies = open_study(folders[0]), open_study(other)
    with pytest.raises(ConfigError, match=r"no design in common .net, all: no design of B"):
        pair_studies(*studies)


def test_tables_are_read_as_they_were_written(planted: Comparison, tmp_path: Path) -> None:
    paths = {name: tmp_path / f"{name}.csv" for name in planted.tables}
    write_tables(planted.tables, paths)
    for name, table in planted.tables.items():
        again = read_table(paths[name])
        pd.testing.assert_frame_equal(again, table, check_dtype=False)
