r"""Contrast: one augmentation alone against the untouched image.

The image is the independent unit: several draws of an augmentation on one image are averaged
before anything is counted. With x the response to the image and y to its augmented version,

    mean difference                mean(y - x)
    standardized mean difference   mean(y - x) / sqrt((var x + var y) / 2)
    point-biserial                 correlation of the response with the label "augmented"
    rank-biserial                  (R+ - R-) / (R+ + R-), R the sums of signed ranks of y - x

The signed ranks come from one pass: |y - x| is counted in bins a quarter of an octave wide, per
sign; all differences of a bin share their mid-rank and zeros share theirs, half for each sign.
"""

__all__ = [
    "STATISTICS",
    "ContrastAccumulator",
    "contrast_table",
    "estimate_contrast",
    "signed_rank",
]

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit
from scipy.stats import false_discovery_control
from torch import Tensor

from actsense.augment import AUGMENTATIONS
from actsense.progress import progress
from actsense.sampling.memory import Memory
from actsense.sampling.shards import Sampling
from actsense.sensitivity.moments_file import layer_slices
from actsense.sensitivity.top_images import TopImages
from actsense.store import unit_dimensions

Floats = NDArray[np.float64]

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
BINS = 64  # per sign, a quarter of an octave each: 512 bytes per unit and augmentation
HEADROOM = 8  # bins above the largest difference of the first images: two octaves
UNITS_PER_TILE = 65_536  # of which a few dozen bytes per image are on the device at a time
MANTISSA_BITS = 21  # a float32 shifted by this leaves its exponent and two bits: quarters


class ContrastAccumulator:
    """Paired sums and signed histograms of every unit, for one augmentation.

    The first images added choose the range of every unit's bins; a unit that they leave unmoved
    takes the range of its group.

    Arguments:
        groups: Units of every group (layer), consecutive and complete.
        device: Where to count; on the host if the device has no room.
    """

    def __init__(self, groups: Sequence[slice], device: torch.device | str = "cpu") -> None:
        self.images = 0
        self._groups, units = groups, groups[-1].stop
        self._memory = Memory(torch.device(device), UNITS_PER_TILE, "units")
        made = [
            self._memory.empty(*shape, dtype=dtype)
            for shape, dtype in (
                ((units, 2 * BINS), torch.int32),
                ((units,), torch.int32),
                ((units,), torch.int32),
                ((6, units), torch.float64),
            )
        ]
        # The last one shows whether all of them had room.
        self.counts, self.zeros, self._lowest, self.sums = (
            part.to(made[-1].device).zero_() for part in made
        )

    def add(self, control: Tensor, treated: Tensor) -> None:
        """Add some images: responses without and with the augmentation, (images, units) each."""
        device, total = self.sums.device, control.shape[1]

        def read(units: slice) -> tuple[Tensor, Tensor]:
            return control[:, units].to(device), treated[:, units].to(device)

        if not self.images:
            self._memory.run(total, lambda units: self._find_range(*read(units), units))
            for units in self._groups:
                top = self._lowest[units]
                top = torch.where(top > 0, top, top.max())
                self._lowest[units] = top + HEADROOM - (BINS - 1)
        self._memory.run(total, lambda units: self._add_units(*read(units), units))
        self.images += len(control)

    def _find_range(self, control: Tensor, treated: Tensor, units: slice) -> None:
        self._lowest[units] = _code(treated - control).amax(dim=0)

    def _add_units(self, control: Tensor, treated: Tensor, units: slice) -> None:
        """Add some units of some images; all is computed before any of it is added."""
        difference = treated - control
        x, y = control.double(), treated.double()
        d = y - x
        sums = [x.sum(dim=0), x.square().sum(dim=0), y.sum(dim=0), y.square().sum(dim=0)]
        sums += [d.sum(dim=0), d.square().sum(dim=0)]
        zeros = (difference == 0).sum(dim=0, dtype=torch.int32)
        place = (_code(difference) - self._lowest[units]).clamp_(0, BINS - 1)
        place += BINS * (difference < 0)
        rows, one = place.long(), (difference != 0).to(torch.int32)
        for row, part in zip(self.sums, sums, strict=True):
            row[units] += part
        self.zeros[units] += zeros
        for row, moved in zip(rows, one, strict=True):
            self.counts[units].scatter_add_(1, row[:, None], moved[:, None])

    def statistics(self, *, confidence: float = 0.95) -> dict[str, Floats]:
        """Return the statistics but `p_adjusted`, (units,) each; NaN where nothing varied."""
        n = self.images
        if n < 2:
            raise ValueError(f"A contrast needs at least 2 images; got {n}.")
        sx, sxx, sy, syy, sd, sdd = self.sums.cpu().numpy()
        var_x, var_y, var_d = (
            np.maximum(square / n - (total / n) ** 2, 0)
            for total, square in ((sx, sxx), (sy, syy), (sd, sdd))
        )
        mean = sd / n
        between = mean**2 / 4  # variance between the two groups' means
        quantile = stdtrit(n - 1, (1 + confidence) / 2)
        rank_biserial, p_value = signed_rank(
            self.counts.cpu().numpy(), self.zeros.cpu().numpy(), images=n
        )
        dead = (var_x + var_y) <= (1e-6 * (np.abs(sx) + np.abs(sy)) / n) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            results = {
                "mean_difference": mean,
                "mean_difference_ci": quantile * np.sqrt(var_d / (n - 1)),
                "standardized_mean_difference": mean / np.sqrt((var_x + var_y) / 2 * n / (n - 1)),
                "rank_biserial": rank_biserial,
                "point_biserial": mean / 2 / np.sqrt((var_x + var_y) / 2 + between),
                "p_value": p_value,
            }
        return {name: np.where(dead, np.nan, value) for name, value in results.items()}


def signed_rank(
    counts: NDArray[np.int32], zeros: NDArray[np.int32], *, images: int
) -> tuple[Floats, Floats]:
    """Return rank-biserial correlation and two-sided p-value of the signed-rank test.

    Arguments:
        counts: Differences per bin of magnitude, positive then negative, (units, 2 bins).
        zeros: Differences that are zero, (units,); they rank lowest, half for each sign.
        images: Pairs of every unit.

    Returns:
        Correlation in [-1, 1], positive where the augmentation raises the response, and the
        p-value of the normal approximation with tie correction, each (units,).

    Source:
        Kerby (2014), Compr. Psychol. 3, 11.IT.3.1; zeros after SciPy's `zsplit`.
    """
    positive, negative = np.split(counts.astype(np.float64), 2, axis=1)
    ties = positive + negative
    below = zeros[:, None] + np.cumsum(ties, axis=1) - ties
    rank = below + (ties + 1) / 2
    difference = ((positive - negative) * rank).sum(axis=1)
    n = float(images)
    tied = (ties**3 - ties).sum(axis=1) + (zeros.astype(np.float64) ** 3 - zeros)
    variance = n * (n + 1) * (2 * n + 1) / 24 - tied / 48
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(difference == 0, 0.0, difference / 2 / np.sqrt(variance))
    return difference / (n * (n + 1) / 2), 2 * ndtr(-np.abs(z))


def _code(difference: Tensor) -> Tensor:
    """Number the quarter octave that each magnitude lies in, as int32."""
    return difference.abs().contiguous().view(torch.int32) >> MANTISSA_BITS


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
    """
    rows = sampling.law.pool.balanced(images)
    layers = layer_slices(sampling.described_layers())
    accumulators = [
        ContrastAccumulator([units for *_, units in layers], sampling.evaluate.device)
        for _ in sampling.law.augmentations
    ]
    chunk = max(1, sampling.evaluate.batch_size // draws)
    starts = range(0, len(rows), chunk)
    for start in progress(starts, total=len(rows), desc="contrast", unit="image", each=chunk):
        chosen = rows[start : start + chunk]
        untouched = sampling.law.alone(chosen, -1, np.empty((len(chosen), 0)))
        control = sampling.evaluate(untouched)
        if top:
            top.add(-1, untouched, control[:, None])
        for which, accumulator in enumerate(accumulators):
            treated = _treated(sampling, chosen, which, draws, start, top)
            accumulator.add(control, treated)
    return _datasets(sampling, layers, [a.statistics() for a in accumulators], len(rows))


def contrast_table(groups: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """Summarize every layer and augmentation in one row."""
    rows = []
    for layer, data in groups.items():
        for augmentation in data["augmentation"].to_numpy():
            one = data.sel(augmentation=augmentation)
            alive = int(one["p_value"].notnull().sum())
            rows.append(
                {
                    "layer": layer,
                    "augmentation": augmentation,
                    "units": one["p_value"].size,
                    "alive": alive,
                    "images": int(data.attrs["images"]),
                    "significant_share": _share(one["p_adjusted"] < SIGNIFICANT, alive),
                    "mean_abs_rank_biserial": float(abs(one["rank_biserial"]).mean()),
                    "mean_rank_biserial": float(one["rank_biserial"].mean()),
                    "mean_abs_standardized_difference": float(
                        abs(one["standardized_mean_difference"]).mean()
                    ),
                    "mean_point_biserial": float(one["point_biserial"].mean()),
                }
            )
    return pd.DataFrame(rows)


def _treated(
    sampling: Sampling,
    rows: NDArray[np.int64],
    which: int,
    draws: int,
    start: int,
    top: TopImages | None,
) -> Tensor:
    """Return the response to one augmentation, averaged over draws, (images, units)."""
    name = sampling.law.augmentations[which]
    generator = np.random.default_rng(
        np.random.SeedSequence(
            sampling.design.seed, spawn_key=(list(AUGMENTATIONS).index(name), start)
        )
    )
    repeats = draws if sampling.law.parameters[which] else 1  # without parameters draws agree
    uniforms = generator.random((len(rows) * repeats, len(sampling.law.parameters[which])))
    evaluations = sampling.law.alone(rows.repeat(repeats), which, uniforms)
    responses = sampling.evaluate(evaluations).view(len(rows), repeats, -1)
    if top:
        top.add(which, evaluations, responses)
    return responses.mean(dim=1)


def _datasets(
    sampling: Sampling,
    layers: Sequence[tuple[str, tuple[int, ...], slice]],
    statistics: Sequence[Mapping[str, Floats]],
    images: int,
) -> dict[str, xr.Dataset]:
    values = {name: np.stack([s[name] for s in statistics]) for name in statistics[0]}
    values["p_adjusted"] = np.full_like(values["p_value"], np.nan)
    tested = np.isfinite(values["p_value"])
    if tested.any():
        values["p_adjusted"][tested] = false_discovery_control(
            values["p_value"][tested], method="by"
        )
    groups = {}
    for layer, shape, units in layers:
        data = {
            name: (
                ("augmentation", *unit_dimensions(shape)),
                value[:, units].astype(np.float32).reshape(-1, *shape),
                {"description": STATISTICS[name]},
            )
            for name, value in values.items()
        }
        groups[layer] = xr.Dataset(
            data,
            coords={"augmentation": list(sampling.law.augmentations)},
            attrs={"images": images},
        )
    return groups


def _share(chosen: xr.DataArray, of: int) -> float:
    return float(chosen.sum()) / of if of else float("nan")
