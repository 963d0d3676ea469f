"""Overlaps of candidate classes with predictions, against closed forms and brute force."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import binomtest

from actsense.errors import ConfigError
from actsense.sensitivity.maps import SensitivityMaps
from actsense.single_class.tables import (
    candidate_count,
    class_sets,
    expected_overlap,
    match_classes,
    mean_overlap,
    null_overlaps,
    output_layer,
    overlap,
    rank_classes,
)
from actsense.store import read_results, write_results

FACTORS = ["hue", "rolling", "order", "class"]
CLASSES = 20  # two candidates
Integers = NDArray[np.int64]


def indices(
    folder: Path,
    *,
    units: int = CLASSES,
    name: str = "probabilities",
    rare: Sequence[int] = (),
) -> SensitivityMaps:
    """Return maps whose last two classes are the most sensitive to hue, the first to rolling."""
    share = np.tile(np.linspace(0.01, 0.3, units), (len(FACTORS), 1))
    share[1] = share[1, ::-1]
    data = {index: (("factor", "unit"), share) for index in ("S1", "ST", "shapley")}
    data |= {f"{index}_ci": (("factor", "unit"), share / 10) for index in ("S1", "shapley")}
    data["variance"] = ("unit", np.full(units, 2.0))
    data["dead"] = ("unit", np.arange(units) == units // 2)
    data["rare"] = ("unit", np.isin(np.arange(units), rare))
    root = xr.Dataset(coords={"layer": [name, "network"], "factor": FACTORS})
    layer = xr.Dataset(data, coords={"factor": FACTORS})
    write_results(folder / "indices.zarr", {"": root, name: layer}, attributes={"replicates": 4})
    return SensitivityMaps({"mixed": folder / "indices.zarr"})


def conditions(layers: Sequence[str] = ("together",)) -> pd.DataFrame:
    """Return the conditions whose predictions a masking store keeps."""
    inputs = ("original", "hue", "rolling")
    rows = [(name, "", "", "none", "", np.nan, np.nan) for name in inputs]
    rows += [
        (name, value, factor, "top", layer, scale, 0.5)
        for layer in layers
        for value in ("S1", "shapley")
        for factor in FACTORS
        for name in ("original", *([factor] if factor in ("hue", "rolling") else []))
        for scale in (0.0, 1.5)
    ]
    names = ["input", "value", "factor", "rule", "layers", "scale", "fraction"]
    return pd.DataFrame(rows, columns=names)


def masking(
    folder: Path,
    *,
    classes: int = CLASSES,
    images: int = 60,
    constant: bool = False,
    layers: Sequence[str] = ("together",),
) -> Path:
    """Return a store of random predictions, or of one prediction for all images."""
    table, rng = conditions(layers), np.random.default_rng(0)
    ranks = min(5, classes)
    shape = (len(table), images, classes)
    ranked = rng.permuted(np.broadcast_to(np.arange(classes), shape), axis=2)[..., :ranks]
    if constant:
        ranked = np.broadcast_to(ranked[:1, :1], ranked.shape)
    names = [f"class {number}" for number in range(classes)]
    root = xr.Dataset({"top1": ("condition", np.zeros(3))}, coords={"class": names})
    predictions = xr.Dataset(
        {
            "classes": (("prediction", "image", "rank"), ranked.astype(np.int16)),
            "label": ("image", np.zeros(images, dtype=np.int16)),
        },
        coords={name: ("prediction", column.to_numpy()) for name, column in table.items()},
    )
    path = folder / "masking.zarr"
    write_results(path, {"": root, "predictions": predictions}, attributes={"images": images})
    return path


def matched(folder: Path, **changes: Any) -> dict[str, pd.DataFrame]:
    stores = {"mixed": masking(folder, **changes)}
    return match_classes(indices(folder), stores, null_draws=500, seed=0)


def test_overlaps_of_five_with_five_are_the_six_fractions() -> None:
    predictions = np.array([np.r_[np.arange(common), 50 + np.arange(5 - common)]
                            for common in range(6)])  # fmt: skip
    expected = [Fraction(0), Fraction(1, 9), Fraction(1, 4), Fraction(3, 7), Fraction(2, 3), 1]
    found = overlap(np.arange(5), predictions)
    np.testing.assert_allclose(found, [float(value) for value in expected])


def test_overlaps_are_those_of_sets() -> None:
    rng = np.random.default_rng(0)
    predictions = class_sets(9, 3, draws=40, generator=rng)
    chosen = rng.choice(9, 3, replace=False)
    by_hand = [len({*chosen} & {*row}) / len({*chosen} | {*row}) for row in predictions.tolist()]
    np.testing.assert_allclose(overlap(chosen, predictions), by_hand)


def test_overlaps_need_as_many_predictions_as_candidates() -> None:
    with pytest.raises(ValueError, match="3 candidates need 3 predictions; got 2"):
        overlap(np.arange(3), np.zeros((4, 2), dtype=np.int64))


def test_the_mean_of_random_sets_is_the_published_one() -> None:
    assert expected_overlap(1000, 5) == pytest.approx(0.0027833, abs=5e-8)


@pytest.mark.parametrize(("classes", "k"), [(7, 1), (8, 2), (9, 5), (6, 6)])
def test_the_mean_of_random_sets_is_that_of_all_sets(classes: int, k: int) -> None:
    sets = np.array(list(combinations(range(classes), k)))
    mean = overlap(np.arange(k), sets).mean()
    assert expected_overlap(classes, k) == pytest.approx(mean, rel=1e-12)


def test_the_null_is_that_of_a_loop_over_sets() -> None:
    rng = np.random.default_rng(1)
    skewed = rng.permuted(np.tile(np.arange(12), (80, 1)), axis=1)[:, :3]
    skewed[:50] = [4, 0, 7]  # most images alike
    sets = class_sets(12, 3, draws=100, generator=rng)
    by_loop = [overlap(one, skewed).mean() for one in sets]
    np.testing.assert_allclose(null_overlaps(sets, skewed, classes=12), by_loop, atol=1e-14)


def test_the_null_keeps_its_mean_whatever_is_predicted_and_widens_with_collapse() -> None:
    rng = np.random.default_rng(2)
    sets = class_sets(200, 5, draws=20_000, generator=rng)
    assert sets.shape == (20_000, 5)
    uniform = np.stack([rng.choice(200, 5, replace=False) for _ in range(300)])
    collapsed = np.tile(uniform[:1], (300, 1))
    nulls = [null_overlaps(sets, one, classes=200) for one in (uniform, collapsed)]
    for null in nulls:
        error = null.std() / np.sqrt(len(sets))
        assert error < 0.0005
        assert abs(null.mean() - expected_overlap(200, 5)) < 4 * error
    assert nulls[1].std() > 5 * nulls[0].std()


def test_where_one_class_is_shared_at_most_frequencies_add_up() -> None:
    rng = np.random.default_rng(4)
    candidates = np.arange(5)
    others = np.stack([rng.choice(np.arange(5, 40), 5, replace=False) for _ in range(90)])
    others[:50, 2] = rng.choice(candidates, 50)
    frequencies = np.bincount(others.ravel(), minlength=40) / 90
    assert frequencies.sum() == pytest.approx(5)
    assert overlap(candidates, others).mean() == pytest.approx(frequencies[:5].sum() / 9)
    single = null_overlaps(np.arange(40)[:, None], others[:, :1], classes=40)
    np.testing.assert_allclose(single, np.bincount(others[:, 0], minlength=40) / 90)


def test_few_classes_are_enumerated() -> None:
    sets = class_sets(10, 2, draws=45, generator=np.random.default_rng(0))
    assert {tuple(one) for one in sets.tolist()} == set(combinations(range(10), 2))


def test_intervals_cover_the_mean_of_the_population() -> None:
    rng = np.random.default_rng(3)
    candidates, covered = np.arange(2), 0
    population = 0.3 * 1 + 0.2 * (1 / 3)  # both with 0.3, one of them with 0.2
    for _ in range(200):
        kind = rng.choice(3, size=150, p=[0.3, 0.2, 0.5])
        predictions = np.array([[0, 1], [1, 5], [6, 7]])[kind]
        _, low, high = mean_overlap(candidates, predictions, rng)
        covered += low <= population <= high
    assert 0.90 < covered / 200 < 0.99


@pytest.mark.parametrize(("classes", "k"), [(2, 1), (10, 1), (20, 2), (34, 3), (50, 5), (1000, 5)])
def test_a_tenth_of_the_classes_are_candidates_but_one_to_five(classes: int, k: int) -> None:
    assert candidate_count(classes) == k


def test_classes_rank_by_the_lower_bound_of_their_variance(tmp_path: Path) -> None:
    own = indices(tmp_path)
    ranked = rank_classes(own, "S1", own.variables[0])
    assert ranked["unit"].tolist() == [unit for unit in range(19, -1, -1) if unit != 10]
    best = ranked.iloc[0]
    assert best["weighted_low"] == pytest.approx((0.3 - 0.03) * 2)
    assert best["weighted"] == pytest.approx(0.3 * 2)


def test_a_large_index_of_a_class_that_hardly_varies_is_no_candidate(tmp_path: Path) -> None:
    own = indices(tmp_path)
    moments = np.full(CLASSES, 2.0)
    moments[19] = 1e-6
    own.read_moment = lambda *_: moments  # type: ignore[method-assign]
    ranked = rank_classes(own, "S1", own.variables[0])
    assert ranked["unit"].tolist()[0] == 18
    assert ranked["unit"].tolist()[-1] == 19


def test_the_index_alone_ranks_what_hardly_varies_first(tmp_path: Path) -> None:
    own = indices(tmp_path)
    moments = np.full(CLASSES, 2.0)
    moments[19] = 1e-6
    own.read_moment = lambda *_: moments  # type: ignore[method-assign]
    ranked = rank_classes(own, "S1", own.variables[0], ranking="index")
    assert ranked["unit"].tolist() == [unit for unit in range(19, -1, -1) if unit != 10]
    own.read_half_widths = lambda *_: np.full((1, CLASSES), np.nan)  # type: ignore[method-assign]
    assert rank_classes(own, "S1", own.variables[0], ranking="index").equals(
        ranked.assign(ci=np.nan, weighted_low=np.nan)
    )
    assert rank_classes(own, "S1", own.variables[0]).empty  # without intervals there is no bound


def test_candidates_are_those_of_the_ranking(tmp_path: Path) -> None:
    own = indices(tmp_path)
    widths = np.full((1, CLASSES), 0.001)
    widths[:, 18:] = 0.4  # certain of neither of the largest
    own.read_half_widths = lambda *_: widths  # type: ignore[method-assign]
    stores = {"mixed": masking(tmp_path)}
    found = {
        how: match_classes(own, stores, null_draws=100, ranking=how, seed=0)["ranking"]
        for how in ("bound", "index")
    }
    first = {how: table.query("value == 'S1' and factor == 'hue'") for how, table in found.items()}
    assert first["index"]["class"].tolist()[:2] == ["class 19", "class 18"]
    assert first["bound"]["class"].tolist()[:2] == ["class 17", "class 16"]
    assert "ranked_by" not in found["bound"]
    assert set(found["index"]["ranked_by"]) == {"index"}


def test_every_augmentation_meets_its_own_conditions(tmp_path: Path) -> None:
    tables = matched(tmp_path)
    assert tables["skipped"].empty
    cases = tables["matches"].groupby(["value", "factor"])
    assert set(cases.groups) == {(v, f) for v in ("S1", "shapley") for f in ("hue", "rolling")}
    for (_, factor), rows in cases:
        # Intact with two inputs, and damaged by two scales with each.
        assert rows["input"].value_counts().to_dict() == {"original": 3, factor: 3}
        assert rows["rule"].value_counts().to_dict() == {"top": 4, "none": 2}
    assert (tables["matches"]["k"] == 2).all()
    assert (tables["matches"]["images"] == 60).all()


def test_matches_are_the_overlaps_of_the_two_best_classes(tmp_path: Path) -> None:
    table = matched(tmp_path)["matches"]
    tree = read_results(tmp_path / "masking.zarr")
    ranked = tree["predictions"]["classes"].to_numpy()
    kept = conditions()
    for factor, candidates in (("hue", [19, 18]), ("rolling", [0, 1])):
        place = kept.query(f"rule == 'top' and value == 'S1' and factor == '{factor}'").index
        expected = [overlap(np.array(candidates), ranked[p, :, :2]).mean() for p in place]
        found = table.query(f"rule == 'top' and value == 'S1' and factor == '{factor}'")
        np.testing.assert_allclose(found["jaccard"], expected)
        assert ((found["low"] <= expected) & (expected <= found["high"])).all()


def test_layers_masked_alone_have_rows_of_their_own(tmp_path: Path) -> None:
    layers = ("conv1", "conv2")
    table = matched(tmp_path, layers=layers)["matches"]
    key = ["design", "value", "factor", "input", "rule", "layers", "scale", "fraction"]
    assert not table.duplicated(key).any()
    tree = read_results(tmp_path / "masking.zarr")
    ranked = tree["predictions"]["classes"].to_numpy()
    kept = conditions(layers)
    for layer in layers:
        chosen = {"rule": "top", "value": "S1", "factor": "hue", "layers": layer}
        of_kept, of_table = (
            (one[list(chosen)] == list(chosen.values())).all(axis=1) for one in (kept, table)
        )
        best = np.array([19, 18])
        expected = [overlap(best, ranked[place, :, :2]).mean() for place in kept[of_kept].index]
        np.testing.assert_allclose(table.loc[of_table, "jaccard"], expected)


def test_random_predictions_are_mostly_within_the_null(tmp_path: Path) -> None:
    table = matched(tmp_path)["matches"]
    inside = table["jaccard"].between(table["null_low"], table["null_high"])
    assert inside.mean() > 0.8
    assert (table["p_adjusted"] >= table["p_value"]).all()
    np.testing.assert_allclose(table["null_mean"], expected_overlap(CLASSES, 2))


def test_a_constant_network_gives_an_exact_fraction_and_says_so(tmp_path: Path) -> None:
    table = matched(tmp_path, constant=True)["matches"]
    assert (table["collapse_share"] == 1).all()
    assert table["most_predicted_class"].nunique() == 1
    exact = np.array([0, 1 / 3, 1])
    assert np.isclose(table["jaccard"].to_numpy()[:, None], exact).any(axis=1).all()
    assert (table["low"] < table["high"]).all()  # images that are all alike are not certain
    assert table["jaccard"].between(table["low"], table["high"]).all()


def test_p_values_of_all_sets_count_both_tails(tmp_path: Path) -> None:
    table = matched(tmp_path)["matches"]  # 190 sets, all of them enumerated
    tree = read_results(tmp_path / "masking.zarr")
    predictions = tree["predictions"]["classes"].to_numpy()[..., :2]
    kept, found = conditions(), []
    for row in table.query("rule == 'none'").to_dict("records"):
        place = kept.index[(kept["rule"] == "none") & (kept["input"] == row["input"])].item()
        sets = combinations(range(CLASSES), 2)
        null = np.array([overlap(np.array(one), predictions[place]).mean() for one in sets])
        tails = [(null <= row["jaccard"] + 1e-12).sum(), (null >= row["jaccard"] - 1e-12).sum()]
        found.append(row["p_value"])
        assert found[-1] == pytest.approx(min(1, 2 * min(tails) / 190))
    assert min(found) < 0.8  # otherwise they may be 1 for any reason


def test_rare_classes_are_no_candidates_and_are_counted(tmp_path: Path) -> None:
    own = indices(tmp_path, rare=[0, 1, 10])  # the last one is dead, too
    tables = match_classes(own, {"mixed": masking(tmp_path)}, null_draws=100, seed=0)
    ranked = tables["ranking"].query("value == 'S1' and factor == 'rolling'")
    assert ranked["class"].tolist()[:2] == ["class 2", "class 3"]
    for name in ("ranking", "matches"):
        assert (tables[name][["dead_units", "rare_units"]] == [1, 2]).all(axis=None)


def test_too_few_classes_that_are_not_rare_are_skipped_with_the_reason(tmp_path: Path) -> None:
    own = indices(tmp_path, rare=range(1, CLASSES))
    tables = match_classes(own, {"mixed": masking(tmp_path)}, null_draws=100, seed=0)
    assert tables["matches"].empty
    reason = "classes with defined indices: 1, needed: 2 (1 dead, 18 rare of 20)"
    assert (tables["skipped"]["reason"] == reason).all()


@pytest.mark.parametrize("right", [0, 8])
def test_overlaps_of_one_candidate_have_the_interval_of_a_share(right: int) -> None:
    predictions = np.where(np.arange(8) < right, 0, 1)[:, None]
    generator = np.random.default_rng(0)
    mean, *ends = mean_overlap(np.array([0]), predictions, generator)
    assert mean == right / 8
    np.testing.assert_allclose(ends, binomtest(right, 8).proportion_ci(method="wilson"))


def test_classes_are_listed_by_rank_and_name(tmp_path: Path) -> None:
    table = matched(tmp_path)["ranking"].query("value == 'S1' and factor == 'rolling'")
    assert table["rank"].tolist() == list(range(1, 20))  # the dead class is not ranked
    assert table["class"].tolist()[:2] == ["class 0", "class 1"]


def test_a_network_without_outputs_is_listed_with_what_to_add(tmp_path: Path) -> None:
    own = indices(tmp_path, name="hidden")
    with pytest.raises(ConfigError, match="Add 'probabilities' to the layers of the network"):
        output_layer(own)
    tables = match_classes(own, {"mixed": masking(tmp_path)}, null_draws=100, seed=0)
    assert tables["matches"].empty
    assert "Add 'probabilities'" in tables["skipped"]["reason"].item()


def test_logits_serve_where_probabilities_are_missing(tmp_path: Path) -> None:
    assert output_layer(indices(tmp_path, name="logits")) == "logits"


def test_one_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two classes"):
        output_layer(indices(tmp_path, units=1))


def test_other_classes_than_outputs_are_listed(tmp_path: Path) -> None:
    own, stores = indices(tmp_path), {"mixed": masking(tmp_path, classes=7)}
    tables = match_classes(own, stores, null_draws=100, seed=0)
    reasons = tables["skipped"]["reason"].unique()
    assert reasons.tolist() == ["outputs of the network: 20, classes of the masked predictions: 7"]


def test_a_missing_masking_store_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="snakemake masking"):
        match_classes(indices(tmp_path), {"mixed": tmp_path / "no.zarr"}, null_draws=100, seed=0)
