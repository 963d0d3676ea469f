r"""Contrast: one augmentation alone against the untouched image.

The image is the independent unit: several draws of an augmentation on one image are averaged
before anything is counted. With x the response to the image and y to its augmented version,

    mean difference                mean(y - x)
    standardized mean difference   mean(y - x) / sqrt((var x + var y) / 2)
    point-biserial                 correlation of the response with the label "augmented"
    rank-biserial                  (R+ - R-) / (R+ + R-), R the sums of signed ranks of y - x

No number depends on the batches that images come in: draws belong to an augmentation and to the
place of an image in the sample, and sums grow image by image.
"""

__all__ = ["STATISTICS", "contrast_statistics", "contrast_table", "estimate_contrast"]

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.special import stdtrit

from actsense.draws import stream
from actsense.layers import Layer
from actsense.progress import progress
from actsense.sampling.opening import Sampling
from actsense.sensitivity.difference_kernels import LANES
from actsense.sensitivity.differences import Differences, Responses, kept_bytes
from actsense.sensitivity.plan import GROUP_BYTES
from actsense.sensitivity.tiles import run_tiles
from actsense.sensitivity.top_images import TopImages
from actsense.statistics import CONFIDENCE
from actsense.statistics.discoveries import adjusted
from actsense.statistics.signed_ranks import rank_sums, signed_rank_p

Floats = NDArray[np.floating]
Parts = Sequence[tuple[slice, bool]]

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
EXACT_BYTES = 2**28  # of exact codes of an augmentation: up to so many, vectors keep theirs
GROUPS_PER_TILE = 64
UNITS_PER_TILE = GROUPS_PER_TILE * LANES


def estimate_contrast(
    sampling: Sampling, *, images: int, draws: int, top: TopImages | None = None
) -> dict[str, xr.Dataset]:
    """Contrast every augmentation of a design on images taken evenly from the dataset.

    Arguments:
        sampling: Images, network and augmentations.
        images: Different images to use; all of them if there are fewer.
        draws: Random draws of an augmentation per image, averaged.
        top: Is shown every response before it is averaged; made for as many images and draws.

    Returns:
        Dataset of every layer, by name.

    Raises:
        ValueError: If there are fewer than 2 images.
    """
    rows = sampling.law.pool.balanced(images)
    if len(rows) < 2:
        raise ValueError(f"A contrast needs at least 2 images; got {len(rows)}.")
    layers = sampling.layers
    parts = _parts(layers, len(rows))
    device = sampling.subject.device
    responses = Responses(layers[-1].stop, device)
    statistics = []
    for group in _groups(len(sampling.law.augmentations), parts, len(rows)):
        differences = {
            which: [Differences(units, len(rows), exact, device) for units, exact in parts]
            for which in group
        }
        _compare(sampling, rows, draws, responses, differences, top)
        statistics += [contrast_statistics(responses, differences.pop(which)) for which in group]
    return _datasets(sampling.law.augmentations, layers, statistics, len(rows))


def contrast_statistics(
    responses: Responses, differences: Sequence[Differences], *, confidence: float = CONFIDENCE
) -> dict[str, Floats]:
    """Return the statistics of one augmentation but `p_adjusted`, (units,) each.

    All are NaN where no response varies and none differs, or where one is not finite. A
    standardized difference is NaN as well where the responses differ but do not vary.

    Arguments:
        responses: Untouched responses.
        differences: Of consecutive units, all of them together.
        confidence: Of the interval of the mean difference.
    """
    n, sums = responses.images, responses.sums.cpu().numpy()
    # The adjustment looks at the smallest p-values; else float32 is what is written.
    kinds = {name: np.float64 if name == "p_value" else np.float32 for name in STATISTICS}
    del kinds["p_adjusted"]
    values: dict[str, Floats] = {
        name: np.empty(sums.shape[1], kind) for name, kind in kinds.items()
    }
    for part in differences:
        codes, changes = part.codes, part.sums.cpu().numpy()
        tiles = -(-len(codes) // GROUPS_PER_TILE)
        run_tiles(_estimate, tiles, n, confidence, sums, part, codes, changes, values)
    return values


def contrast_table(groups: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """Summarize every layer and augmentation in one row."""
    rows = []
    for layer, data in groups.items():
        for augmentation in data["augmentation"].to_numpy():
            effects = data.sel(augmentation=augmentation)
            alive = int(effects["p_value"].notnull().sum())
            rows.append(
                {
                    "layer": layer,
                    "augmentation": augmentation,
                    "units": effects["p_value"].size,
                    "alive": alive,
                    "images": int(data.attrs["images"]),
                    "significant_share": _share(effects["p_adjusted"] < SIGNIFICANT, alive),
                    "mean_abs_rank_biserial": float(abs(effects["rank_biserial"]).mean()),
                    "mean_rank_biserial": float(effects["rank_biserial"].mean()),
                    "mean_abs_standardized_difference": float(
                        abs(effects["standardized_mean_difference"]).mean()
                    ),
                    "mean_point_biserial": float(effects["point_biserial"].mean()),
                }
            )
    return pd.DataFrame(rows)


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
        ranked = rank_sums(codes[groups], units=d.shape[1], images=n, counted=part.counted)
        values = _moment_statistics(x, d, n, confidence)
        values["rank_biserial"] = ranked[0] / (n * (n + 1))
        values["p_value"] = signed_rank_p(*ranked, images=n)
        undefined = ((x[1] == 0) & (d[1] == 0)) | ~np.isfinite(x[1] + d[1])
        for name, value in values.items():
            statistics[name][there] = np.where(undefined, np.nan, value)


def _moment_statistics(x: Floats, d: Floats, n: int, confidence: float) -> dict[str, Floats]:
    """Return the statistics that rest on sums, those of `Responses` and `Differences`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = d[0] / n
        both = (_variance(x[0], x[1], n) + _variance(x[0] + d[0], d[2], n)) / 2
        spread = np.sqrt(_variance(d[0], d[1], n) / (n - 1))
        standardized = mean / np.sqrt(both * n / (n - 1))
        return {
            "mean_difference": mean,
            "mean_difference_ci": stdtrit(n - 1, (1 + confidence) / 2) * spread,
            "standardized_mean_difference": np.where(both > 0, standardized, np.nan),
            "point_biserial": mean / 2 / np.sqrt(both + mean**2 / 4),
        }


def _variance(total: Floats, square: Floats, n: int) -> Floats:
    """Return the variance; 0 where it is less than the rounding of the sums."""
    variance = square / n - (total / n) ** 2
    return np.where(variance > square * np.finfo(np.float64).eps, variance, 0.0)


def _parts(layers: Sequence[Layer], images: int) -> Parts:
    """Cut the units where layers of vectors, whose codes are exact, meet layers of maps."""
    vectors = sum(layer.size for layer in layers if len(layer.shape) == 1)
    room = 4 * vectors * images <= EXACT_BYTES
    parts: list[tuple[slice, bool]] = []
    for layer in layers:
        exact = room and len(layer.shape) == 1
        if parts and parts[-1][1] == exact:
            parts[-1] = (slice(parts[-1][0].start, layer.stop), exact)
        else:
            parts.append((layer.units, exact))
    return parts


def _groups(augmentations: int, parts: Parts, images: int) -> list[range]:
    """Take as many augmentations at a time as fit."""
    needed = sum((u.stop - u.start) * kept_bytes(images, exact) for u, exact in parts)
    fitting = max(1, int(GROUP_BYTES // needed))
    return [
        range(start, min(start + fitting, augmentations))
        for start in range(0, augmentations, fitting)
    ]


def _compare(
    sampling: Sampling,
    rows: NDArray[np.int64],
    draws: int,
    responses: Responses,
    differences: Mapping[int, Sequence[Differences]],
    top: TopImages | None,
) -> None:
    """Send all images through the network, untouched and under some augmentations."""
    # Too large to be kept, untouched responses are made again for every group.
    first = not responses.images
    drawn = {which: _uniforms(sampling, which, len(rows), draws) for which in differences}
    chunk = max(1, sampling.subject.batch_size // draws)
    starts = range(0, len(rows), chunk)
    for start in progress(starts, total=len(rows), desc="contrast", unit="image", each=chunk):
        chosen = rows[start : start + chunk]
        untouched = sampling.law.alone(chosen, -1, np.empty((len(chosen), 0)))
        control = sampling.evaluate(untouched)
        if first:
            responses.add(control)
        if first and top:
            top.add(-1, untouched, control[:, None])
        for which, parts in differences.items():
            u = drawn[which][start : start + chunk]
            repeats = u.shape[1]
            evaluations = sampling.law.alone(
                chosen.repeat(repeats), which, u.reshape(len(chosen) * repeats, -1)
            )
            treated = sampling.evaluate(evaluations).view(len(chosen), repeats, -1)
            if top:
                top.add(which, evaluations, treated)
            for part in parts:
                part.add(responses.origin, control, treated)
            del treated  # makes room for those of the next augmentation


def _uniforms(sampling: Sampling, which: int, images: int, draws: int) -> NDArray[np.float64]:
    """Draw for one augmentation and all images in turn, (images, draws, parameters)."""
    name, parameters = sampling.law.augmentations[which], len(sampling.law.parameters[which])
    generator = stream(sampling.design.seed, "contrast", name)
    # Without parameters all draws agree.
    return generator.random((images, draws if parameters else 1, parameters))


def _datasets(
    augmentations: Sequence[str],
    layers: Sequence[Layer],
    statistics: Sequence[Mapping[str, Floats]],
    images: int,
) -> dict[str, xr.Dataset]:
    values = {name: np.stack([s[name] for s in statistics]) for name in statistics[0]}
    values["p_adjusted"] = adjusted(values["p_value"], method="by")
    groups = {}
    for layer in layers:
        data = {
            name: (
                ("augmentation", *layer.dimensions),
                value[:, layer.units].astype(np.float32).reshape(-1, *layer.shape),
                {"description": STATISTICS[name]},
            )
            for name, value in values.items()
        }
        groups[layer.name] = xr.Dataset(
            data, coords={"augmentation": list(augmentations)}, attrs={"images": images}
        )
    return groups


def _share(chosen: xr.DataArray, of: int) -> float:
    return float(chosen.sum()) / of if of else float("nan")
