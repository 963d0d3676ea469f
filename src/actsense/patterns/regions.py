r"""Regional embeddings: a point in a few dimensions for every region of an image, h = Lambda f.

Directions mean what they mean for whole images, and lengths how much a region says. One linear map
for all images, found from two demands. Two images i and j should resemble each other in regions as
the network's outputs P do: with w the weights of regions, q the region of j that matches r, l the
length of h and kappa its concentration,

    T(j) = softmax over j of kappa_p cos(P_i, P_j)
    u_j = sum over r of w_r kappa(l_ir) cos(h_ir, h_jq)
    divergence = KL(T || softmax over j of u_j)

and regions that count should point where the image does: alignment = -sum over r of
w_r cos(h_ir, g_i). A small multiple of the map's own square is added to both.

The published form, a product over regions of softmax(kappa cos) to the power of w_r, is the same:
what normalises a region's softmax does not depend on j.
"""

__all__ = ["RegionFit", "fit_regions"]

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor
from torch.nn import functional

from actsense.attribution.region_weights import KAPPA_P, log_resemblance, match_regions
from actsense.device.precision import arithmetic, deterministic
from actsense.patterns.radial import concentration

LAMBDA_KL, LAMBDA_MI = 1.0, 0.1  # of the published study
# Measured on planted worlds: 25 steps over all images reach a lower loss than 400 of Adam over a
# tenth of them, whose noise lets directions grow that the loss does not depend on.
STEPS = 25
# Of the map, for features of mean square 1. Measured on planted worlds: without it, directions
# that no class needs grow until noise fits the divergence, and noise becomes knowledge points.
DECAY = 0.1
# Of points at the start, weighted: concentrations are then about as large as kappa_p. Where few
# regions count, a mean length of 1 makes these too strong, and the first steps turn them anywhere.
LENGTH = 2.0
RIDGE = 0.01  # of the start, in mean squares of the features
NUMBERS = 2**22  # matches at a time: 16 MB for every axis, and several times as much beside
FLAT = 1e-6  # largest slope at which a search ends
SHORTEST = 1e-20  # length of a point that has a direction

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RegionFit:
    """A linear map of regional features, and what it makes of those it was found from."""

    projection: Tensor  # Lambda, (axes, channels) float32: h = Lambda f for features as they were
    embedding: Tensor  # h, (images, regions, axes) float32, dimensionless
    losses: Tensor  # divergence in nats and alignment, means over images, (1 + steps, 2) float64


def fit_regions(
    features: Tensor,
    target: Tensor,
    samples: Tensor,
    w: Tensor,
    v: Tensor,
    others: Tensor,
    *,
    axes: int = 3,
    steps: int = STEPS,
    kappa_p: float = KAPPA_P,
    lambda_kl: float = LAMBDA_KL,
    lambda_mi: float = LAMBDA_MI,
) -> RegionFit:
    """Find the linear map of regional features whose points agree with the images' own.

    It starts at the ridge regression of the images' embedding on their weighted mean feature, at
    a weighted mean length of 2, and goes on by L-BFGS over all images. Nothing is random, features
    are taken as they are, because the length of a regional feature is a part of what it says, and
    nothing that is given is changed.

    Arguments:
        features: Features of the images' regions, (images, channels, regions), any unit.
        target: What the network says of the images, (images, classes).
        samples: Embedding of the images, (images, axes).
        w: Weights of regions, (images, regions), that sum to 1.
        v: Weights of channels, (images, channels), that sum to 1; they choose the matches.
        others: Rows that every image is compared with, (images, others) int64.
        axes: Dimensions of the embedding.
        steps: Steps at most; fewer are taken where nothing is left to win.
        kappa_p: How sharply images are told apart by outputs, dimensionless.
        lambda_kl: Weight of the divergence.
        lambda_mi: Weight of the alignment.

    Returns:
        The map, the points, and both terms of the loss at the start and after every step.

    Raises:
        ValueError: If shapes do not fit, a number is not finite, or all features are 0.

    Source:
        Li, Wang & Zhang (2021), Visualizing the emergence of intermediate visual patterns in
        DNNs, NeurIPS, arXiv 2111.03505.
    """
    _check(features, target, samples, w, v, others, axes)
    with arithmetic("float32", features.device), deterministic():
        flat = features.float().transpose(0, 1).flatten(1)  # (channels, images * regions)
        # Summed in float64: squares of large features exceed float32.
        size = torch.linalg.vector_norm(flat, dtype=torch.float64)
        scale = (size / flat.numel() ** 0.5).to(flat.dtype)
        problem = _Problem(
            flat / scale,
            log_resemblance(target.double(), others, kappa_p=kappa_p).exp(),
            functional.normalize(samples.float(), dim=1).T[..., None],
            w.float(),
            others,
            _places(match_regions(features, v, others), others),
        )
        weights = flat.new_tensor([lambda_kl, lambda_mi], dtype=torch.float64)
        projection, losses = _descend(problem, _start(problem, samples), weights, steps)
        h = (projection @ problem.flat).view(axes, *w.shape)
        return RegionFit(projection / scale, h.permute(1, 2, 0).contiguous(), losses)


@dataclass(frozen=True)
class _Problem:
    """What stays the same from step to step. Axes come first: they are few, and rows long."""

    flat: Tensor  # features over their scale, (channels, images * regions) float32
    target: Tensor  # T, (images, others) float64
    pointing: Tensor  # unit embedding of the images, (axes, images, 1) float32
    w: Tensor  # (images, regions) float32
    others: Tensor
    places: Tensor  # of matches among all regions, (images, others * regions) int64

    def evaluate(self, projection: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return both terms, means over images, and the gradient of their weighted sum."""
        h = (projection @ self.flat).requires_grad_()
        terms, slope = weights.new_zeros(2), torch.zeros_like(h)
        some = max(1, NUMBERS // self.places.shape[1])
        for first in range(0, len(self.w), some):
            found = self._terms(h, slice(first, first + some)).sum(dim=1) / len(self.w)
            terms += found.detach()
            slope += torch.autograd.grad(weights @ found, h)[0]
        return terms, slope @ self.flat.T

    def _terms(self, h: Tensor, part: slice) -> Tensor:
        """Return divergence and alignment of some images, (2, part) float64."""
        length = h.square().sum(dim=0).clamp_min(SHORTEST**2).sqrt()
        unit = h / length
        w, target = self.w[part], self.target[part]
        kappa = concentration(length.view(self.w.shape)[part], axes=len(h)).to(h.dtype)
        own = unit.view(len(h), *self.w.shape)[:, part]  # (axes, part, regions)
        pull, places = w * kappa * own, self.places[part].flatten()
        u = torch.zeros_like(target, dtype=h.dtype)
        for one, along in zip(unit, pull, strict=True):  # by axis: three times as fast
            matched = one.index_select(0, places).view(*target.shape, -1)
            u = u + (matched * along[:, None]).sum(dim=2)
        divergence = target.xlogy(target).sum(dim=1) - (
            target * u.double().log_softmax(dim=1)
        ).sum(dim=1)
        cosine = (own * self.pointing[:, part]).sum(dim=0)
        return torch.stack([divergence, -(w * cosine).double().sum(dim=1)])


def _descend(
    problem: _Problem, start: Tensor, weights: Tensor, steps: int
) -> tuple[Tensor, Tensor]:
    """Return the best projection, and both terms at the start and after every step."""
    latest = problem.evaluate(start, weights)[0]
    reached = [latest]

    def loss(numbers: Floats) -> tuple[float, Floats]:
        nonlocal latest
        projection = torch.from_numpy(numbers).to(start).view(start.shape)
        latest, gradient = problem.evaluate(projection, weights)
        decayed = gradient.double().flatten().cpu().numpy() + DECAY * numbers
        return float(weights @ latest) + DECAY / 2 * float(numbers @ numbers), decayed

    numbers = start.double().flatten().cpu().numpy()
    if steps:
        numbers = minimize(
            loss,
            numbers,
            jac=True,
            method="L-BFGS-B",
            callback=lambda _: reached.append(latest),
            options={"maxiter": steps, "ftol": 0, "gtol": FLAT},
        ).x
    return torch.from_numpy(numbers).to(start).view(start.shape), torch.stack(reached)


def _start(problem: _Problem, samples: Tensor) -> Tensor:
    """Return the ridge regression of samples on weighted mean features, at a length of 2."""
    images, regions = problem.w.shape
    mean = torch.einsum("kir,ir->ik", problem.flat.view(-1, images, regions), problem.w).double()
    gram = mean @ mean.T
    gram.diagonal().add_(RIDGE * gram.diagonal().mean())
    found = (torch.linalg.solve(gram, samples.double()).T @ mean).float()
    lengths = torch.linalg.vector_norm(found @ problem.flat, dim=0).view(problem.w.shape)
    start: Tensor = LENGTH * found / (problem.w * lengths).sum(dim=1).mean().clamp_min(SHORTEST)
    return start


def _places(matches: Tensor, others: Tensor) -> Tensor:
    """Return the matching regions among those of all images, (images, others * regions)."""
    regions = matches.shape[2]
    places: Tensor = others[..., None] * regions + matches.long()
    return places.flatten(1)


def _check(
    features: Tensor,
    target: Tensor,
    samples: Tensor,
    w: Tensor,
    v: Tensor,
    others: Tensor,
    axes: int,
) -> None:
    if features.ndim != 3:
        raise ValueError(
            f"features must be (images, channels, regions); got {tuple(features.shape)}."
        )
    images, channels, regions = features.shape
    expected = {
        "target": (target, (images, *target.shape[1:2])),
        "samples": (samples, (images, axes)),
        "w": (w, (images, regions)),
        "v": (v, (images, channels)),
        "others": (others, (images, *others.shape[1:2])),
    }
    for name, (given, shape) in expected.items():
        if tuple(given.shape) != shape:
            raise ValueError(f"{name} must be {shape}; got {tuple(given.shape)}.")
    for name, (given, _) in {"features": (features, ()), **expected}.items():
        if not given.isfinite().all():
            raise ValueError(f"{name} must be finite numbers; got NaN or infinity.")
    if not features.any():
        raise ValueError("features are all 0: there is nothing to embed.")
