"""Intervals of contrasts: from images drawn again, against closed forms and brute force."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import stdtrit
from scipy.stats import false_discovery_control, norm, rankdata

from actsense.layers import place_layers
from actsense.sensitivity import cuts
from actsense.sensitivity.contrast import estimate_contrast, write_contrast
from actsense.sensitivity.contrast_images import DIFFERENCE, UNTOUCHED
from actsense.sensitivity.contrast_intervals import (
    FEWEST,
    Spread,
    significance_bound,
    spread_of_layer,
)
from actsense.sensitivity.contrast_statistics import contrast_table
from actsense.sensitivity.settings import Contrast
from actsense.statistics.resampling import resample
from actsense.store import Gathered
from tests.made.closed_responses import AUGMENTATIONS, build

Floats = np.ndarray
BOUND = 0.01


def statistics(x: Floats, d: Floats) -> dict[str, Floats]:
    """Rank-biserial correlation, standardized difference and p-value, (units,) each."""
    ranks = rankdata(abs(d), axis=0)
    signed, y = (np.sign(d) * ranks).sum(axis=0), x + d
    total = len(d) * (len(d) + 1) / 2
    spread = np.sqrt((x.var(axis=0, ddof=1) + y.var(axis=0, ddof=1)) / 2)
    null = np.sqrt((ranks**2 * (d != 0)).sum(axis=0))
    return {
        "rank": signed / total,
        "standardized": d.mean(axis=0) / spread,
        "p_value": 2 * norm.sf(abs(signed / null)),
    }


def spread(x: Floats, d: Floats, images: int | None = None) -> Spread:
    return spread_of_layer(x, d[:, None], **statistics(x, d), images=images or len(x))


def layer(images: int, units: int, shared: float) -> tuple[Floats, Floats]:
    """Responses and differences of units that share a part of what images do to them."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(images, units))
    own, common = rng.normal(size=(images, units)), rng.normal(size=(images, 1))
    return x, rng.normal(0.1, 0.3, units) + np.sqrt(1 - shared**2) * own + shared * common


@pytest.mark.parametrize("shift", [0.5, -1.0])
def test_one_unit_has_the_errors_of_the_closed_forms(shift: float) -> None:
    rng, n = np.random.default_rng(1), 2000
    x, y = rng.normal(size=(n, 1)), rng.normal(shift, 1, size=(n, 1))
    up = rng.random((n, 1)) < 0.5 + shift / 4  # signs that do not depend on magnitudes
    one, other = spread(x, y - x), spread(x, np.where(up, 1, -1) * rng.exponential(size=(n, 1)))
    times = stdtrit(n - 1, 0.975) / np.sqrt(n)
    assert one.standardized_size == pytest.approx(times * np.sqrt(2 + shift**2 / 4), rel=0.12)
    expected = times * np.sqrt(4 / 3 * (1 - (shift / 2) ** 2))
    assert other.rank == pytest.approx(expected, rel=0.12)
    assert other.rank_size == pytest.approx(other.rank, rel=1e-9)


def test_units_that_err_together_make_a_mean_no_surer() -> None:
    rng = np.random.default_rng(2)
    x, d = rng.normal(size=(500, 16)), rng.normal(0.6, 1, size=(500, 16))
    alone, apart = spread(x[:, :1], d[:, :1]), spread(x, d)
    together = spread(np.repeat(x[:, :1], 16, axis=1), np.repeat(d[:, :1], 16, axis=1))
    for name in ("rank_size", "standardized_size"):
        assert getattr(together, name) == pytest.approx(getattr(alone, name), rel=1e-9)
        assert getattr(apart, name) == pytest.approx(getattr(alone, name) / 4, rel=0.2)


@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_spreads_are_those_of_contrasts_computed_anew(shared: float) -> None:
    x, d = layer(80, 12, shared)
    d[:, 0] *= d[:, 0] > 0.3  # many zeros
    rng, again = np.random.default_rng(3), []
    for _ in range(400):
        drawn = rng.integers(0, 80, 80)
        one = statistics(x[drawn], d[drawn])
        share = (one["p_value"] <= BOUND).mean()
        sizes = abs(one["rank"]).mean(), one["rank"].mean(), abs(one["standardized"]).mean()
        again.append((*sizes, share))
    expected = stdtrit(79, 0.975) * np.std(again, axis=0, ddof=1) * np.sqrt(80 / 79)
    found = spread(x, d)
    widths = found.rank_size, found.rank, found.standardized_size, found.significant_share(BOUND)
    np.testing.assert_allclose(widths, expected, rtol=0.18)


def weighted(x: Floats, d: Floats, weights: Floats) -> tuple[float, float]:
    """Rank-biserial correlation and standardized difference of one unit, images weighted."""
    w, y = weights / weights.sum(), x + d
    mean, square = (lambda v: float(w @ v)), 0.0
    for values in (x, y):
        square += mean((values - mean(values)) ** 2) / 2
    return float(w @ np.sign(d[:, None] + d) @ w), mean(d) / float(np.sqrt(square))


def test_images_move_contrasts_by_their_derivatives() -> None:
    rng, n, step = np.random.default_rng(8), 40, 1e-5
    x = rng.normal(2, 1, n)
    d = rng.integers(-2, 4, n).astype(float)  # many ties, and zeros
    moved = np.zeros((n, 2))
    for image in range(n):
        ends = []
        for side in (1, -1):
            weights = np.ones(n)
            weights[image] += side * step
            ends.append(weighted(x, d, weights))
        moved[image] = np.subtract(*ends) / (2 * step)
    rank, standardized = (np.array([value]) for value in weighted(x, d, np.ones(n)))
    drawn = (resample(n, 300, 0, "images of contrasts")[1:] - 1) @ moved
    drawn[:, 1] = abs(standardized + drawn[:, 1])
    widths = stdtrit(n - 1, 0.975) * np.sqrt(n / (n - 1)) * drawn.std(axis=0, ddof=1)
    found = spread_of_layer(
        x[:, None],
        d[:, None, None],
        rank=rank,
        standardized=standardized,
        p_value=np.array([0.4]),
        images=n,
    )
    np.testing.assert_allclose([found.rank, found.standardized_size], widths, rtol=1e-6)
    ranks = rankdata(abs(d))
    null = np.sqrt((ranks**2 * (d != 0)).sum()) / ranks.sum()
    z = np.sign(rank) * norm.isf(0.2) + drawn[:, 0] / null
    for bound in (0.5, 0.3, 0.1):
        share = np.std(abs(z) >= norm.isf(bound / 2), ddof=1)
        width = stdtrit(n - 1, 0.975) * np.sqrt(n / (n - 1)) * share
        assert found.significant_share(bound) == pytest.approx(width, rel=1e-6)


def test_errors_of_all_images_are_smaller_than_those_of_the_kept_ones() -> None:
    x, d = layer(100, 4, 0.5)
    d += 2  # no magnitude bends, no tail of p-values
    few, many = spread(x, d), spread(x, d, images=10_000)
    times = 0.1 * stdtrit(9_999, 0.975) / stdtrit(99, 0.975) * np.sqrt(0.99)
    for name in ("rank_size", "rank", "standardized_size"):
        assert getattr(many, name) == pytest.approx(times * getattr(few, name), rel=1e-3)
    assert many.rank_by_chance == pytest.approx(few.rank_by_chance / 10)
    assert many.standardized_by_chance == pytest.approx(few.standardized_by_chance / 10)


def test_chance_gives_the_magnitudes_of_signs_that_are_tossed() -> None:
    x, d = layer(60, 5, 0.3)
    found, signs = spread(x, d), np.random.default_rng(4).choice([-1, 1], (4000, 60, 1))
    tossed = signs * d
    mean = abs(tossed.mean(axis=1)) / np.sqrt((x.var(axis=0) + (x + d).var(axis=0)) / 2)
    assert found.standardized_by_chance == pytest.approx(mean.mean(), rel=0.03)
    closed = np.sqrt(2 / np.pi) * np.sqrt(2 / 3 * 121 / (60 * 61))
    assert found.rank_by_chance == pytest.approx(closed, rel=1e-9)


def test_draws_of_an_image_toss_one_coin() -> None:
    x, d = layer(60, 5, 0.3)
    found = statistics(x, d)
    once = spread_of_layer(x, d[:, None], **found, images=60)
    twice = spread_of_layer(x, np.repeat(d[:, None], 3, axis=1), **found, images=60)
    for name in ("rank", "rank_size", "standardized_size", "standardized_by_chance"):
        assert getattr(twice, name) == pytest.approx(getattr(once, name), rel=1e-6)
    assert twice.rank_by_chance == pytest.approx(once.rank_by_chance, rel=0.02)  # not / 3^(1/2)
    many = once.significant_share(BOUND), twice.significant_share(BOUND)
    assert many[1] > many[0]  # the test takes draws for independent: its z moves more


def test_what_is_undefined_has_no_part_and_few_images_have_no_interval() -> None:
    x, d = layer(40, 6, 0.4)
    found = statistics(x, d)
    without = spread(x[:, 1:], d[:, 1:])
    x[:, 0], d[:, 0] = 1.0, 0.0  # dead
    for values in found.values():
        values[0] = np.nan
    beside = spread_of_layer(x, d[:, None], **found, images=40)
    assert np.isfinite(without.rank_size)
    assert beside.rank_size == without.rank_size
    assert beside.standardized_by_chance == without.standardized_by_chance
    assert beside.significant_share(BOUND) == without.significant_share(BOUND)
    few = FEWEST - 1
    nothing = spread(x[:few, 1:], d[:few, 1:])
    assert np.isnan([nothing.rank_size, nothing.significant_share(BOUND)]).all()
    found["standardized"][1] = np.nan  # differs, but does not vary
    assert np.isfinite(spread_of_layer(x, d[:, None], **found, images=40).standardized_size)


@pytest.mark.parametrize("signal", [0, 40])
def test_the_bound_is_that_of_the_correction(signal: int) -> None:
    rng = np.random.default_rng(6)
    p = np.concatenate([rng.uniform(0.2, 1, 400), np.geomspace(1e-7, 0.1, signal)])
    found = false_discovery_control(p, method="by") < 0.05
    bound = significance_bound(len(p), int(found.sum()), 0.05)
    np.testing.assert_array_equal(p <= bound, found)
    assert found.sum() < signal or not signal
    single = significance_bound(10, 0, 0.05)  # of the first of ten, when none is found
    assert single == pytest.approx(0.05 / 10 / (1 / np.arange(1, 11)).sum(), rel=1e-12)


@pytest.mark.parametrize("averaged", [False, True])
def test_single_responses_are_those_that_the_network_gave(
    monkeypatch: pytest.MonkeyPatch, averaged: bool
) -> None:
    monkeypatch.setattr(cuts, "INTERVAL_UNITS", 2)
    monkeypatch.setattr(cuts, "INTERVAL_IMAGES", 9 if averaged else 27)
    sampling, found = build(), Gathered()
    estimate_contrast(sampling, found, images=30, draws=3, averaged=averaged)
    data, start = found["head"], 2
    units = start + data["sampled_unit"].to_numpy()
    assert len(set(units)) == 2
    rows = sampling.law.pool.samples(30)[""]
    chosen = rows[[0, 4, 7, 11, 14, 18, 22, 25, 29]]  # nine of thirty, evenly spread
    asked = sampling.evaluate.asked  # type: ignore[attr-defined]
    for place, row in enumerate(chosen):
        x = asked[-1, row][0][units]
        np.testing.assert_array_equal(data[UNTOUCHED][place], x)
        for which, augmentation in enumerate(AUGMENTATIONS):
            y = np.stack(asked[which, row])[:, units].astype(np.float64)
            values = data[DIFFERENCE].sel(augmentation=augmentation)[place]
            expected = (y.mean(axis=0) if averaged else y) - x
            shape = (1 if averaged else 3, 2)
            np.testing.assert_allclose(
                values, np.broadcast_to(expected, shape), rtol=1e-6, atol=1e-7
            )


def test_a_table_tells_how_sure_its_means_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuts, "INTERVAL_UNITS", 2)  # of three, not the first two
    sampling = build()
    outputs = {name: tmp_path / f"{name}.zarr" for name in ("contrast", "top_images")}
    write_contrast(sampling, Contrast(images=40, draws=2, top_images=2), outputs, {})
    table = contrast_table(outputs["contrast"], sampling.layers)
    gathered: Any = Gathered()
    estimate_contrast(sampling, gathered, images=40, draws=2)
    for row in table.to_dict("records"):
        one = gathered[row["layer"]].sel(augmentation=row["augmentation"])
        names = ("rank_biserial", "standardized_mean_difference", "p_value")
        units = one["sampled_unit"].to_numpy()
        known = [one[name].to_numpy().ravel()[units].astype(float) for name in names]
        rank, standardized, p_value = known
        values = spread_of_layer(
            one[UNTOUCHED].to_numpy(),
            one[DIFFERENCE].to_numpy(),
            **{"rank": rank, "standardized": standardized, "p_value": p_value},
            images=40,
        )
        assert row["mean_abs_rank_biserial_ci"] == pytest.approx(values.rank_size, nan_ok=True)
        assert row["mean_rank_biserial_ci"] == pytest.approx(values.rank, nan_ok=True)
        size = row["mean_abs_standardized_difference_ci"]
        assert size == pytest.approx(values.standardized_size, nan_ok=True)
        bound = significance_bound(
            int(table["alive"].sum()),
            int((table["significant_share"] * table["alive"]).sum()),
            0.05,
        )
        share = values.significant_share(bound)
        assert row["significant_share_ci"] == pytest.approx(share, nan_ok=True)
    assert (table["mean_abs_rank_biserial_ci"] > 0).any()
    assert any(data["sampled_unit"].to_numpy().tolist() != [0, 1] for data in gathered.values())


def test_what_is_kept_for_intervals_stays_small() -> None:
    layers = place_layers([("map", (64, 56, 56)), ("head", (10,))])
    kept = cuts.image_bytes(layers, 12, images=[50_000, 1000], draws=1)
    assert kept == 4 * 2 * 512 * 13 * (64 + 10)
    assert cuts.image_bytes(layers, 12, images=[50_000], draws=8) == 4 * 64 * 97 * 74
