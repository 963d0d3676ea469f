"""Saliency: to which pixels a network is most sensitive, in untouched and in saturated images.

Gradients are of the cross-entropy with the label, not of a logit: they vanish where the network
is right and sure of it.
"""

__all__ = ["saliency_maps"]

from functools import partial

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actsense.attribution.evidence import dense_evidence
from actsense.attribution.gradients import gradient, noise_keys, smoothgrad
from actsense.attribution.methods import can_attribute
from actsense.augment.saturation import saturate
from actsense.networks.outputs import NONE
from actsense.networks.subject import Subject
from actsense.progress import Progress
from actsense.spatial.saliency.settings import Saliency

DESCRIPTIONS = {
    "pixels": "the image that the network was shown",
    "gradient": "sum over channels of the absolute gradient of the cross-entropy with respect to "
    "the normalised image",
    "smoothgrad": "the same of the mean gradient over noisy copies",
    "evidence": "evidence for the label in the window around the pixel, in the unit of logits",
}
IMAGE = ("level", "image", "rgb", "row", "col")
MAP = ("level", "image", "row", "col")

CROSS_ENTROPY = partial(functional.cross_entropy, reduction="sum")


def saliency_maps(subject: Subject, settings: Saliency, seed: int) -> dict[str, xr.Dataset]:
    """Make saliency maps of some validation images at every level of saturation.

    The noise on an image is the same at all levels and for all networks.

    Arguments:
        subject: The network.
        settings: The section `spatial.saliency` of the configuration.
        seed: Seed of the study.

    Returns:
        The root: `pixels` (level, image, rgb, row, col) uint8; `gradient`, `smoothgrad` and, for a
        bag of local features, `evidence`, all (level, image, row, col) float32. Along `image`
        there are `dataset_row` and the name of the `label`, `none (name)` where the class is no
        output and name is what the network says of the untouched image; `prediction` is the name
        of what it says of what it is shown, (level, image).
    """
    rows, labels = subject.validation(settings.images)
    unknown = labels == NONE
    if unknown.any():
        labels = np.where(unknown, subject.predictions(rows).numpy(), labels)
    saturations = settings.saturations
    with Progress(len(rows) * len(saturations), desc="saliency", unit="image") as known:
        levels = [_level(subject, rows, labels, p, settings, seed, known) for p in saturations]
    found = {name: torch.stack([level[name] for level in levels]).numpy() for name in levels[0]}
    names = np.array(subject.classes, dtype=object)
    coordinates = {
        "level": [float(p) for p in saturations],
        "rgb": ["red", "green", "blue"],
        "dataset_row": ("image", rows),
        "label": ("image", np.where(unknown, "none (" + names[labels] + ")", names[labels])),
        "prediction": (("level", "image"), names[found.pop("prediction")]),
    }
    facts = {
        "network": subject.network.name,
        "label": subject.label,
        "samples": settings.samples,
        "spread": settings.spread,
    }
    data = {
        name: (IMAGE if name == "pixels" else MAP, values, {"description": DESCRIPTIONS[name]})
        for name, values in found.items()
    }
    return {"": xr.Dataset(data, coords=coordinates, attrs=facts)}


def _level(
    subject: Subject,
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    level: float,
    settings: Saliency,
    seed: int,
    known: Progress,
) -> dict[str, Tensor]:
    """Return what is to know of all images at one level of saturation."""
    keys, targets = noise_keys(seed, rows), torch.from_numpy(labels)
    parts: list[dict[str, Tensor]] = []

    def make(intact: Tensor, part: slice) -> None:
        images = saturate(intact, level)
        label, key = (x[part].to(subject.device) for x in (targets, keys))
        found = {
            "pixels": (images * 255).round().to(torch.uint8),
            "prediction": subject.logits(images).argmax(dim=1),
            "gradient": gradient(subject, images, label, objective=CROSS_ENTROPY),
            "smoothgrad": smoothgrad(
                *(subject, images, label, key),
                samples=settings.samples,
                spread=settings.spread,
                objective=CROSS_ENTROPY,
            ),
        }
        if can_attribute("evidence", subject):
            found["evidence"] = dense_evidence(subject, images, label)
        parts.append({name: values.cpu() for name, values in found.items()})
        known.update(part.stop - part.start)

    subject.over(rows, make)
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
