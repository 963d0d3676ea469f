r"""Segments behind colour channels against the network in place: do factors act alike in space?

For one channel u of a layer, R_u[j, k] is Spearman's correlation over positions of the maps of
factors j and k. The *pattern* of a layer is its upper triangle, averaged over channels,

    M[j, k] = tanh(mean_u atanh R_u[j, k])                     Fisher's transform.

Segments see other sizes of the same maps, so both have positions of their own and meet in R alone.
Neighbouring positions resemble each other: that many positions are not that many observations,
and all intervals come from channels drawn with replacement. Positions whose unit is dead or rare
do not count. `content` is left out: its maps are its parts' together, and would count twice.
"""

__all__ = ["compare_segments"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from actsense.segments.channels import IN_PLACE, segment_name
from actsense.segments.plan import COLOURS
from actsense.sensitivity.maps import INDICES, SensitivityMaps
from actsense.statistics import CONFIDENCE
from actsense.statistics.resampling import defined_interval, resample
from actsense.statistics.spearman import LARGEST, fisher_mean, spearman
from actsense.store import read_facts

Floats = NDArray[np.float64]

ALL = "all"  # stands for the factors of a mean over all pairs
KEYS = ["layer", "colour", "index"]
COLUMNS = {
    "correlations": [
        *(*KEYS, "factor", "factor_2", "rho", "low", "high"),
        *("channels", "undefined", "positions"),
    ],
    "differences": [
        *(*KEYS, "factor", "factor_2", "difference", "low", "high"),
        *("channels", "undefined"),
    ],
    "patterns": [
        *("against", "colour", "index", "layer", "layer_2"),
        *("difference", "difference_low", "difference_high", "rho", "low", "high", "pairs"),
    ],
}


@dataclass(frozen=True)
class Correlations:
    """Correlations between factors in every channel of a layer, under one index.

    Attributes:
        rho: Upper triangle by row, NaN where undefined, (pairs, channels).
        weights: How often each resample takes a channel, (channels, resamples).
        positions: Positions that count, averaged over channels.
    """

    rho: Floats
    weights: Floats
    positions: float

    @property
    def pattern(self) -> tuple[Floats, Floats]:
        """Average over channels: (pairs,), and in every sample, (pairs, 1 + resamples)."""
        z = np.arctanh(np.clip(self.rho, -LARGEST, LARGEST))
        mean, drawn = _averaged(z, self.weights)
        return np.tanh(mean), np.tanh(drawn)


def compare_segments(
    segments: Path,
    indices: Path,
    units: Path,
    *,
    bootstrap: int,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Compare how factors go together in space, in segments and in place.

    Arguments:
        segments: Index store of the segments.
        indices: Index store of the network in place.
        units: JSON of the segments and their channels, see `SegmentUnits.described`.
        bootstrap: Resamples of channels.
        seed: Of the resamples.

    Returns:
        Three tables, all with 95 % intervals. `correlations` of every pair of factors.
        `differences`, the mean over channels of the magnitude of segment minus in place; noise of
        the maps adds to it. `patterns` of two layers, behind the same colour channel
        (`against` segments) or of a segment and a layer in place: mean magnitude of their
        difference over pairs of factors, and their rank correlation.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}
    if chosen := read_facts(units):
        inside, place = SensitivityMaps({"": segments}), SensitivityMaps({"": indices})
        names = [variable.factor for variable in place.split]
        pairs = [(names[j], names[k]) for j, k in zip(*_triangle(len(names)), strict=True)]
        for index in INDICES:
            read = _correlations(inside, place, chosen, index, bootstrap, seed)
            rows["correlations"] += _correlation_rows(read, index, pairs, bootstrap, seed)
            rows["differences"] += _difference_rows(read, index, pairs)
            rows["patterns"] += _pattern_rows(read, index)
    return {name: pd.DataFrame(rows[name], columns=COLUMNS[name]) for name in COLUMNS}


Read = dict[tuple[str, str], Correlations]  # by layer and colour


def _correlations(
    inside: SensitivityMaps,
    place: SensitivityMaps,
    units: Sequence[Mapping[str, Any]],
    index: str,
    bootstrap: int,
    seed: int,
) -> Read:
    read: Read = {}
    for number, segment in enumerate(units):
        layer, channels = segment["layer"], [int(channel) for channel in segment["channels"]]
        # The same channels are drawn for segments and in place: their difference is paired.
        weights = resample(len(channels), bootstrap, seed, "resampled channels", number).T
        for colour in COLOURS:
            maps = inside.read(segment_name(layer, colour), index, inside.split)
            read[layer, colour] = _over_positions(maps, weights)
        maps = place.read(layer, index, place.split)[:, channels]
        read[layer, IN_PLACE] = _over_positions(maps, weights)
    return read


def _over_positions(maps: NDArray[np.float32], weights: Floats) -> Correlations:
    """Correlate (factors, channels, row, col) over the positions where all are defined.

    Channels with fewer of them than factors have no correlations: two positions always agree.
    """
    factors, channels = maps.shape[:2]
    values = np.moveaxis(maps.reshape(factors, channels, -1), 1, 2)
    observed = np.asarray(np.isfinite(values).all(axis=0))
    rho = spearman(values, observed=observed)[_triangle(factors)]
    positions = observed.sum(axis=0)
    rho = np.where(positions >= factors, rho, np.nan)
    return Correlations(rho, weights, float(positions.mean()))


def _correlation_rows(
    read: Read, index: str, pairs: Sequence[tuple[str, str]], bootstrap: int, seed: int
) -> list[dict[str, Any]]:
    rows = []
    for (layer, colour), one in read.items():
        mean = fisher_mean(one.rho, resamples=bootstrap, seed=seed)
        for k, (factor, factor_2) in enumerate(pairs):
            rows.append(
                {
                    **{"layer": layer, "colour": colour, "index": index},
                    **{"factor": factor, "factor_2": factor_2},
                    **{"rho": mean.mean[k], "low": mean.low[k], "high": mean.high[k]},
                    **{"channels": mean.n[k], "undefined": mean.undefined[k]},
                    "positions": one.positions,
                }
            )
    return rows


def _difference_rows(
    read: Read, index: str, pairs: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    rows = []
    for (layer, colour), one in read.items():
        if colour == IN_PLACE:
            continue
        gap = np.abs(one.rho - read[layer, IN_PLACE].rho)
        everything, _ = _averaged(gap.T, np.ones((len(gap), 1)))
        gap = np.vstack([gap, everything])  # (pairs + 1, channels)
        mean, drawn = _averaged(gap, one.weights)
        low, high = defined_interval(np.moveaxis(drawn, -1, 0))
        n = np.isfinite(gap).sum(axis=1)
        for k, (factor, factor_2) in enumerate([*pairs, (ALL, ALL)]):
            rows.append(
                {
                    **{"layer": layer, "colour": colour, "index": index},
                    **{"factor": factor, "factor_2": factor_2},
                    **{"difference": mean[k], "low": low[k], "high": high[k]},
                    **{"channels": n[k], "undefined": gap.shape[1] - n[k]},
                }
            )
    return rows


def _pattern_rows(read: Read, index: str) -> list[dict[str, Any]]:
    patterns = {key: one.pattern for key, one in read.items()}
    layers = list(dict.fromkeys(layer for layer, _ in read))
    rows = []
    for colour in COLOURS:
        for number, layer in enumerate(layers):
            for layer_2 in layers[number + 1 :]:
                compared = _compared(patterns[layer, colour], patterns[layer_2, colour])
                keys = {"against": "segments", "colour": colour, "index": index}
                rows.append({**keys, "layer": layer, "layer_2": layer_2, **compared})
            for layer_2 in layers:
                compared = _compared(patterns[layer, colour], patterns[layer_2, IN_PLACE])
                keys = {"against": IN_PLACE, "colour": colour, "index": index}
                rows.append({**keys, "layer": layer, "layer_2": layer_2, **compared})
    return rows


def _compared(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> dict[str, Any]:
    """Compare two patterns over the pairs of factors that both define.

    Resampled patterns are noisier than the patterns themselves, so that they differ more: the
    interval is the estimate and the spread of the resamples around their own mean.
    """
    gap = np.abs(first[0] - second[0])
    defined = np.isfinite(gap)
    pairs = int(defined.sum())
    if not pairs:  # every channel of one of them is left out
        names = ("difference", "rho", "difference_low", "difference_high", "low", "high")
        return {**dict.fromkeys(names, float("nan")), "pairs": 0}
    difference = float(gap[defined].mean())
    rho = float(spearman(first[0][None, defined], second[0][None, defined])[0, 0])
    a, b = (samples[defined, 1:] for _, samples in (first, second))
    width = _half_width(np.abs(a - b).mean(axis=0))
    z = np.arctanh(np.clip(spearman(a[None], b[None])[0, 0], -LARGEST, LARGEST))
    center, spread = np.arctanh(np.clip(rho, -LARGEST, LARGEST)), _half_width(z)
    return {
        **{"difference": difference, "rho": rho, "pairs": pairs},
        **{"difference_low": difference - width, "difference_high": difference + width},
        **{"low": float(np.tanh(center - spread)), "high": float(np.tanh(center + spread))},
    }


def _half_width(drawn: Floats) -> float:
    """Return the half-width of a normal interval from what resamples gave."""
    defined = drawn[np.isfinite(drawn)]
    if defined.size < 2:
        return float("nan")
    return float(ndtri((1 + CONFIDENCE) / 2) * defined.std(ddof=1))


def _averaged(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Average the defined entries of (..., channels), and those of every sample.

    The resamples are NaN where there is one channel alone: it cannot tell how channels differ.
    """
    defined = np.isfinite(values)
    held = np.where(defined, values, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = held.sum(axis=-1) / defined.sum(axis=-1)
        drawn = (held @ weights) / (defined @ weights)
    return mean, drawn if len(weights) > 1 else np.full_like(drawn, np.nan)


def _triangle(factors: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(factors, 1)
