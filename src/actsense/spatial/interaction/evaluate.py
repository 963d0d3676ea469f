r"""Do distant parts of an image add up to what a network says, or do they interact?

Patches are edited: each is replaced by its own mean per channel, see `interaction_grid`. With
l the logit of the class that is predicted for the intact image x,

    together = l(x) - l(x with all edits)
    apart    = sum over edits of l(x) - l(x with that edit)

The two are equal where the logit is a sum over parts of the image that never see two edits at
once, as for a bag of local features whose receptive field is not wider than the gap.
"""

__all__ = ["edit_patches", "evaluate_interaction"]

import logging
from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actsense.errors import ConfigError
from actsense.networks.subject import Subject, Versions
from actsense.progress import Progress
from actsense.spatial.interaction.plan import edited_patches, usable_sizes
from actsense.spatial.interaction.settings import Interaction

log = logging.getLogger(__name__)


def evaluate_interaction(
    subject: Subject, settings: Interaction, seed: int
) -> dict[str, xr.Dataset]:
    """Edit patches of validation images together and apart.

    Another `batch_size` moves logits by roundings.

    Arguments:
        subject: The network and its images.
        settings: The section `spatial.interaction` of the configuration.
        seed: Seed of the study. It has no part in this evaluation: nothing is drawn.

    Returns:
        The root: `together` and `apart`, (size, image), logits. Sizes with fewer than two edited
        patches are left out.

    Raises:
        ConfigError: If all sizes are left out, or if logits are not finite.
    """
    rows, labels = subject.validation(settings.images)
    sizes = _sizes(subject.side, settings.sizes)
    logits, classes = subject.answers(rows).max(dim=1)
    together, apart = [], []
    versions = sum(len(edited_patches(subject.side, size)) + 1 for size in sizes)
    with Progress(len(rows) * versions, desc="interaction", unit="image") as known:
        for size in sizes:
            drops = logits.double()[:, None] - _edited(subject, rows, classes, size, known)
            together.append(drops[:, -1].numpy())
            apart.append(drops[:, :-1].sum(dim=1).numpy())
    if not np.isfinite([together, apart]).all():
        raise ConfigError(
            f"spatial.interaction: logits of {subject.network.name} are not finite. Set "
            "precision: float32."
        )
    data = _dataset(sizes, [len(edited_patches(subject.side, s)) for s in sizes], together, apart)
    images = {
        "row": ("image", rows, {"description": "row of the image in the dataset"}),
        "label": (
            "image",
            labels,
            {"description": "number of the output that is right, -1 if none is the class"},
        ),
        "right": (
            "image",
            classes.numpy() == labels,
            {"description": "whether the label is what is predicted for the intact image"},
        ),
    }
    facts = {"network": subject.network.name, "label": subject.label}
    return {"": data.assign_coords(images).assign_attrs(facts)}


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


def _sizes(side: int, sizes: Sequence[int]) -> list[int]:
    usable = usable_sizes(side, sizes)
    if not usable:
        raise ConfigError(
            f"spatial.interaction.sizes: {list(sizes)} leave fewer than two patches to edit in "
            f"images of {side}x{side} pixels. Add a size of at most {side // 3}."
        )
    for size in sizes:
        if size not in usable:
            log.info(
                "Interaction: patches of %d pixels are left out; images of %dx%d pixels have "
                "fewer than two to edit",
                *(size, side, side),
            )
    return usable


def _edited(
    subject: Subject,
    rows: NDArray[np.int64],
    classes: Tensor,
    size: int,
    known: Progress,
) -> Tensor:
    """Return logits of a class per image under each edit, and all, (images, edits + 1)."""

    def show(shown: Versions) -> Tensor:
        place, edit = (each.to(subject.device) for each in (shown.place, shown.version))
        logits = subject.logits(edit_patches(shown.images[place], edit, size)).cpu()
        known.update(len(logits))
        return logits.gather(1, classes[shown.image, None])[:, 0].double()

    return subject.over_versions(rows, len(edited_patches(subject.side, size)) + 1, show)


def _dataset(
    sizes: Sequence[int],
    patches: Sequence[int],
    together: Sequence[NDArray[np.float64]],
    apart: Sequence[NDArray[np.float64]],
) -> xr.Dataset:
    """Label what was found."""
    return xr.Dataset(
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
            "size": ("size", [*sizes], {"description": "side of a patch, pixels"}),
            "gap": ("size", [*sizes], {"description": "least distance of edited patches, pixels"}),
            "patches": ("size", [*patches], {"description": "number of edited patches"}),
        },
    )
