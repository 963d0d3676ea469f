r"""Embeddings of whole images: g = M f in a few dimensions, which say what the network says.

A network gives image i the features f_i, and probabilities P_iy of the classes y. M is found so
that vectors g_i = M f_i, in the radial distribution of `actsense.patterns.radial`, give the same:

    loss = mean over i of KL(P_i || Q(. | g_i))
    pi_y = mean over i of P_iy
    mu_y = sum over i of P_iy kappa(l_i) o_i, at length 1

l and o are the length and the direction of g. pi and mu have these closed forms for any M, so the
loss is one of M alone, and falls by steps of Adam from several starts at once. In the first half
of the steps lengths have a small price that fades to nothing (in the published study it is weight
decay, and stays): what says nothing comes to lie at the origin.

M acts on features along the axes of their second moments, the strong ones brought nearer to one
another. Where there are more features than images, M is of all that give the same g the smallest.
"""

__all__ = ["SampleFit", "divergence", "fit_samples", "targets"]

from dataclasses import dataclass
from math import cos, pi
from typing import get_args

import torch
from torch import Tensor
from torch.nn import functional

from actsense.draws import stream
from actsense.patterns.alignment import procrustes
from actsense.patterns.radial import Gradient, concentrated, gathered, log_shares

TEMPERATURE = 4.0  # of the published study
STEPS = 200  # on digits the loss is then within 1e-5 nats of where L-BFGS ends
RATE = 0.1  # of the first step; the last ones go to 0 along a cosine
FADING = (0.9, 0.999)  # of the means of Adam
TINY = 1e-8
# Nats that a mean square length of 1 costs at first, and no more after half of the steps. Without
# them, classes that a network hardly tells apart end as long vectors side by side: on digits at a
# temperature of 20 at 0.0164 nats, not 0.0140. Where classes differ, results are the same.
HELD = 0.01
SUMS = 1e-3  # how far from 1 a row of probabilities may add up: halves are that exact
# Directions weaker than the mean one are scaled up no further: with as many directions as images
# all of equal size, starts are as good as random and end at worse losses (0.24 for 0.18 nats).
RIDGE = 1.0
SPARE = 1e-6  # weight of a direction that no class asks for
SMALLEST = 1e-6  # singular value, of the largest, that is more than rounding of float32


@dataclass(frozen=True)
class SampleFit:
    """The best embedding of several starts.

    Attributes:
        projection: M, (axes, features): g = f M'.
        directions: mu, unit vectors, (classes, axes).
        prior: pi, (classes,).
        embedding: g, (images, axes), dimensionless: in units of the noise of the distribution.
        loss: Mean divergence, nats.
        losses: That of every start, (seeds,).
        spread: Mean angle between an image in the best embedding and in the others, these turned
            onto it, rad, (images,); NaN if there is one start alone.
        traces: Loss in the beginning and after every step, (seeds, steps + 1).
    """

    projection: Tensor
    directions: Tensor
    prior: Tensor
    embedding: Tensor
    loss: float
    losses: Tensor
    spread: Tensor
    traces: Tensor


def targets(logits: Tensor, *, temperature: float = TEMPERATURE) -> Tensor:
    """Return the probabilities P that embeddings are fitted to, (images, classes) float64.

    Arguments:
        logits: Of the classes that count, (images, classes).
        temperature: What they are divided by: more makes less likely classes count more.
    """
    return (logits.double() / temperature).softmax(dim=-1)


def fit_samples(
    features: Tensor,
    target: Tensor,
    *,
    axes: int = 3,
    seeds: int = 3,
    seed: int = 0,
    steps: int = STEPS,
    rate: float = RATE,
    gradient: Gradient = "exact",
    start: Tensor | None = None,
    align: Tensor | None = None,
) -> SampleFit:
    """Find the linear map of features that says best, in a few dimensions, what a network says.

    The first start is `start`, or else the directions along which the classes lie furthest apart;
    others are random. But for `start`, the mean length of an embedding is 1 at first. All results
    are float64, on the device of the features.

    Arguments:
        features: Features of the images, (images, features), in any unit; they are not centred.
        target: Probabilities of the classes, (images, classes), see `targets`.
        axes: Dimensions of the embedding, 2 or more.
        seeds: Number of starts.
        seed: Seed of the random ones.
        steps: Steps of Adam.
        rate: Size of its first steps.
        gradient: `exact`, or `published`: lengths and concentrations are held in every step.
        start: Where to begin, (axes, features), as of an earlier checkpoint.
        align: An embedding of the same images, (images, axes), that the result is turned onto;
            by default that of the first start, so that runs come out alike.

    Raises:
        ValueError: If shapes do not fit, numbers are not finite, features are all 0, rows of
            `target` are no probabilities, a class has none, or an option is out of range.

    Source:
        Li, Wang & Zhang (2021), Visualizing the emergence of intermediate visual patterns in
        DNNs, NeurIPS, arXiv 2111.03505. The start, the optimiser and the choice of the best are
        our own.
    """
    if axes < 2 or seeds < 1 or steps < 0 or not rate > 0 or gradient not in get_args(Gradient):
        raise ValueError(
            "axes must be 2 or more, seeds 1 or more, steps 0 or more, rate above 0, and gradient "
            f"one of {', '.join(get_args(Gradient))}; "
            f"got {axes}, {seeds}, {steps}, {rate} and {gradient!r}."
        )
    target = _checked(features, target, axes, start, align)
    space = _Space.of(features.double())
    weights = space.starts(target, axes, seeds, seed, start)
    first = space.points @ weights[0].mT
    weights, traces = _descend(weights, space.points, target, steps, rate, gradient)
    losses, best = traces[:, -1], int(traces[:, -1].argmin())
    embeddings = space.points @ weights.mT
    turn = procrustes(embeddings[best], first if align is None else align)
    embedding = embeddings[best] @ turn
    return SampleFit(
        projection=turn.mT @ space.to_features(weights[best]),
        directions=gathered(concentrated(embedding), target),
        prior=target.mean(dim=0),
        embedding=embedding,
        loss=float(losses[best]),
        losses=losses,
        spread=_spread(embeddings, best),
        traces=traces,
    )


def divergence(embedding: Tensor, target: Tensor, *, gradient: Gradient = "exact") -> Tensor:
    """Return the mean divergence KL(P || Q) of embeddings, with their best pi and mu, nats.

    Arguments:
        embedding: One or more embeddings of the same images, (..., images, axes).
        target: Probabilities P of the classes, (images, classes) float64, rows of sum 1.
        gradient: How it is differentiated, see `concentrated`.

    Returns:
        One number an embedding, (...) float64.
    """
    vectors = concentrated(embedding, gradient=gradient)
    log_q = log_shares(vectors, gathered(vectors, target), target.mean(dim=0))
    entropy = torch.special.entr(target).sum()
    divergences: Tensor = -(target * log_q).sum(dim=(-2, -1)) - entropy
    return divergences / len(target)


@dataclass(frozen=True)
class _Space:
    """Features along the axes of their second moments, scaled."""

    points: Tensor  # (images, directions)
    back: Tensor  # (features, directions): points = features @ back
    forth: Tensor  # (directions, features): features = points @ forth

    @classmethod
    def of(cls, features: Tensor) -> "_Space":
        left, sizes, right = torch.linalg.svd(features, full_matrices=False)
        kept = sizes > sizes[0] * SMALLEST
        left, sizes, right = left[:, kept], sizes[kept], right[kept]
        if not len(sizes):
            raise ValueError("Features must differ from 0; got none that does.")
        # Of unit mean square where a direction is strong, and weaker where it is weak.
        scale = (sizes**2 + RIDGE * (sizes**2).mean()).sqrt() / len(features) ** 0.5
        return cls(left * (sizes / scale), right.mT / scale, right * scale[:, None])

    def to_features(self, weights: Tensor) -> Tensor:
        return weights @ self.back.mT

    def starts(
        self, target: Tensor, axes: int, seeds: int, seed: int, start: Tensor | None
    ) -> Tensor:
        """Return weights of the points, (seeds, axes, directions): first `start`, then random."""
        size = (seeds - 1, axes, self.forth.shape[1])
        drawn = stream(seed, "starts of image embeddings").normal(size=size)
        random = torch.from_numpy(drawn).to(self.points.device) @ self.forth.mT
        if start is not None:
            return torch.cat([(start.double() @ self.forth.mT)[None], self.scaled(random)])
        return self.scaled(torch.cat([self.discriminant(target, axes)[None], random]))

    def discriminant(self, target: Tensor, axes: int) -> Tensor:
        """Return the directions along which classes lie furthest apart, (axes, directions)."""
        prior = target.mean(dim=0)
        means = target.mT @ self.points / target.sum(dim=0)[:, None]
        between = prior.sqrt()[:, None] * (means - prior @ means)
        # Few classes span few directions: the strongest of the features are the next ones.
        spare = torch.eye(axes, between.shape[1], dtype=torch.float64, device=between.device)
        right: Tensor = torch.linalg.svd(torch.cat([between, SPARE * spare]), full_matrices=False)[
            2
        ]
        # Features that span fewer directions than there are axes leave the last ones at 0.
        return functional.pad(right[:axes], (0, 0, 0, max(0, axes - len(right))))

    def scaled(self, weights: Tensor) -> Tensor:
        """Return weights whose embeddings have the mean length 1."""
        lengths: Tensor = torch.linalg.vector_norm(self.points @ weights.mT, dim=-1)
        return weights / lengths.mean(dim=-1)[..., None, None]


def _descend(
    weights: Tensor, points: Tensor, target: Tensor, steps: int, rate: float, gradient: Gradient
) -> tuple[Tensor, Tensor]:
    """Return the weights after all steps, and the losses of all starts, (seeds, steps + 1)."""
    weights = weights.detach().requires_grad_()
    mean, square = torch.zeros_like(weights), torch.zeros_like(weights)
    traces = []
    for step in range(steps):
        embeddings = points @ weights.mT
        losses = divergence(embeddings, target, gradient=gradient)
        held = HELD * max(0, 1 - 2 * step / steps) / len(target)
        total = losses.sum() + held * embeddings.square().sum()  # starts do not meet
        (slope,) = torch.autograd.grad(total, weights)
        # Adam, spelt out: PyTorch's own loads a compiler, which takes longer than the fit.
        mean.lerp_(slope, 1 - FADING[0])
        square.lerp_(slope**2, 1 - FADING[1])
        size = rate * (1 + cos(pi * step / steps)) / 2 / (1 - FADING[0] ** (step + 1))
        root = (square / (1 - FADING[1] ** (step + 1))).sqrt() + TINY
        weights = (weights - size * mean / root).detach().requires_grad_()
        traces.append(losses.detach())
    weights = weights.detach()
    traces.append(divergence(points @ weights.mT, target))
    return weights, torch.stack(traces, dim=1)


def _spread(embeddings: Tensor, best: int) -> Tensor:
    """Return the mean angle of every image between the best embedding and the others, rad."""
    others = [one for number, one in enumerate(embeddings) if number != best]
    if not others:
        return embeddings.new_full(embeddings.shape[1:2], torch.nan)
    unit = functional.normalize(embeddings[best], dim=-1)
    turned = [
        functional.normalize(one, dim=-1) @ procrustes(one, embeddings[best]) for one in others
    ]
    # Of the halved chord: the arc cosine is not exact near 1.
    chords = torch.stack([torch.linalg.vector_norm(one - unit, dim=-1) for one in turned])
    return (2 * torch.asin((chords / 2).clamp(max=1))).mean(dim=0)


def _checked(
    features: Tensor,
    target: Tensor,
    axes: int,
    start: Tensor | None,
    align: Tensor | None,
) -> Tensor:
    """Return the probabilities in float64, adding up to 1 exactly, or say what does not fit."""
    if features.ndim != 2 or target.ndim != 2 or len(features) != len(target):
        raise ValueError(
            "features must be (images, features) and target (images, classes) of the same "
            f"images; got {tuple(features.shape)} and {tuple(target.shape)}."
        )
    images, width = features.shape
    for name, given, wanted in (("start", start, (axes, width)), ("align", align, (images, axes))):
        if given is not None and given.shape != wanted:
            raise ValueError(f"{name} must be {wanted}; got {tuple(given.shape)}.")
    for name, given in (("features", features), ("target", target), ("start", start)):
        if given is not None and not given.isfinite().all():
            raise ValueError(f"{name} must be finite; it holds NaN or infinity.")
    sums = target.double().sum(dim=1)
    if (target < 0).any() or ((sums - 1).abs() > SUMS).any():
        raise ValueError(
            "Rows of target must be probabilities, 0 or more, that add up to 1; got rows that add "
            f"up to {float(sums.min()):.6g} to {float(sums.max()):.6g}, with values from "
            f"{float(target.min()):.6g} on."
        )
    empty = (target.sum(dim=0) == 0).nonzero().flatten().tolist()
    if target.shape[1] < 2 or empty:
        raise ValueError(
            "target needs two classes or more, and an image for each of them; got "
            f"{target.shape[1]} classes, without any image: {empty}."
        )
    return target.double() / sums[:, None]
