"""Contrast statistics against SciPy and closed forms."""

from itertools import product
from math import inf

import numpy as np
import pytest
import torch
from scipy.stats import binom, pearsonr, rankdata, wilcoxon

from actsense.layers import Layer, place_layers
from actsense.sensitivity.contrast_statistics import STATISTICS, contrast_statistics
from actsense.sensitivity.cuts import (
    BINNED,
    SPAN_BYTES,
    ContrastCut,
    cut_contrast,
    image_bytes,
    kept_bytes,
)
from actsense.sensitivity.difference_kernels import LANES, SPANS, UNITS_PER_TILE
from actsense.sensitivity.differences import Differences, Responses
from actsense.sensitivity.plan import STATISTICS as PLANNED

UNITS = 12


def accumulated(
    x: np.ndarray, y: np.ndarray, *, exact: bool = False, chunk: int = 50, path: str = "add"
) -> tuple[Responses, list[Differences]]:
    """Add images in chunks; y is (images, units) or (images, draws, units)."""
    x = np.asarray(x, dtype=np.float32)
    y = np.asarray(y, dtype=np.float32).reshape(len(x), -1, x.shape[1])
    responses = Responses(x.shape[1])
    differences = Differences(slice(0, x.shape[1]), len(x), exact)
    for start in range(0, len(x), chunk):
        rows = slice(start, start + chunk)
        control, treated = torch.from_numpy(x[rows]), torch.from_numpy(y[rows])
        if not start:
            responses.origin.copy_(control[0])
        getattr(responses, path)(control)
        getattr(differences, path)(responses.origin, control, treated)
        if path != "add":
            responses.images += len(control)
            differences.images += len(control)
    return responses, [differences]


def statistics(x: np.ndarray, y: np.ndarray, **how: object) -> dict[str, np.ndarray]:
    return contrast_statistics(*accumulated(x, y, **how))  # type: ignore[arg-type]


def of_differences(d: np.ndarray, **how: object) -> dict[str, np.ndarray]:
    return statistics(np.zeros_like(d), d, **how)


def paired(shift: float, images: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Rectified responses of many zeros, as units of a network give."""
    generator = np.random.default_rng(5)
    x = generator.normal(size=(images, UNITS))
    y = x + generator.normal(scale=0.5, size=x.shape) + shift
    return np.maximum(x, 0).astype(np.float32), np.maximum(y, 0).astype(np.float32)


def test_moment_statistics_match_numpy_and_pearson() -> None:
    x, y = paired(0.2)
    found = statistics(x, y)
    label = np.repeat([0, 1], len(x))
    for unit in range(UNITS):
        pooled = np.concatenate([x[:, unit], y[:, unit]]).astype(np.float64)
        expected = pearsonr(label, pooled).statistic
        assert found["point_biserial"][unit] == pytest.approx(expected, rel=1e-6)
    difference = y.astype(np.float64) - x
    np.testing.assert_allclose(found["mean_difference"], difference.mean(axis=0), rtol=1e-6)
    spread = np.sqrt((x.var(axis=0, ddof=1) + y.var(axis=0, ddof=1)) / 2)
    np.testing.assert_allclose(
        found["standardized_mean_difference"], difference.mean(axis=0) / spread, rtol=1e-5
    )


def softmax_differences(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    logits = generator.normal(0, 4, size=(*shape, 20))
    moved = logits + generator.normal(size=logits.shape)
    before, after = (np.exp(v[..., 0] - np.logaddexp.reduce(v, axis=-1)) for v in (logits, moved))
    return after - before


KINDS = {
    "normal": lambda g, s: g.normal(0.3, size=s),
    "lognormal": lambda g, s: np.exp(6 * g.normal(size=s)) * np.where(g.random(s) < 0.6, 1, -1),
    "softmax": softmax_differences,
    "rare": lambda g, s: g.normal(0.3, size=s) * (g.random(s) < 0.1),
    "clusters": lambda g, s: g.normal(0.3, size=s) * 2.0 ** np.where(g.random(s) < 0.5, 50, -50),
    "denormal": lambda g, s: g.normal(0.3, size=s) * 1e-42,
    "huge": lambda g, s: g.normal(0.3, size=s) * 1e30,
}


def exact_rank_biserial(difference: np.ndarray) -> np.ndarray:
    ranks = rankdata(abs(difference), axis=0)
    return (np.sign(difference) * ranks).sum(axis=0) / ranks.sum(axis=0)


@pytest.mark.parametrize(
    ("images", "limit"), [(20, 0.02), (50, 0.01), (400, 0.005), (3000, 0.005)]
)
@pytest.mark.parametrize("kind", list(KINDS))
def test_ranks_are_those_of_scipy_over_the_whole_range_of_float32(
    kind: str, images: int, limit: float
) -> None:
    d = KINDS[kind](np.random.default_rng(images), (images, 100)).astype(np.float32)
    d = d[:, (d != 0).any(axis=0)]
    expected = exact_rank_biserial(d)
    assert abs(expected).max() > 0.08
    assert abs(of_differences(d)["rank_biserial"] - expected).max() < limit
    vectors = of_differences(d, exact=True)["rank_biserial"]
    np.testing.assert_allclose(vectors, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("levels", [3, 1000])
def test_p_values_are_those_of_pratt_with_ties_and_zeros(levels: int) -> None:
    """SciPy's `zsplit` leaves the zeros in the variance; its `pratt` does not."""
    generator = np.random.default_rng(2)
    d = generator.integers(-levels, levels + 1, size=(90, 6)).astype(np.float32)
    d[generator.random(d.shape) < 0.3] = 0
    found = of_differences(d, exact=True)["p_value"]
    expected = wilcoxon(d.astype(float), zero_method="pratt", method="asymptotic").pvalue
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("exact", [False, True])
def test_few_moved_images_have_the_p_value_of_all_their_signs(exact: bool) -> None:
    generator = np.random.default_rng(3)
    for images in (2, 5, 11):
        d = generator.integers(-3, 4, size=(images, 20)).astype(np.float32)
        found = of_differences(d, exact=exact)["p_value"]
        ranks = rankdata(abs(d), axis=0)
        signs = np.array(list(product([-1, 1], repeat=images)))
        sums = abs(signs @ (ranks * (d != 0)))  # (signs, units)
        observed = abs((np.sign(d) * ranks).sum(axis=0))
        np.testing.assert_allclose(found, (sums >= observed - 1e-9).mean(axis=0), rtol=1e-12)


def test_twelve_rises_and_no_fall_are_as_rare_as_the_sign_test_says() -> None:
    d = np.zeros((1000, 1), np.float32)
    d[::80] = np.arange(1, 14)[:, None]
    d[0] = 0
    assert of_differences(d)["p_value"][0] == pytest.approx(2 * binom.pmf(12, 12, 0.5))


@pytest.mark.parametrize("zeros", [0, 0.5, 0.75, 0.9, 0.95])
@pytest.mark.parametrize("images", [400, 1000])
def test_no_effect_gives_uniform_p_values_whatever_the_share_of_zeros(
    images: int, zeros: float
) -> None:
    generator = np.random.default_rng(11)
    d = generator.normal(size=(images, 3000)) * (generator.random((images, 3000)) >= zeros)
    p_values = of_differences(d)["p_value"]
    for level in (0.05, 0.5):
        error = 4 * np.sqrt(level * (1 - level) / 3000)
        assert abs((p_values <= level).mean() - level) < error
        assert error < 0.04


def test_a_constant_shift_has_rank_biserial_one_and_its_sign() -> None:
    x, _ = paired(0.0)
    assert statistics(x, x + 0.5)["rank_biserial"] == pytest.approx(1.0)
    assert statistics(x, x - 0.5)["rank_biserial"] == pytest.approx(-1.0)


def test_swapping_treatment_and_control_flips_every_sign() -> None:
    x, y = paired(0.3)
    forth, back = statistics(x, y), statistics(y, x)
    for name in ("mean_difference", "rank_biserial", "point_biserial"):
        np.testing.assert_allclose(forth[name], -back[name], rtol=1e-6)
    np.testing.assert_allclose(forth["p_value"], back["p_value"], rtol=1e-9)


def test_only_what_neither_varies_nor_differs_is_undefined() -> None:
    x = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    x[:, [0, 2, 3]] = 3.1
    y = x.copy()
    y[7, 2] += 1e-6  # a single image, by a few units in the last place
    y[:, 3] += 1
    y[4, 4] = np.nan
    found = statistics(x, y)

    assert all(np.isnan(value[[0, 4]]).all() for value in found.values())
    assert found["rank_biserial"][1] == 0
    assert found["p_value"][1:4] == pytest.approx([1, 1, 2 * 2.0**-60], abs=1e-9)
    assert all(np.isfinite(value[[1, 2]]).all() for value in found.values())
    assert found["point_biserial"][3] == 1
    assert np.isnan(found["standardized_mean_difference"][3])  # infinite


def test_squares_neither_vanish_nor_overflow() -> None:
    x, y = paired(0.2)
    expected = statistics(x, y)
    for scale in (2.0**-120, 2.0**120):
        found = statistics(x * scale, y * scale)
        for name in ("standardized_mean_difference", "point_biserial"):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-4)


def test_draws_that_agree_are_one_response() -> None:
    """Their mean is that response to the last bit: no difference comes from rounding."""
    x = np.random.default_rng(4).normal(size=(30, 40)).astype(np.float32)
    for draws in (3, 7, 10):
        found = statistics(x, np.repeat(x[:, None], draws, axis=1))
        assert (found["mean_difference"] == 0).all()
        assert (found["p_value"] == 1).all()


def mixed(images: int, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Responses of two draws: rectified, of all scales, some units moved late or never."""
    generator = np.random.default_rng(6)
    scale = np.exp(generator.normal(0, 20, size=units))
    x = np.maximum(generator.normal(size=(images, units)), 0) * scale
    y = np.maximum(x[:, None] + generator.normal(size=(images, 2, units)) * scale, 0)
    y[:, :, 0] = x[:, None, 0]
    y[: BINNED + 3, :, 1] = x[: BINNED + 3, None, 1]
    return x.astype(np.float32), y.astype(np.float32)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("path", ["add", "_add_on_device"])
def test_no_bit_depends_on_how_images_come(path: str, exact: bool) -> None:
    x, y = mixed(300, 40)
    one = statistics(x, y, exact=exact, chunk=300)
    for chunk in (1, 7, 128, 256):
        other = statistics(x, y, exact=exact, chunk=chunk, path=path)
        for name, value in one.items():
            np.testing.assert_array_equal(value, other[name])


def codes_of_units(differences: Differences) -> np.ndarray:
    """Return the codes or counts unit by unit, (units, columns)."""
    columns = differences.codes.shape[1]
    codes = differences.codes.transpose(0, 2, 1).reshape(-1, columns)
    return codes[: differences.sums.shape[1]]


@pytest.mark.parametrize("units", [40, 2 * LANES, 2 * LANES + 3])
def test_array_operations_count_what_the_kernel_counts(units: int) -> None:
    x, y = mixed(300, units)
    _, [kernel] = accumulated(x, y)
    _, [arrays] = accumulated(x, y, path="_add_on_device")
    np.testing.assert_array_equal(codes_of_units(kernel), codes_of_units(arrays))
    np.testing.assert_array_equal(kernel.sums, arrays.sums)
    moved = (y.mean(axis=1, dtype=np.float64) != x).sum(axis=0)
    np.testing.assert_array_equal(codes_of_units(kernel).sum(axis=1), moved)


def test_some_of_many_units_are_found_at_their_place() -> None:
    x, y = mixed(20, 2 * UNITS_PER_TILE + 30)
    whole = accumulated(x, y)[1][0]
    part = Differences(slice(11, 2 * UNITS_PER_TILE + 20), 20, False)
    control = torch.from_numpy(x)
    part.add(control[0], control, torch.from_numpy(y))
    np.testing.assert_array_equal(codes_of_units(part), codes_of_units(whole)[part.units])
    np.testing.assert_array_equal(part.sums, whole.sums[:, part.units])


def test_more_images_than_announced_are_refused() -> None:
    differences = Differences(slice(0, 2), 5, True)
    with pytest.raises(ValueError, match="Expected 5 images; got 6"):
        differences.add(torch.zeros(2), torch.zeros(6, 2), torch.zeros(6, 1, 2))


def test_more_images_than_two_bytes_count() -> None:
    d = np.random.default_rng(8).normal(0.1, size=(70_000, 2)).astype(np.float32)
    d[:, 1] = abs(d[:, 1])
    found = of_differences(d, chunk=10_000)
    np.testing.assert_allclose(found["rank_biserial"], exact_rank_biserial(d), atol=1e-3)
    d[:, 0] = 1  # all in one bin
    assert of_differences(d, chunk=10_000)["rank_biserial"] == pytest.approx(1)


def test_what_is_kept_of_a_unit_takes_less_than_a_kilobyte() -> None:
    for images in (2, 256, 1000, 70_000, 10**6):
        assert kept_bytes(images, False) <= 1000
        taken = Differences(slice(0, LANES), images, False).nbytes
        assert taken == LANES * kept_bytes(images, False)
    assert Differences(slice(0, LANES), 500, True).nbytes == LANES * kept_bytes(500, True)


def wide(units: int) -> tuple[Layer, ...]:
    return place_layers((name, (units // 100, 10, 5)) for name in ("early", "late"))


def cut(units: int, room: float, *, images: int = 100, top_images: int = 6) -> ContrastCut:
    return cut_contrast(wide(units), 5, images=images, top_images=top_images, batch=36, room=room)


def test_a_contrast_holds_no_more_than_it_has_room_for() -> None:
    for units in (500_000, 2_500_000, 10_000_000):
        for room in (0.5e9, 1e9, 2e9):
            for images in (100, 1000):
                single = image_bytes(wide(units), 5, images=[images], draws=1)
                most = max(room, 5 * 64 * units + single)
                assert cut(units, room, images=images).holds <= most
    assert cut(500_000, 2e9).passes(5) == 6
    assert 6 < cut(500_000, 0.7e9).passes(5) < 2 * 6  # groups of augmentations come first
    assert cut(2_500_000, 0.7e9).passes(5) > 2 * 6
    assert len(STATISTICS) == PLANNED
    assert 2 * SPANS == SPAN_BYTES


def test_a_contrast_holds_what_its_arrays_take() -> None:
    """Of one tile: codes, sums, all statistics, top images, the responses of two batches."""
    units, images, batch = 500_000, 100, 36
    each = 5 * kept_bytes(images, False) + 20 + 5 * 28 + 6 * (6 * 8 + 4) + 8 * batch + 5 * 8
    assert cut(units, inf).holds == pytest.approx(each * units + 0, rel=0.2)
    assert cut(units, inf, top_images=12).holds > cut(units, inf).holds + 6 * 6 * 8 * units
