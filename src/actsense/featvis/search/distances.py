r"""How far the responses of pictures are from those that they are to resemble.

With r = (o - T) / sigma, the difference of a picture's response o from its target's T in standard
deviations of natural images, and the mean over channels,

    charbonnier    mean sqrt(r^2 + 1) - 1
    huber          mean r^2 / 2 where |r| < 1, |r| - 1/2 elsewhere
    l2             mean r^2
    l1             mean |r|
    cosine         1 - cos((o - mu) / sigma, (T - mu) / sigma)
    distribution   mean ((s - S) / sigma)^2 over channels and places

where s are the picture's activations of a channel over all places in ascending order, and S those
of the target: the squared Wasserstein distance of the two distributions.
"""

__all__ = ["DISTANCES", "distance"]

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from actsense.featvis.targets.targets import Targets


def distance(kind: str, targets: Targets, response: Tensor, maps: Tensor) -> Tensor:
    """Return the distance of every picture from its target, (targets,).

    Arguments:
        kind: One of those above.
        targets: The targets, each with a response.
        response: What the targets read of the pictures, (targets, channels).
        maps: What the layer says of the pictures, (targets, channels, rows, cols) or
            (targets, channels).

    Raises:
        ValueError: If there are no sorted activations to compare with, or of another number of
            places.

    Source:
        Barron (2019), A general and adaptive robust loss function, CVPR (charbonnier);
        Goerguen, Schiele & Fischer (2025), VITAL, ICCV, arXiv 2503.22399 (distribution).
    """
    if kind == "distribution":
        return _between_distributions(targets, maps)
    if kind == "cosine":
        wanted = targets.standardise(targets.response)
        return 1 - functional.cosine_similarity(targets.standardise(response), wanted, dim=1)
    return DISTANCES[kind]((response - targets.response) / targets.std).mean(dim=1)


def _charbonnier(r: Tensor) -> Tensor:
    # (1 + r^2)^(1/2) - 1 without the loss of digits near 0.
    return r.square() / ((r.square() + 1).sqrt() + 1)


def _huber(r: Tensor) -> Tensor:
    return functional.huber_loss(r, torch.zeros_like(r), reduction="none")


DISTANCES: dict[str, Callable[[Tensor], Tensor]] = {
    "charbonnier": _charbonnier,
    "huber": _huber,
    "l2": torch.square,
    "l1": torch.abs,
}


def _between_distributions(targets: Targets, maps: Tensor) -> Tensor:
    wanted, found = targets.sorted, maps.flatten(2) if maps.ndim > 2 else maps[..., None]
    if wanted is None or wanted.shape != found.shape:
        had = "none" if wanted is None else tuple(wanted.shape)
        raise ValueError(
            f"distribution: sorted activations must be {tuple(found.shape)}; got {had}."
        )
    r = (found.sort(dim=2).values - wanted) / targets.std[..., None]
    return r.square().mean(dim=(1, 2))
