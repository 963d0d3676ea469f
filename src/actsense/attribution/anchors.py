"""The search for the weights of regions and channels of some images, side by side.

The loss of `region_weights` is convex in w, and in v as long as the best-matching regions q stay.
Gradients with the regions q held are exact wherever no two of them tie. Steps are those of
exponentiated gradient.
"""

__all__ = ["Anchors", "match"]

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

REGION_STEPS = 5  # of w for one of v: they need no new matches and cost next to nothing
LONGER, SHORTER = 1.5, 0.25  # what becomes of the size of a step that is taken, or is not
SHORTEST = 1e-3  # nats: a step that is not taken at this size will hardly be at a smaller one
SPARE = 1.25  # images that are matched at once for one that is compared with
# Numbers at a time, on devices and on CPUs, whose caches hold no more: a third of the time.
TOGETHER = (2**26, 2**18)
RESOLVED = 1e-6  # nats: less to win is a matter of roundings


class _State(NamedTuple):
    """Where the search of every anchor stands."""

    loss: Tensor  # nats, (anchors,) float64
    log_w: Tensor  # up to a constant, (anchors, regions)
    log_v: Tensor  # (anchors, channels)
    rate_w: Tensor  # size of the next step, nats, (anchors,)
    rate_v: Tensor
    similarity: Tensor  # s, (anchors, regions, others)
    matched: Tensor  # q, (anchors, regions, others)


@dataclass(frozen=True)
class Anchors:
    """Images whose weights are looked for side by side, each by itself."""

    own: Tensor  # unit features, (anchors, regions, channels)
    images: Tensor  # those of all images, (images, regions, channels)
    others: Tensor  # which of these each is compared with, (anchors, others) int64
    log_target: Tensor  # log T, (anchors, others) float64
    kappa: float

    def fit(self, steps: int, tolerance: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
        """Return w, v and the losses, see `region_weights`."""
        state = self._begin()
        logs, first = [state.log_w.clone(), state.log_v.clone()], state.loss
        losses = first[:, None].repeat(1, steps + 1)
        searched, rows = self, torch.arange(len(first), device=first.device)
        for step in range(1, steps + 1):
            before, state = state, searched._step(state)
            losses[rows, step:] = state.loss[:, None]
            logs[0][rows], logs[1][rows] = state.log_w, state.log_v
            done = _done(before, state, tolerance * first[rows])
            if done.any():
                left = (~done).nonzero()[:, 0]
                searched, rows = searched._pick(left), rows[left]
                state = _State(*(part[left] for part in state))
            if not len(rows):
                break
        return logs[0].softmax(dim=1), logs[1].softmax(dim=1), losses

    def match(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """Return s and the matching region q, each (anchors, regions, others)."""
        return match(self.own, v, self.images, self.others)

    def loss(self, w: Tensor, similarity: Tensor) -> Tensor:
        """Return the divergence of every anchor, nats, (anchors,) float64."""
        estimate = self._logits(w, similarity).log_softmax(dim=1)
        return (self.log_target.exp() * (self.log_target - estimate)).sum(dim=1)

    def region_gradient(self, w: Tensor, similarity: Tensor) -> Tensor:
        """Return the gradient of the loss with respect to w, (anchors, regions)."""
        return (similarity @ self._pull(w, similarity)[..., None])[..., 0]

    def channel_gradient(self, w: Tensor, similarity: Tensor, matched: Tensor) -> Tensor:
        """Return the gradient with respect to v, the matches held, (anchors, channels)."""
        pull = self._pull(w, similarity)[:, None].expand(matched.shape)
        # A weighted sum of rows, without a copy of the rows.
        summed = functional.embedding_bag(
            (self.others[:, None] * self.own.shape[1] + matched).flatten(0, 1),
            self.images.flatten(0, 1),
            per_sample_weights=pull.flatten(0, 1),
            mode="sum",
        )
        return (w[:, None] @ (self.own * summed.view(self.own.shape)))[:, 0]

    def _begin(self) -> _State:
        anchors, regions, channels = self.own.shape
        log_w, log_v = self.own.new_zeros(anchors, regions), self.own.new_zeros(anchors, channels)
        rate = self.own.new_ones(anchors)
        similarity, matched = self.match(log_v.softmax(dim=1))
        loss = self.loss(log_w.softmax(dim=1), similarity)
        return _State(loss, log_w, log_v, rate, rate, similarity, matched)

    def _step(self, state: _State) -> _State:
        """Take a step of v and some of w, where they lower the loss."""
        w = state.log_w.softmax(dim=1)
        gradient = self.channel_gradient(w, state.similarity, state.matched)
        log_v = _moved(state.log_v, gradient, state.rate_v)
        new = self.match(log_v.softmax(dim=1))
        loss, log_v, rate_v, similarity, matched = _better(
            (self.loss(w, new[0]), log_v, state.rate_v * LONGER, *new),
            (state.loss, state.log_v, state.rate_v * SHORTER, state.similarity, state.matched),
        )
        log_w, rate_w = state.log_w, state.rate_w
        for _ in range(REGION_STEPS):
            new_w = _moved(log_w, self.region_gradient(w, similarity), rate_w)
            new_loss = self.loss(new_w.softmax(dim=1), similarity)
            loss, log_w, rate_w = _better(
                (new_loss, new_w, rate_w * LONGER), (loss, log_w, rate_w * SHORTER)
            )
            w = log_w.softmax(dim=1)
        return _State(loss, log_w, log_v, rate_w, rate_v, similarity, matched)

    def _pick(self, rows: Tensor) -> "Anchors":
        parts = (self.own[rows], self.images, self.others[rows], self.log_target[rows])
        return Anchors(*parts, self.kappa)

    def _pull(self, w: Tensor, similarity: Tensor) -> Tensor:
        """Return the gradient with respect to u, (anchors, others)."""
        estimate = self._logits(w, similarity).softmax(dim=1)
        return (self.kappa * (estimate - self.log_target.exp())).to(w.dtype)

    def _logits(self, w: Tensor, similarity: Tensor) -> Tensor:
        return self.kappa * (w[:, None] @ similarity)[:, 0].double()


def match(own: Tensor, v: Tensor, images: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Return how much regions resemble those that match them best, and which these are.

    Arguments:
        own: Unit features, (anchors, regions, channels).
        v: Weights of channels, (anchors, channels).
        images: Unit features of all images, (images, regions, channels).
        others: Which of these each is compared with, (anchors, others) int64.

    Returns:
        Similarity and region, each (anchors, regions, others).
    """
    anchors, regions, channels = own.shape
    size = (anchors, regions, others.shape[1])
    values, matched = own.new_empty(size), torch.empty(size, dtype=torch.int64, device=own.device)
    numbers = others.shape[1] * regions * max(regions, channels)
    some = max(1, TOGETHER[own.device.type == "cpu"] // numbers)
    for start in range(0, anchors, some):
        rows = slice(start, start + some)
        values[rows], matched[rows] = _matched(own[rows] * v[rows, None], images, others[rows])
    return values, matched


def _matched(weighted: Tensor, images: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Match a few anchors: with all images, if that is hardly more, since it copies nothing."""
    regions = images.shape[1]
    if len(images) <= SPARE * others.shape[1]:
        products = weighted @ images.flatten(0, 1).mT
        found = products.view(*products.shape[:2], -1, regions).max(dim=3)
        chosen = others[:, None].expand(-1, weighted.shape[1], -1)
        return found.values.gather(2, chosen), found.indices.gather(2, chosen)
    compared = images.index_select(0, others.flatten()).view(len(others), -1, images.shape[2])
    products = weighted @ compared.mT
    found = products.view(*products.shape[:2], -1, regions).max(dim=3)
    return found.values, found.indices


def _done(before: _State, after: _State, least: Tensor) -> Tensor:
    """Tell of which anchors a step won less than asked for, unless a shorter one may win more."""
    tried = (after.rate_v > before.rate_v) | (after.rate_v < SHORTEST)
    return (before.loss - after.loss < least) & tried


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
