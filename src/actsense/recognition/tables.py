"""Which factor made a map? Every index, layer and design of a network, by discriminants."""

__all__ = ["discriminate"]

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.draws import stream
from actsense.progress import progress
from actsense.recognition.discriminant import (
    Samples,
    Spread,
    assign_folds,
    cross_validate,
    fit_discriminant,
    shuffle_labels,
)
from actsense.sensitivity.maps import INDICES, SensitivityMaps
from actsense.statistics import CONFIDENCE
from actsense.statistics.discoveries import adjusted_table
from actsense.statistics.resampling import defined_interval, interval, resample
from actsense.statistics.shares import no_narrower
from actsense.store import LeftOut
from actsense.store.tables import joined

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

VARIANTS = ("raw", "normalized")  # maps as they are, and divided by their norm
RESAMPLES = 1000  # of channels, behind every interval
SHOWN = 64  # channels in the table of the projection
FEWEST = 4  # channels: the projection learns from half of them, and a spread needs two
KNOWN = 0.5  # share of the positions of a channel that must be defined
TIED = 1e-12  # accuracies that differ by less are equal: sums in another order
NEGLIGIBLE = 1e-20  # share of the squares that rounding alone leaves within factors
KEYS = ("layer", "design", "value", "variant")
COLUMNS = {
    "accuracy": (
        *KEYS,
        *("accuracy", "low", "high", "chance", "null_mean", "null_high", "p_value", "p_adjusted"),
        *("channels", "factors", "positions", "left_out", "filled", "dead_units", "rare_units"),
        "zero_maps",
    ),
    "confusion": (*KEYS, "factor", "predicted", "share", "low", "high"),
    "projection": (*KEYS, "channel", "factor", "axis_1", "axis_2"),
    "skipped": (*KEYS, "channel", "reason"),
}


def discriminate(
    maps: SensitivityMaps, *, folds: int, repeats: int, permutations: int, seed: int
) -> dict[str, pd.DataFrame]:
    """Tell factors apart by the maps of channels that were not learned from.

    Every index, layer with positions and design is a case of its own, once with raw maps and
    once with maps divided by their norm. Units that are dead or rare are undefined positions. A
    channel is left out if more than half of its positions are undefined, and listed with the
    reason; in others, undefined positions take the mean of the factor's map over the defined
    ones, which says nothing about where. `content` is left out: its parts stand for it.
    Intervals resample channels, given the fits, and are no narrower than Wilson's of as many
    independent maps. The null shuffles labels within channels, each
    time for one cross-validation, whose folds take turns; the mean over all of them varies less,
    so with several repeats p-values are a little too large. They are corrected by Benjamini and
    Hochberg over all cases.

    Arguments:
        maps: The maps of a network.
        folds: Folds of a cross-validation.
        repeats: Cross-validations, each with other folds.
        permutations: Cross-validations with shuffled labels.
        seed: Of folds, shuffles and resamples; all cases share it.

    Returns:
        Tables `accuracy`, `confusion`, `projection` and `skipped`: cases that cannot be analyzed,
        and channels that are left out.

    Raises:
        ValueError: If there are fewer than 2 folds, or no repeats or permutations.
    """
    if folds < 2 or repeats < 1 or permutations < 1:
        raise ValueError(
            "LDA needs at least 2 folds, 1 repeat and 1 permutation; "
            f"got {folds}, {repeats}, {permutations}."
        )
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in COLUMNS}
    cases = _cases(maps)
    for keys, factors, samples, left_out in progress(
        cases, total=_count(maps), desc="discriminants", unit="case"
    ):
        reason = _reason(samples, folds)
        if samples is None or reason:
            results = {"skipped": pd.DataFrame([{"reason": reason}])}
        else:
            results = _analyze(samples, factors, folds, repeats, permutations, seed)
            results["accuracy"] = results["accuracy"].assign(**left_out)
        for name, table in results.items():
            tables[name].append(table.assign(**keys))
    tables["skipped"].append(_channels_left_out(maps))
    return {name: adjusted_table(joined(parts, COLUMNS[name])) for name, parts in tables.items()}


def _cases(
    maps: SensitivityMaps,
) -> Iterator[tuple[dict[str, str], list[str], Samples | None, dict[str, int]]]:
    """Yield keys, factors, samples (None if there cannot be any) and what was left out."""
    for layer, design in product(maps.layers, dict.fromkeys(v.design for v in maps.variables)):
        variables = [one for one in maps.split if one.design == design]
        factors = [one.factor for one in variables]
        if not maps.is_map(layer):
            yield dict(zip(KEYS, (layer, design, "all", "all"), strict=True)), factors, None, {}
            continue
        for value in INDICES:
            read = np.moveaxis(maps.read(layer, value, variables), 1, 0).astype(np.float64)
            read = read.reshape(*read.shape[:2], -1)  # channels, factors, positions
            known = np.asarray(np.isfinite(read).all(axis=1))
            kept = _kept(known)
            raw = Samples.of(_filled(read, known), np.flatnonzero(kept))
            for variant, samples in zip(VARIANTS, (raw, raw.normalized()), strict=True):
                left_out = {
                    "left_out": int((~kept).sum()),
                    "filled": int((~known[kept]).sum()),
                    **maps.left_out(layer, design).columns,
                    "zero_maps": len(raw.labels) - len(samples.labels),
                }
                keys = dict(zip(KEYS, (layer, design, value, variant), strict=True))
                yield keys, factors, samples, left_out


def _kept(known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which channels have enough defined positions, of (channels, positions)."""
    return np.asarray(known.mean(axis=1) >= KNOWN)


def _filled(maps: Floats, known: NDArray[np.bool_]) -> Floats:
    """Put the mean of every map, (channels, factors, positions), where it is undefined."""
    held, count = np.where(known[:, None], maps, 0), known.sum(axis=1)[:, None, None]
    mean = held.sum(axis=2, keepdims=True) / np.maximum(count, 1)
    return np.where(known[:, None], maps, mean)


def _channels_left_out(maps: SensitivityMaps) -> pd.DataFrame:
    """List the channels with too few defined positions, and why they are not defined."""
    rows = []
    for layer, design in product(maps.layers, dict.fromkeys(v.design for v in maps.variables)):
        if not maps.is_map(layer):
            continue
        dead, rare = (one.reshape(len(one), -1) for one in maps.flags(layer, design))
        for channel in np.flatnonzero(~_kept(~(dead | rare))):
            found = LeftOut.of_flags(dead[channel], rare[channel])
            keys = dict(zip(KEYS, (layer, design, "all", "all"), strict=True))
            rows.append(keys | {"channel": channel, "reason": f"positions: {found}"})
    return pd.DataFrame(rows, columns=list(COLUMNS["skipped"]))


def _count(maps: SensitivityMaps) -> int:
    """Count the cases."""
    layers = (len(INDICES) * len(VARIANTS) if maps.is_map(name) else 1 for name in maps.layers)
    return sum(layers) * len({variable.design for variable in maps.variables})


def _reason(samples: Samples | None, folds: int) -> str:
    """Say why these samples cannot be analyzed, or nothing."""
    if samples is None:
        return "the layer has no positions"
    channels, fewest = len(np.unique(samples.channels)), max(folds, FEWEST)
    if channels < fewest:
        return f"channels defined at half of their positions: {channels}, needed: {fewest}"
    within = [samples.features[samples.labels == k] for k in range(samples.classes)]
    spread = sum(float(((one - one.mean(axis=0)) ** 2).sum()) for one in within if len(one))
    if not spread > NEGLIGIBLE * float((samples.features**2).sum()):
        return "the maps of a factor are alike in all channels"
    return ""


def _analyze(
    samples: Samples,
    factors: list[str],
    folds: int,
    repeats: int,
    permutations: int,
    seed: int,
) -> dict[str, pd.DataFrame]:
    samples = samples.in_row_space()
    channels = len(np.unique(samples.channels))
    weights = resample(channels, RESAMPLES, seed, "resampled channels of maps")
    generator = stream(seed, "folds and shuffles")
    splits = [assign_folds(samples.channels, folds, generator) for _ in range(repeats)]
    halves = assign_folds(samples.channels, 2, generator)
    shuffled = shuffle_labels(samples, permutations, generator)
    predictions, null = [], []
    for first, split in enumerate(splits):
        labelings = np.vstack([samples.labels, shuffled[first::repeats]])
        predicted = cross_validate(samples, labelings, split)
        predictions.append(predicted[0])
        null.append((predicted[1:] == labelings[1:]).mean(axis=1))
    counts = _confusions(samples, np.stack(predictions))
    resampled = np.tensordot(weights, counts, axes=1)
    accuracies = np.einsum("bkk->b", resampled) / resampled.sum(axis=(1, 2))
    observed, guessed = np.einsum("ckk->", counts) / counts.sum(), np.concatenate(null)
    count = len(samples.labels)
    low, high = interval(accuracies)
    low, high = no_narrower(low, high, observed * count, count)
    accuracy = {
        "accuracy": observed,
        "low": float(low),
        "high": float(high),
        "chance": 1 / len(np.unique(samples.labels)),
        "null_mean": guessed.mean(),
        "null_high": np.quantile(guessed, CONFIDENCE),
        "p_value": (1 + (guessed >= observed - TIED).sum()) / (1 + permutations),
        "channels": len(counts),
        "factors": samples.classes,
        "positions": samples.positions,
    }
    return {
        "accuracy": pd.DataFrame([accuracy]),
        "confusion": _confusion_table(counts.sum(axis=0), resampled, factors, repeats),
        "projection": _projection_table(samples, halves, factors),
    }


def _confusions(samples: Samples, predictions: Integers) -> Floats:
    """Count predictions (repeats, samples) per channel, (channels, true, predicted)."""
    channels, places = np.unique(samples.channels, return_inverse=True)
    counts = np.zeros((len(channels), samples.classes, samples.classes))
    for predicted in predictions:
        np.add.at(counts, (places, samples.labels, predicted), 1)
    return counts


def _confusion_table(
    counts: Floats, resampled: Floats, factors: list[str], repeats: int
) -> pd.DataFrame:
    """Divide every row by its sum; the row of a factor without maps is empty."""
    total = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        share = counts / total
        shares = resampled / resampled.sum(axis=2, keepdims=True)
    low, high = defined_interval(shares)
    low, high = no_narrower(low, high, counts / repeats, total / repeats)
    return pd.DataFrame(
        {
            "factor": np.repeat(factors, len(factors)),
            "predicted": np.tile(factors, len(factors)),
            "share": share.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
        }
    )


def _projection_table(samples: Samples, halves: Integers, factors: list[str]) -> pd.DataFrame:
    """Project some channels on the axes that the other half of the channels gave."""
    learned, shown = halves == 0, np.unique(samples.channels[halves == 1])[:SHOWN]
    spread = Spread.of(samples.features[learned], samples.positions)
    model = fit_discriminant(spread, samples.labels[None, learned], classes=samples.classes)
    held = np.isin(samples.channels, shown)
    placed = spread.along(samples.features[held]) @ model.projection()
    return pd.DataFrame(
        {
            "channel": samples.channels[held],
            "factor": np.array(factors)[samples.labels[held]],
            "axis_1": placed[:, 0],
            "axis_2": placed[:, 1],
        }
    )
