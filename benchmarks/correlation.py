"""Rank correlations of maps of AlexNet's published layers, against a loop of SciPy's."""

from collections.abc import Iterator
from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from actsense.statistics.spearman import fisher_mean, resampled_spearman, spearman, tiles
from benchmarks.measure import Measurement, seconds

VARIABLES = 18
SHAPES = (
    *((64, 27, 27), (192, 13, 13), (384, 13, 13), (256, 13, 13), (256, 6, 6)),
    *((4096,), (4096,), (1000,)),
)
RESAMPLES = 1000
POSITIONS = 20  # of every map, on which SciPy is timed


def measurements() -> Iterator[Measurement]:
    """Measure the correlations of one value within all layers, with intervals and without."""
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(VARIABLES, *shape)).astype(np.float32) for shape in SHAPES]
    correlate = [seconds(lambda one=one: spearman(one)) for one in maps]
    whole = seconds(lambda: [_with_intervals(one) for one in maps])
    loop = [_loop(one) for one in maps]
    yield Measurement(
        "correlation_within_one_value",
        whole,
        20,
        10,
        "s",
        f"{VARIABLES} variables, {sum(map(prod, SHAPES))} units in {len(SHAPES)} layers, with "
        f"intervals of {RESAMPLES} resamples; without them {sum(correlate):.2f} s",
    )
    yield Measurement(
        "correlation_over_scipy",
        sum(loop) / sum(correlate),
        5,
        20,
        "times",
        f"a loop of spearmanr over positions, one call for all {VARIABLES} variables, takes "
        f"{sum(loop):.1f} s, extrapolated from {POSITIONS} positions of every map",
        more_is_better=True,
    )


def _with_intervals(maps: NDArray[np.float32]) -> None:
    if maps.ndim == 2:
        drawn = resampled_spearman(maps, resamples=RESAMPLES, seed=0)
        np.quantile(drawn, (0.025, 0.975), axis=-1)
    else:
        rho = spearman(maps).reshape(VARIABLES, VARIABLES, -1)
        fisher_mean(rho, resamples=RESAMPLES, seed=0, groups=tiles(maps.shape[2:]))


def _loop(maps: NDArray[np.float32]) -> float:
    """Time SciPy at some positions and extrapolate to all."""
    positions = maps.reshape(*maps.shape[:2], -1).transpose(2, 1, 0)
    some = positions[:POSITIONS]
    return seconds(lambda: [spearmanr(one) for one in some]) * len(positions) / len(some)
