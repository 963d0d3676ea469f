r"""How much every region of an image counts for what a network says of it.

Two images resemble each other in what the network says of them, and in features of their regions.
The weights of an image's regions are those with which the second resemblance predicts the first.
For an image i, its region r, channel k, and another image j, with unit features f and outputs P,

    T(j) = softmax over j of kappa_p cos(P_i, P_j)
    s_j(r) = max over regions q of j of   sum over k of v_k f_ik(r) f_jk(q)
    u_j = sum over r of w_r s_j(r)
    loss = KL(T || softmax over j of kappa_m u_j)

w and v, weights of regions and of channels, are at least 0 and sum to 1. The published form, a
product over regions of softmax(kappa_m s_j(r)) to the power of w_r, is the same: what normalises
a region's softmax does not depend on j.
"""

__all__ = ["log_resemblance", "match_regions", "region_weights", "sharpness"]

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from actsense.attribution.anchors import Anchors, match

KAPPA_P, KAPPA_M = 5.0, 1000.0  # of the published study
CHANNELS = 512  # that it had
# Measured on digits, 64 channels: 20 steps of the published descent lower the loss from 1.65 to
# 0.85 nats, 5 of these to 0.49. More of them overfit: the regions of the largest weights then
# matter less to the network when they are masked.
STEPS = 5
# Where steps end by themselves, on planted worlds after about as many, and the most of them.
TOLERANCE, MOST = 0.01, 200
NUMBERS = 2**22  # similarities at a time: 16 MB, and several times as much beside them
FEWEST = 3  # images: with a single other one there is nothing to tell
UNSIGNED = {8: torch.uint8, 16: torch.uint16, 32: torch.uint32}  # by bits


def region_weights(
    features: Tensor,
    outputs: Tensor,
    others: Tensor,
    *,
    kappa_p: float = KAPPA_P,
    kappa_m: float = KAPPA_M,
    steps: int = STEPS,
    tolerance: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Find the weights of regions and channels of every image.

    A step that would raise the loss of an image is not taken, and the next one is shorter. Images
    are worked on side by side, as many as fit into memory, and each by itself.

    Arguments:
        features: Features of the images' regions, (images, channels, regions), of any length.
        outputs: What the network says of them, (images, classes).
        others: Rows of `features` that every image is compared with, (images, others) int64.
        kappa_p: How sharply images are told apart by outputs, dimensionless.
        kappa_m: How sharply by features, see `sharpness`.
        steps: Steps of v, at most.
        tolerance: An image is done when a step lowers its loss by less than this share of the
            loss in the beginning; 0 takes all steps.

    Returns:
        w, (images, regions); v, (images, channels); the loss in the beginning and after every
        step, nats, (images, steps + 1), the last one repeated once an image is done.

    Raises:
        ValueError: If there are fewer than three images or two others, or shapes do not fit.

    Source:
        The loss: Li, Wang & Zhang (2021), Visualizing the emergence of intermediate visual
        patterns in DNNs, NeurIPS, arXiv 2111.03505.
    """
    _check(features, outputs, others)
    target = log_resemblance(outputs, others, kappa_p=kappa_p)
    images = _unit(features)
    found = [
        Anchors(images[part], images, others[part], target[part], kappa_m).fit(steps, tolerance)
        for part in _parts(features, others)
    ]
    w, v, losses = (torch.cat(parts) for parts in zip(*found, strict=True))
    return w, v, losses


def match_regions(features: Tensor, v: Tensor, others: Tensor) -> Tensor:
    """Return the region of every other image that resembles a region most, q above.

    Arguments:
        features: Features of the images' regions, (images, channels, regions), of any length.
        v: Weights of channels, (images, channels).
        others: Rows of `features` that every image is compared with, (images, others) int64.

    Returns:
        Regions, (images, others, regions), as the smallest unsigned integers that hold them. Of
        regions that tie, any one.
    """
    regions = features.shape[2]
    bits = next(bits for bits in UNSIGNED if regions <= 2**bits)
    found = torch.empty((*others.shape, regions), dtype=UNSIGNED[bits], device=features.device)
    images = _unit(features)
    for part in _parts(features, others):
        found[part] = match(images[part], v[part], images, others[part])[1].mT.to(found.dtype)
    return found


def log_resemblance(outputs: Tensor, others: Tensor, *, kappa_p: float = KAPPA_P) -> Tensor:
    """Return log T, how much images are alike in what the network says of them.

    Arguments:
        outputs: What the network says of them, (images, classes).
        others: Rows that every image is compared with, (images, others) int64.
        kappa_p: How sharply images are told apart, dimensionless.

    Returns:
        Logarithms of shares of the others, (images, others) float64.
    """
    said = functional.normalize(outputs, dim=1)
    alike = torch.einsum("ic,ijc->ij", said, said[others])
    return (kappa_p * alike).double().log_softmax(dim=1)


def sharpness(channels: int) -> float:
    """Return kappa_m for so many channels: 1000 at 512 of them, as published.

    Uniform channel weights make a region's similarity a cosine over the number of channels, so
    that with 1000 for a few of them all images are told apart already, and weights go to the
    regions that tell the least.
    """
    return KAPPA_M / CHANNELS * channels


def _unit(features: Tensor) -> Tensor:
    """Return features of length 1, (images, regions, channels)."""
    return functional.normalize(features, dim=1).mT.contiguous()


def _parts(features: Tensor, others: Tensor) -> Iterator[slice]:
    """Yield images of which as many similarities as memory is given fit into it at a time."""
    size = max(1, NUMBERS // (others.shape[1] * features.shape[2]))
    for start in range(0, len(features), size):
        yield slice(start, start + size)


def _check(features: Tensor, outputs: Tensor, others: Tensor) -> None:
    if features.ndim != 3 or len(features) < FEWEST:
        raise ValueError(
            f"features must be (images, channels, regions) of {FEWEST} images or more; got "
            f"{tuple(features.shape)}."
        )
    images = len(features)
    if len(outputs) != images or len(others) != images or others.shape[1] < FEWEST - 1:
        raise ValueError(
            f"outputs must be (images, classes) and others (images, {FEWEST - 1} or more) of "
            f"{images} images; got {tuple(outputs.shape)} and {tuple(others.shape)}."
        )
