r"""Do distant parts of an image add up to what a network says, or do they interact?

Patches are edited: each is replaced by its own mean per channel, see `interaction_grid`. With
l the logit of the class that is predicted for the intact image x,

    together = l(x) - l(x with all edits)
    apart    = sum over edits of l(x) - l(x with that edit)

The two are equal where the logit is a sum over parts of the image that never see two edits at
once, as for a bag of local features whose receptive field is not wider than the gap.
"""

__all__ = ["compare_interactions", "edit_patches", "evaluate_interaction"]

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actsense.errors import ConfigError
from actsense.progress import Progress
from actsense.spatial.accuracy import image_draws, interval
from actsense.spatial.classifier import Classifier
from actsense.spatial.interaction_grid import edited_patches, usable_sizes
from actsense.store import read_results

CONSTANT = 1e-12  # share of the mean square that roundings of float32 logits leave as variance
Floats = NDArray[np.float64]


def evaluate_interaction(
    classifier: Classifier, settings: Mapping[str, Any], seed: int
) -> dict[str, xr.Dataset]:
    """Edit patches of validation images together and apart.

    Another `batch_size` moves logits by roundings.

    Arguments:
        classifier: The network and its images.
        settings: The section `spatial.interaction` of the configuration.
        seed: Seed of the study. It has no part in this evaluation: nothing is drawn.

    Returns:
        The root: `together` and `apart`, (size, image), logits. Sizes with fewer than two edited
        patches are left out.

    Raises:
        ConfigError: If all sizes are left out, or if logits are not finite.
    """
    rows, labels = classifier.validation(settings["images"])
    side = classifier.read(rows[:1]).shape[-1]
    sizes = _sizes(side, settings["sizes"])
    logits, classes = _intact(classifier, rows)
    together, apart = [], []
    versions = sum(len(edited_patches(side, size)) + 1 for size in sizes)
    with Progress(len(rows) * versions, desc="interaction", unit="image") as known:
        for size in sizes:
            drops = logits[:, None] - _edited(classifier, rows, classes, size, known)
            together.append(drops[:, -1].numpy())
            apart.append(drops[:, :-1].sum(dim=1).numpy())
    if not np.isfinite([together, apart]).all():
        raise ConfigError(
            f"spatial.interaction: logits of {classifier.network.name} are not finite. Set "
            "precision: float32."
        )
    data = xr.Dataset(
        {
            "together": (
                ("size", "image"),
                np.stack(together),
                {"description": "how far all edits together lower the logit"},
            ),
            "apart": (
                ("size", "image"),
                np.stack(apart),
                {"description": "sum of how far each edit alone lowers the logit"},
            ),
        },
        coords={
            "size": ("size", sizes, {"description": "side of a patch, pixels"}),
            "gap": ("size", sizes, {"description": "least distance of edited patches, pixels"}),
            "patches": (
                "size",
                [len(edited_patches(side, size)) for size in sizes],
                {"description": "number of edited patches"},
            ),
            "row": ("image", rows, {"description": "row of the image in the dataset"}),
            "label": ("image", labels, {"description": "number of the class"}),
            "right": (
                "image",
                classes.numpy() == labels,
                {"description": "whether the label is what is predicted for the intact image"},
            ),
        },
        attrs={"network": classifier.network.name, "label": classifier.label},
    )
    return {"": data}


def edit_patches(images: Tensor, edits: Tensor, size: int) -> Tensor:
    """Replace patches by their own mean per channel.

    Arguments:
        images: Square images, (batch, channel, side, side).
        edits: Number of the patch to replace in every image, in the order of `edited_patches`,
            or their count for all of them, (batch,) int64.
        size: Side of a patch, pixels.
    """
    side = images.shape[-1]
    corners = torch.tensor(edited_patches(side, size), device=images.device)
    within = torch.arange(size, device=images.device)
    rows, columns = (first[:, None] + within for first in corners.unbind(dim=1))
    patches = torch.arange(len(corners), device=images.device)
    owner = torch.full((side, side), -1, device=images.device)  # patch of every pixel
    owner[rows[:, :, None], columns[:, None, :]] = patches[:, None, None]

    start = side % size // 2
    whole = slice(start, start + side // size * size)
    means = functional.avg_pool2d(images[..., whole, whole], size)
    flat = images.clone()
    flat[..., whole, whole] = means.repeat_interleave(size, 2).repeat_interleave(size, 3)
    edits = edits[:, None, None]
    replaced = (owner == edits) | ((edits == len(corners)) & (owner >= 0))
    return torch.where(replaced[:, None], flat, images)


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


def _sizes(side: int, sizes: Sequence[int]) -> list[int]:
    usable = usable_sizes(side, sizes)
    if not usable:
        raise ConfigError(
            f"spatial.interaction.sizes: {list(sizes)} leave fewer than two patches to edit in "
            f"images of {side}x{side} pixels. Add a size of at most {side // 3}."
        )
    for size in sizes:
        if size not in usable:
            logging.info(
                "Interaction: patches of %d pixels are left out; images of %dx%d pixels have "
                "fewer than two to edit",
                *(size, side, side),
            )
    return usable


def _intact(classifier: Classifier, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Return the highest logit, float64, and its class, (images,)."""
    logits = torch.empty(len(rows), dtype=torch.float64)
    classes = torch.empty(len(rows), dtype=torch.int64)

    def show(part: slice) -> None:
        logits[part], classes[part] = classifier.logits(classifier.read(rows[part])).max(dim=1)

    classifier.memory.run(len(rows), show)
    return logits, classes


def _edited(
    classifier: Classifier,
    rows: NDArray[np.int64],
    classes: Tensor,
    size: int,
    known: Progress,
) -> Tensor:
    """Return logits of a class per image under each edit, and all, (images, edits + 1)."""
    side = classifier.read(rows[:1]).shape[-1]
    versions = len(edited_patches(side, size)) + 1
    logits = torch.empty(len(rows) * versions, dtype=torch.float64)

    def show(part: slice) -> None:
        version = torch.arange(part.start, part.stop)
        image, edit = version // versions, version % versions
        first, last = part.start // versions, (part.stop - 1) // versions
        images = classifier.read(rows[first : last + 1])[image - first]
        edited = edit_patches(images, edit.to(images.device), size)
        found = classifier.logits(edited).cpu()
        logits[part] = found.gather(1, classes[image, None])[:, 0].double()
        known.update(part.stop - part.start)

    classifier.memory.run(len(logits), show)
    return logits.view(len(rows), versions)


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
