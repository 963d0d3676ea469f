"""How far the effects of distant edits add up: the tables of all networks."""

__all__ = ["compare_interactions"]

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.statistics.resampling import image_draws, interval
from actsense.store import read_results

CONSTANT = 1e-12  # share of the mean square that roundings of float32 logits leave as variance
Floats = NDArray[np.float64]


def compare_interactions(
    stores: Mapping[str, Path], *, bootstrap: int, seed: int
) -> dict[str, pd.DataFrame]:
    """Say of every network and size how well effects of edits add up.

    The correlation is Pearson's, over images, of `together` and `apart`; the slope is that of the
    least-squares line, with an intercept, of `together` on `apart`; both are 1 if effects add up.
    The residual is mean |together - apart| / (mean |together| + mean |apart|): 0 if effects add
    up, 1 if one of the two vanishes or has the other sign for all images.

    Arguments:
        stores: Results of `evaluate_interaction` by network.
        bootstrap: Resamples of the images; of as many images all networks and sizes have the same.
        seed: Seed of the study.

    Returns:
        `interaction`: one row per network and size, with 95 % intervals. NaN where a value is
        undefined: the slope if `apart` is the same for all images, the correlation if `apart` or
        `together` is, the residual if both are zero.
    """
    rows = []
    for network, path in stores.items():
        data = read_results(path).to_dataset().load()
        images = data.sizes["image"]
        weights = image_draws(images, bootstrap, seed=seed) / images
        for size in data["size"].to_numpy():
            one = data.sel(size=size)
            row: dict[str, Any] = {
                "network": network,
                "size": int(size),
                "gap": int(one["gap"]),
                "patches": int(one["patches"]),
                "images": images,
            }
            found = _statistics(one["together"].to_numpy(), one["apart"].to_numpy(), weights)
            for name, samples in found.items():
                low, high = interval(samples)
                row |= {name: samples[0], f"{name}_low": low, f"{name}_high": high}
            rows.append(row)
    return {"interaction": pd.DataFrame(rows)}


def _statistics(together: Floats, apart: Floats, weights: Floats) -> dict[str, Floats]:
    """Return the statistics of images with weights, (weights,); NaN where one is undefined.

    Arguments:
        together: One number per image, (images,).
        apart: The other.
        weights: Shares of the images, (weights, images).
    """
    # Centred over all images first: means of squares then hold little that cancels.
    y, x = together - together.mean(), apart - apart.mean()
    covariance = weights @ (x * y) - (weights @ x) * (weights @ y)
    variances = []
    for centred, values in ((y, together), (x, apart)):
        variance = weights @ centred**2 - (weights @ centred) ** 2
        variance[variance <= CONSTANT * (weights @ values**2)] = np.nan
        variances.append(variance)
    total = weights @ (abs(together) + abs(apart))
    total[total == 0] = np.nan
    return {
        "correlation": covariance / np.sqrt(variances[0] * variances[1]),
        "slope": covariance / variances[1],
        "residual": weights @ abs(together - apart) / total,
    }
