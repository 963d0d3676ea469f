"""What one augmentation does to every unit, in numbers; see `actsense.sensitivity.contrast`."""

__all__ = [
    "STATISTICS",
    "contrast_dataset",
    "contrast_statistics",
    "contrast_table",
    "statistic_kinds",
]

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.special import stdtrit

from actsense.layers import Layer
from actsense.sensitivity.contrast_images import DIFFERENCE, UNTOUCHED
from actsense.sensitivity.contrast_intervals import (
    Spread,
    significance_bound,
    spread_of_layer,
)
from actsense.sensitivity.difference_kernels import LANES
from actsense.sensitivity.differences import Differences, Responses
from actsense.sensitivity.samples import images_of
from actsense.sensitivity.tiles import run_tiles
from actsense.statistics import CONFIDENCE
from actsense.statistics.signed_ranks import rank_sums, signed_rank_p
from actsense.store import read_results

Floats = NDArray[np.floating]

STATISTICS = {
    "mean_difference": "mean of augmented minus untouched response, in the unit's own scale",
    "mean_difference_ci": "half-width of its 95 % interval over images",
    "standardized_mean_difference": "mean difference in standard deviations of the response",
    "rank_biserial": "signed rank-biserial correlation, positive where the response rises",
    "point_biserial": "correlation of the response with being augmented",
    "p_value": "two-sided signed-rank test over images",
    "p_adjusted": "Benjamini-Yekutieli over all units and augmentations of the network",
}
SIGNIFICANT = 0.05  # of the adjusted p-values counted in the table
GROUPS_PER_TILE = 64
UNITS_PER_TILE = GROUPS_PER_TILE * LANES


def statistic_kinds() -> dict[str, type[np.floating]]:
    """Return the types of all statistics that rest on one augmentation alone."""
    # The adjustment looks at the smallest p-values; else float32 is what is written.
    kinds = {name: np.float64 if name == "p_value" else np.float32 for name in STATISTICS}
    del kinds["p_adjusted"]
    return kinds


def contrast_statistics(
    responses: Responses, differences: Sequence[Differences], *, confidence: float = CONFIDENCE
) -> dict[str, Floats]:
    """Return the statistics of one augmentation but `p_adjusted`, (units,) each.

    All are NaN where no response varies and none differs, or where one is not finite. A
    standardized difference is NaN as well where the responses differ but do not vary.

    Arguments:
        responses: Untouched responses.
        differences: Of consecutive units, all of them together; of every image, or of every one
            of as many draws of it.
        confidence: Of the interval of the mean difference.
    """
    n, sums = responses.images, responses.sums.cpu().numpy()
    values: dict[str, Floats] = {
        n: np.empty(sums.shape[1], kind) for n, kind in statistic_kinds().items()
    }
    for part in differences:
        codes, changes = part.codes, part.sums.cpu().numpy()
        tiles = -(-len(codes) // GROUPS_PER_TILE)
        run_tiles(_estimate, tiles, n, confidence, sums, part, codes, changes, values)
    return values


def contrast_dataset(
    augmentations: Sequence[str],
    layer: Layer,
    values: Mapping[str, Floats],
    images: Mapping[str, int],
    pairs: Sequence[int] | None = None,
) -> xr.Dataset:
    """Label statistics of a layer, or of some of its channels.

    Arguments:
        augmentations: Names.
        layer: The layer.
        values: Statistics, (augmentations, samples, units) each.
        images: Images of every sample, by partition; under no name if partitions are pooled.
        pairs: Draws of an image that count by themselves, for every augmentation; None where
            draws are averaged.
    """
    leading, apart = {"augmentation": list(augmentations)}, "" not in images
    if apart:
        leading["partition"] = list(images)
    data = {
        name: (
            (*leading, *layer.dimensions),
            value.astype(np.float32).reshape(*map(len, leading.values()), -1, *layer.shape[1:]),
            {"description": STATISTICS[name]},
        )
        for name, value in values.items()
    }
    counts = [*images.values()]
    attributes: dict[str, Any] = {"images": counts if apart else counts[0]}
    if pairs is not None:
        attributes["pairs"] = list(pairs)  # of an image, under every augmentation
    return xr.Dataset(data, leading, attributes)


def contrast_table(contrasts: Path, layers: Sequence[Layer]) -> pd.DataFrame:
    """Summarize every layer and augmentation in one row, read from a store one by one.

    Every partition has a row where they are apart, and `pairs` counts what is compared where
    draws are not averaged. Columns that end in `_ci` are half-widths of 95 % intervals over
    images, those in `_by_chance` what an augmentation without effect would give; see
    `actsense.sensitivity.contrast_intervals`.
    """
    rows, spreads, tree = [], [], read_results(contrasts)
    for layer in (layer.name for layer in layers):
        data = tree[layer].to_dataset()
        for place, augmentation in enumerate(data["augmentation"].to_numpy()):
            for partition, images in images_of(data).items():
                chosen = {"partition": partition} if partition else {}
                effects = data.sel({"augmentation": augmentation, **chosen}).load()
                alive = int(effects["p_value"].notnull().sum())
                counted = {"images": images}
                if "pairs" in data.attrs:
                    counted["pairs"] = images * int(data.attrs["pairs"][place])
                spread = _spread(effects, images)
                spreads.append(spread)
                rows.append(
                    {
                        "layer": layer,
                        "augmentation": augmentation,
                        **chosen,
                        "units": effects["p_value"].size,
                        "alive": alive,
                        **counted,
                        **_summary(effects, alive, spread),
                    }
                )
    table = pd.DataFrame(rows)
    bounds = _bounds(table)
    widths = [one.significant_share(bound) for one, bound in zip(spreads, bounds, strict=True)]
    table["significant_share_ci"] = widths
    return table


def _summary(effects: xr.Dataset, alive: int, spread: Spread) -> dict[str, float]:
    """Average the statistics of a layer under one augmentation."""
    magnitude = abs(effects["standardized_mean_difference"])
    return {
        "significant_share": _share(effects["p_adjusted"] < SIGNIFICANT, alive),
        "significant_share_ci": float("nan"),  # when all layers have been read
        "mean_abs_rank_biserial": float(abs(effects["rank_biserial"]).mean()),
        "mean_abs_rank_biserial_ci": spread.rank_size,
        "mean_abs_rank_biserial_by_chance": spread.rank_by_chance,
        "mean_rank_biserial": float(effects["rank_biserial"].mean()),
        "mean_rank_biserial_ci": spread.rank,
        "mean_abs_standardized_difference": float(magnitude.mean()),
        "mean_abs_standardized_difference_ci": spread.standardized_size,
        "mean_abs_standardized_difference_by_chance": spread.standardized_by_chance,
        "mean_point_biserial": float(effects["point_biserial"].mean()),
    }


def _spread(effects: xr.Dataset, images: int) -> Spread:
    """Return how far a layer's means spread, from the units whose single responses were kept."""
    units = effects["sampled_unit"].to_numpy()
    known = (
        effects[name].to_numpy().ravel()[units].astype(np.float64)
        for name in ("rank_biserial", "standardized_mean_difference", "p_value")
    )
    rank, standardized, p_value = known
    untouched, difference = effects[UNTOUCHED].to_numpy(), effects[DIFFERENCE].to_numpy()
    return spread_of_layer(
        untouched,
        difference,
        rank=rank,
        standardized=standardized,
        p_value=p_value,
        images=images,
    )


def _bounds(table: pd.DataFrame) -> list[float]:
    """Return the largest significant p-value of every row: of all corrected together."""
    found = (table["significant_share"].fillna(0) * table["alive"]).round()
    partition = table["partition"] if "partition" in table else pd.Series("", index=table.index)
    tests, found = (own.groupby(partition).transform("sum") for own in (table["alive"], found))
    return [
        significance_bound(int(many), int(few), SIGNIFICANT) if many else float("nan")
        for many, few in zip(tests, found, strict=True)
    ]


def _estimate(
    first: int,
    end: int,
    n: int,
    confidence: float,
    sums: Floats,
    part: Differences,
    codes: NDArray[np.unsignedinteger],
    changes: Floats,
    statistics: Mapping[str, Floats],
) -> None:
    """Write the statistics of some tiles of a part."""
    for tile in range(first, end):
        groups = slice(tile * GROUPS_PER_TILE, (tile + 1) * GROUPS_PER_TILE)
        here = slice(tile * UNITS_PER_TILE, min((tile + 1) * UNITS_PER_TILE, changes.shape[1]))
        there = slice(part.units.start + here.start, part.units.start + here.stop)
        x, d = sums[:, there], changes[:, here]
        pairs = part.images
        ranked = rank_sums(codes[groups], units=d.shape[1], images=pairs, counted=part.counted)
        values = _moment_statistics(x, d, n, pairs, confidence)
        values["rank_biserial"] = ranked[0] / (pairs * (pairs + 1))
        values["p_value"] = signed_rank_p(*ranked, images=pairs)
        undefined = ((x[1] == 0) & (d[1] == 0)) | ~np.isfinite(x[1] + d[1])
        for name, value in values.items():
            statistics[name][there] = np.where(undefined, np.nan, value)


def _moment_statistics(
    x: Floats, d: Floats, n: int, pairs: int, confidence: float
) -> dict[str, Floats]:
    """Return the statistics that rest on sums, those of `Responses` and `Differences`."""
    augmented = pairs / (n + pairs)  # share of the responses
    correction = pairs * (n - 1) / ((pairs - 1) * n)  # of a variance of pairs to one of images
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = d[0] / pairs
        control = _variance(x[0], x[1], n)
        treated = _variance(x[0] * (pairs // n) + d[0], d[2], pairs)
        both = (control + correction * treated) / 2
        pooled = (1 - augmented) * control + augmented * treated
        between = augmented * (1 - augmented)
        spread = np.sqrt(_variance(d[0], d[1], pairs) / (pairs - 1))
        standardized = mean / np.sqrt(both * n / (n - 1))
        return {
            "mean_difference": mean,
            "mean_difference_ci": stdtrit(pairs - 1, (1 + confidence) / 2) * spread,
            "standardized_mean_difference": np.where(both > 0, standardized, np.nan),
            "point_biserial": mean * np.sqrt(between) / np.sqrt(pooled + between * mean**2),
        }


def _variance(total: Floats, square: Floats, n: int) -> Floats:
    """Return the variance; 0 where it is less than the rounding of the sums."""
    variance = square / n - (total / n) ** 2
    return np.where(variance > square * np.finfo(np.float64).eps, variance, 0.0)


def _share(chosen: xr.DataArray, of: int) -> float:
    return float(chosen.sum()) / of if of else float("nan")
