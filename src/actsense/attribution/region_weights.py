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

The loss is convex in w, and in v as long as the best-matching regions q stay. Gradients with the
regions q held are exact wherever no two of them tie. Steps are those of exponentiated gradient.
"""

__all__ = ["Anchors", "region_weights"]

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

KAPPA_P, KAPPA_M = 5.0, 1000.0  # of the published study
# Measured on digits, 64 channels: 20 steps of the published descent lower the loss from 1.65 to
# 0.85 nats, 5 of these to 0.49. More of them overfit: the regions of the largest weights then
# matter less to the network when they are masked.
STEPS = 5
REGION_STEPS = 5  # of w for one of v: they need no new matches and cost next to nothing
LONGER, SHORTER = 1.5, 0.25  # what becomes of the size of a step that is taken, or is not
RESOLVED = 1e-6  # nats: less to win is a matter of roundings
NUMBERS = 2**24  # features or similarities at a time: 64 MB
FEWEST = 3  # images: with a single other one there is nothing to tell


def region_weights(
    features: Tensor,
    outputs: Tensor,
    others: Tensor,
    *,
    kappa_p: float = KAPPA_P,
    kappa_m: float = KAPPA_M,
    steps: int = STEPS,
) -> tuple[Tensor, Tensor, Tensor]:
    """Find the weights of regions and channels of every image.

    A step that would raise the loss of an image is not taken, and the next one is shorter.

    Arguments:
        features: Features of the images' regions, (images, channels, regions), of any length.
        outputs: What the network says of them, (images, classes).
        others: Rows of `features` that every image is compared with, (images, others) int64.
        kappa_p: How sharply images are told apart by outputs, dimensionless.
        kappa_m: How sharply by features.
        steps: Steps of v.

    Returns:
        w, (images, regions); v, (images, channels); the loss in the beginning and after every
        step, nats, (images, steps + 1).

    Raises:
        ValueError: If there are fewer than three images or two others, or shapes do not fit.

    Source:
        The loss: Li, Wang & Zhang (2021), Visualizing the emergence of intermediate visual
        patterns in DNNs, NeurIPS, arXiv 2111.03505.
    """
    _check(features, outputs, others)
    vectors = functional.normalize(features, dim=1).mT.contiguous()  # (images, regions, channels)
    said = functional.normalize(outputs, dim=1)
    images, regions, channels = vectors.shape
    chunk = max(1, NUMBERS // (others.shape[1] * regions * max(regions, channels)))
    found = []
    for start in range(0, images, chunk):
        own = slice(start, start + chunk)
        compared = others[own]
        alike = torch.einsum("ic,ijc->ij", said[own], said[compared])
        log_target = (kappa_p * alike).double().log_softmax(dim=1)
        found.append(Anchors(vectors[own], vectors[compared], log_target, kappa_m).fit(steps))
    w, v, losses = (torch.cat(parts) for parts in zip(*found, strict=True))
    return w, v, losses


@dataclass(frozen=True)
class Anchors:
    """Images whose weights are looked for side by side, each by itself."""

    own: Tensor  # unit features, (anchors, regions, channels)
    compared: Tensor  # those of other images, (anchors, others, regions, channels)
    log_target: Tensor  # log T, (anchors, others) float64
    kappa: float

    def fit(self, steps: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return w, v and the losses, see `region_weights`."""
        anchors, regions, channels = self.own.shape
        log_w, log_v = self.own.new_zeros(anchors, regions), self.own.new_zeros(anchors, channels)
        rate_w = rate_v = self.own.new_ones(anchors)
        w = log_w.softmax(dim=1)
        similarity, matched = self.match(log_v.softmax(dim=1))
        loss = self.loss(w, similarity)
        losses = [loss]
        for _ in range(steps):
            new_v = _moved(log_v, self.channel_gradient(w, similarity, matched), rate_v)
            new = self.match(new_v.softmax(dim=1))
            new_loss = self.loss(w, new[0])
            loss, log_v, rate_v, similarity, matched = _better(
                (new_loss, new_v, rate_v * LONGER, *new),
                (loss, log_v, rate_v * SHORTER, similarity, matched),
            )
            for _ in range(REGION_STEPS):
                new_w = _moved(log_w, self.region_gradient(w, similarity), rate_w)
                new_loss = self.loss(new_w.softmax(dim=1), similarity)
                loss, log_w, rate_w = _better(
                    (new_loss, new_w, rate_w * LONGER), (loss, log_w, rate_w * SHORTER)
                )
                w = log_w.softmax(dim=1)
            losses.append(loss)
        return w, log_v.softmax(dim=1), torch.stack(losses, dim=1)

    def match(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """Return s and the matching region q, each (anchors, regions, others)."""
        anchors, others, regions, _ = self.compared.shape
        products = (self.own * v[:, None]) @ self.compared.flatten(1, 2).mT
        found = products.view(anchors, regions, others, regions).max(dim=3)
        return found.values, found.indices

    def loss(self, w: Tensor, similarity: Tensor) -> Tensor:
        """Return the divergence of every anchor, nats, (anchors,) float64."""
        estimate = self._logits(w, similarity).log_softmax(dim=1)
        return (self.log_target.exp() * (self.log_target - estimate)).sum(dim=1)

    def region_gradient(self, w: Tensor, similarity: Tensor) -> Tensor:
        """Return the gradient of the loss with respect to w, (anchors, regions)."""
        return (similarity @ self._pull(w, similarity)[..., None])[..., 0]

    def channel_gradient(self, w: Tensor, similarity: Tensor, matched: Tensor) -> Tensor:
        """Return the gradient with respect to v, the matches held, (anchors, channels)."""
        anchors, others, regions = self.compared.shape[:3]
        pair = torch.arange(anchors * others, device=w.device).view(anchors, 1, others)
        pull = self._pull(w, similarity)[:, None].expand(matched.shape)
        # A weighted sum of rows, without a copy of the rows.
        summed = functional.embedding_bag(
            (pair * regions + matched).flatten(0, 1),
            self.compared.flatten(0, 2),
            per_sample_weights=pull.flatten(0, 1),
            mode="sum",
        )
        return (w[:, None] @ (self.own * summed.view(self.own.shape)))[:, 0]

    def _pull(self, w: Tensor, similarity: Tensor) -> Tensor:
        """Return the gradient with respect to u, (anchors, others)."""
        estimate = self._logits(w, similarity).softmax(dim=1)
        return (self.kappa * (estimate - self.log_target.exp())).to(w.dtype)

    def _logits(self, w: Tensor, similarity: Tensor) -> Tensor:
        return self.kappa * (w[:, None] @ similarity)[:, 0].double()


def _moved(logs: Tensor, gradient: Tensor, rate: Tensor) -> Tensor:
    """Take a step of exponentiated gradient that changes ratios of weights by exp(rate) at most.

    No step is taken where nothing is left to win: a convex loss lies above its tangent, and so
    not further below its value than the tangent's lowest point on the simplex.

    Arguments:
        logs: Logarithms of the weights, up to a constant, (anchors, weights).
        gradient: Gradient of the loss with respect to the weights, (anchors, weights).
        rate: Length of the step, nats, (anchors,).
    """
    centred = gradient - (logs.softmax(dim=1) * gradient).sum(dim=1, keepdim=True)
    left = -centred.amin(dim=1)
    length = torch.where(left > RESOLVED, rate / (centred.amax(dim=1) + left), 0)
    return logs - length[:, None] * centred


def _better(new: tuple[Tensor, ...], old: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return the new state of the anchors whose loss, the first of a state, is not larger."""
    taken = new[0] <= old[0]
    return tuple(
        torch.where(taken.view(-1, *[1] * (one.ndim - 1)), one, other)
        for one, other in zip(new, old, strict=True)
    )


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
