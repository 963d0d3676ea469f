"""Profiles of masks beyond random masks, and what of them is certain."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from masking_store import listed, masking, stored
from scipy.stats import rankdata, spearmanr

from actsense.errors import ConfigError, OutdatedResultError
from actsense.masking.profiles import profile_masks, standard_ranks

AUGMENTATIONS = ["hue", "rolling"]
FACTORS = ["hue", "rolling", "order"]
SMALL = {"augmentations": AUGMENTATIONS, "factors": FACTORS}


def severity(input: str, scale: float, fraction: float) -> float:
    return 0.9 - 0.1 * len(input) * fraction - 0.1 * scale


def scattered(*parts: object) -> float:
    """Return a number between 0 and 0.2 that is random but the same for equal parts."""
    return np.random.default_rng([ord(c) for c in repr(parts)]).integers(41) / 200


def accuracy(
    input: str, factor: str, rule: str, scale: float, fraction: float, **others: object
) -> float:
    if rule == "none":
        return 0.95
    if rule == "random":
        return severity(input, scale, fraction) if np.isfinite(scale) else 0.5
    return scattered(input, factor, scale, fraction) + 0.3


def run(folder: Path, **options: object) -> dict[str, pd.DataFrame]:
    data = masking(listed(**SMALL), accuracy, **options)  # type: ignore[arg-type]
    return profile_masks(stored(folder, data), seed=0)


def profile(input: str, factor: str) -> tuple[list[float], list[float]]:
    """Return the differences to random masks and the accuracies that the store was given."""
    every = [(s, f) for s in (0.0, 1.5) for f in (0.5, 0.3, 0.1)]
    raw = [accuracy(input, factor, "top", s, f) for s, f in every]
    return [r - severity(input, s, f) for r, (s, f) in zip(raw, every, strict=True)], raw


def test_correlations_are_those_of_scipy_on_differences_to_random_masks(tmp_path: Path) -> None:
    table = run(tmp_path)["profiles"]
    assert len(table) == len(AUGMENTATIONS) * len(FACTORS)
    for row in table.itertuples():
        one, other = profile(row.input, row.factor), profile("original", row.factor)
        expected = [
            spearmanr(np.round(a, 9), np.round(b, 9)).statistic
            for a, b in zip(one, other, strict=True)
        ]
        np.testing.assert_allclose([row.rho, row.rho_raw], expected, atol=1e-12)
    assert set(table["configurations"]) == {6}
    assert set(table["images"]) == {200}
    assert set(table["resamples"]) == {100}
    assert table["rho"].std() > 0.1


def test_intervals_are_percentiles_over_the_resampled_images(tmp_path: Path) -> None:
    table = listed(**SMALL)
    data = masking(table, accuracy)
    profiles = profile_masks(stored(tmp_path, data), seed=0)["profiles"]
    own = profiles.set_index(["input", "factor"]).loc[("rolling", "hue")]
    top = (table["rule"] == "top") & (table["factor"] == "hue")
    random = (table["rule"] == "random") & (table["draw"] == 0)  # all draws are alike here
    resampled = []
    for row in np.rint(data["top1_bootstrap"].to_numpy() * 200):
        shown = [table["input"] == name for name in ("rolling", "original")]
        resampled.append(spearmanr(*(row[top & i] - row[random & i] for i in shown)).statistic)
    low, high = np.percentile(resampled, [2.5, 97.5])
    np.testing.assert_allclose([own["low"], own["high"]], [low, high], atol=1e-12)
    assert low < high


def test_what_any_damage_of_that_size_does_is_taken_out(tmp_path: Path) -> None:
    def harder(rule: str, scale: float, fraction: float, **others: str) -> float:
        loss = 0 if rule == "none" or not np.isfinite(scale) else 0.3 * fraction
        return accuracy(rule=rule, scale=scale, fraction=fraction, **others) - loss  # type: ignore[arg-type]

    for name in "ab":
        (tmp_path / name).mkdir()
    table = listed(**SMALL)
    one, other = (
        profile_masks(stored(tmp_path / name, masking(table, law)), seed=0)["profiles"]
        for name, law in (("a", accuracy), ("b", harder))
    )
    np.testing.assert_allclose(one["rho"], other["rho"], atol=1e-12)
    assert abs(one["rho_raw"] - other["rho_raw"]).max() > 0.1


def test_the_same_profile_correlates_fully(tmp_path: Path) -> None:
    def same(input: str, **others: object) -> float:
        return accuracy(input="any", **others)  # type: ignore[arg-type]

    data = masking(listed(**SMALL), same)
    table = profile_masks(stored(tmp_path, data), seed=0)["profiles"]
    np.testing.assert_allclose(table[["rho", "low", "high"]], 1, atol=1e-12)


def test_seventeen_configurations_without_ties_lie_on_a_lattice() -> None:
    rng = np.random.default_rng(0)
    ranks = standard_ranks(rng.permuted(np.tile(np.arange(17.0), (40, 1)), axis=1))
    steps = (1 - ranks @ ranks.T) / (12 / (17 * 288))
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
    assert len(np.unique(np.rint(steps))) > 100


def test_products_of_standard_ranks_are_spearman_correlations_with_ties() -> None:
    values = np.random.default_rng(0).integers(5, size=(6, 12)).astype(float)
    ranks = standard_ranks(values)
    np.testing.assert_allclose(ranks @ ranks.T, spearmanr(values.T).statistic, atol=1e-12)
    np.testing.assert_array_equal(rankdata(ranks[0]), rankdata(values[0]))


def test_constant_profiles_are_undefined_and_counted(tmp_path: Path) -> None:
    def flat(input: str, factor: str, rule: str, **others: float) -> float:
        if input == "hue" and factor == "order" and rule == "top":
            return severity(input, others["scale"], others["fraction"])
        return accuracy(input, factor, rule, **others)

    data = masking(listed(**SMALL), flat)
    tables = profile_masks(stored(tmp_path, data), seed=0)
    table = tables["profiles"].set_index(["input", "factor"])
    row = table.loc[("hue", "order")]
    assert row[["rho", "low", "high"]].isna().all()
    assert np.isfinite(row["rho_raw"])
    assert row["undefined_resamples"] == 100
    assert table.drop(index=[("hue", "order")])["rho"].notna().all()
    clusters = tables["clusters"].set_index(["input", "factor"])
    assert clusters.loc[("hue", "order"), "reason"] == "constant profile"
    assert clusters["cluster"].isna().sum() == 1
    assert tables["trees"]["constant"].item() == 1
    assert tables["trees"]["items"].item() == 5
    assert len(tables["linkage"]) == 4


def test_effects_are_mean_differences_to_random_masks_per_scale(tmp_path: Path) -> None:
    table = run(tmp_path)["effects"].set_index(["input", "factor", "scale"]).sort_index()
    assert len(table) == 3 * 3 * 2
    for name in ("original", *AUGMENTATIONS):
        for factor in FACTORS:
            differences = np.reshape(profile(name, factor)[0], (2, 3)).mean(axis=1)
            np.testing.assert_allclose(
                table.loc[(name, factor)]["effect"], differences, atol=0.5 / 200
            )
    assert (table["low"] < table["effect"]).all()
    assert (table["effect"] < table["high"]).all()
    assert set(table["fractions"]) == {3}


@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_intervals_of_effects_cover_the_choice_of_random_masks(
    tmp_path: Path, spread: float
) -> None:
    def uneven(rule: str, draw: int, **others: object) -> float:
        if rule == "random":
            return 0.5 + spread * (draw - 4.5) / 4.5
        return 0.5

    table = listed(**SMALL, random_masks=10)
    tables = profile_masks(
        stored(tmp_path, masking(table, uneven, resamples=2000, images=180)), seed=0
    )
    width = (tables["effects"]["high"] - tables["effects"]["low"]) / 2
    hits = np.rint((0.5 + spread * (np.arange(10) - 4.5) / 4.5) * 180)
    np.testing.assert_allclose(tables["effects"]["effect"], (90 - hits.mean()) / 180, atol=1e-12)
    per_image = (np.arange(180) < 90) - (np.arange(180)[:, None] < hits).mean(axis=1)
    expected = 1.96 * np.hypot(per_image.std() / 180**0.5, hits.std() / 180 / 10**0.5)
    # Percentiles of 2000 resamples have an error of 3 %; scales share theirs with all rows.
    np.testing.assert_allclose(width, expected, rtol=0.1)


def test_other_levels_and_layers_have_effects_on_the_original_input(tmp_path: Path) -> None:
    places = {"levels": ["activation", "channel"], "layers": ["together", "each"]}
    data = masking(listed(**SMALL, **places), accuracy)
    tables = profile_masks(stored(tmp_path, data), seed=0)
    other = tables["effects"].query("level == 'channel' and layers == 'conv1'")
    pairs = set(zip(other["input"], other["factor"], strict=True))
    assert pairs == {("original", factor) for factor in FACTORS}
    assert len(tables["effects"]) == 2 * len(FACTORS) * (3 + 5)
    assert len(tables["profiles"]) == len(AUGMENTATIONS) * len(FACTORS)


@pytest.mark.parametrize("layers", [["each"], ["each", "together"]])
def test_layers_masked_alone_have_profiles_of_their_own(tmp_path: Path, layers: list[str]) -> None:
    data = masking(listed(**SMALL, layers=layers), accuracy)
    tables = profile_masks(stored(tmp_path, data), seed=0)
    keys = {
        "effects": ["level", "layers", "value", "input", "factor", "scale"],
        "profiles": ["layers", "value", "input", "factor"],
        "clusters": ["layers", "value", "input", "factor"],
        "linkage": ["layers", "value", "step"],
        "trees": ["layers", "value"],
    }
    alone = run(tmp_path)
    for name, key in keys.items():
        table = tables[name]
        assert not table.duplicated(key).any()
        own = table[table["first_place"]] if name == "effects" else table
        assert set(own["layers"]) == {"conv1", "conv2"}
        assert len(own) == 2 * len(alone[name])


def test_a_store_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    data = masking(listed(**SMALL), accuracy).drop_vars("first_place")
    with pytest.raises(
        OutdatedResultError, match="snakemake masking --cores all --forcerun evaluate_masks"
    ):
        profile_masks(stored(tmp_path, data), seed=0)


def test_the_same_seed_gives_the_same_tables(tmp_path: Path) -> None:
    data = stored(tmp_path, masking(listed(**SMALL), accuracy))
    one, other = (profile_masks(data, seed=3) for _ in range(2))
    for name, table in one.items():
        pd.testing.assert_frame_equal(table, other[name])


def test_a_store_without_some_conditions_is_refused(tmp_path: Path) -> None:
    table = listed(**SMALL)
    gap = table[(table["rule"] == "top") & (table["input"] == "hue")].index[2]
    data = masking(table.drop(index=gap), accuracy)
    with pytest.raises(ConfigError, match=r"lacks 1 of 54 conditions of rule top.*masking"):
        profile_masks(stored(tmp_path, data), seed=0)


def test_one_configuration_makes_no_profile(tmp_path: Path) -> None:
    data = masking(listed(**SMALL, scales=[0.0], fractions=[0.5]), accuracy)
    with pytest.raises(ConfigError, match="at least two fractions or scales"):
        profile_masks(stored(tmp_path, data), seed=0)


def test_a_store_without_masks_is_refused(tmp_path: Path) -> None:
    data = masking(listed(**SMALL, levels=[]), accuracy)
    with pytest.raises(ConfigError, match="no mask was evaluated"):
        profile_masks(stored(tmp_path, data), seed=0)


def test_accuracies_that_are_no_counts_of_images_are_refused(tmp_path: Path) -> None:
    data = masking(listed(**SMALL), accuracy)
    data.attrs["images"] = 190
    with pytest.raises(ValueError, match="190 images"):
        profile_masks(stored(tmp_path, data), seed=0)
