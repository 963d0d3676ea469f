r"""What pictures are good at: one number for every picture, of that picture alone.

For picture p with response o, activation a along its target's direction (see `targets`) and the
response T that it is to resemble, what is made small is

    L_p = - a_p cos(o_p, T_p)^power  +  balance_p distance(o_p, T_p)
          + lambda mean |input of the penalty's module|
          + variation mean |difference of neighbouring pixels|
          + diversity mean over the other pictures of its group of cos(G_p, G_q)

and the sum over pictures is taken: pictures of different groups have no term in common. The cosine
is that of responses as they are, at least 0.1, so that a picture that begins far away is moved at
all; it does nothing to an activation below the mean of natural images, which it would reward for
being unlike. Without T, the activation stands alone.

G = F F' is the Gram matrix of a picture's activations F, (channels, places): which channels are
active at the same places. Pictures of one target that have it in common look alike to the layer.
"""

__all__ = ["Criterion", "Terms", "pixel_variation"]

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from actsense.featvis.search.distances import distance
from actsense.featvis.settings import Objective
from actsense.featvis.targets.targets import Targets

LEAST = 0.1  # cosine, from Lucid's dot product times cosine


@dataclass(frozen=True)
class Terms:
    """What pictures are judged by, (pictures,) each; 0 where it has no meaning.

    Attributes:
        activation: Along the direction, in standard deviations of natural images.
        cosine: With the response that the picture is to resemble.
        driven: The activation, times the power of the cosine.
        distance: From that response.
        penalty: Mean size of the input of the penalty's module.
        variation: Mean difference of neighbouring pixels.
        likeness: Mean cosine with the other pictures of the group.
    """

    activation: Tensor
    cosine: Tensor
    driven: Tensor
    distance: Tensor
    penalty: Tensor
    variation: Tensor
    likeness: Tensor


class Criterion:
    """The objective of a batch of pictures, one for each target.

    Arguments:
        objective: Its settings.
        targets: The targets.
        groups: Which pictures are of one target, (targets,) int64.

    Attributes:
        resembles: Whether a target has a response to resemble, (targets,) bool.
    """

    def __init__(self, objective: Objective, targets: Targets, groups: Tensor) -> None:
        self.resembles = targets.response.isfinite().all(dim=1)
        self._objective, self._some = objective, bool(self.resembles.any())
        # A number that counts for nothing may stand where there is none, but not NaN.
        distributions = None if targets.sorted is None else targets.sorted.nan_to_num()
        response = targets.response.nan_to_num()
        self._targets = replace(targets, response=response, sorted=distributions)
        numbers = sorted(set(groups.tolist()))
        members = [torch.nonzero(groups == number).squeeze(1) for number in numbers]
        self._groups = [group for group in members if len(group) > 1]

    def __call__(self, images: Tensor, maps: Tensor, penalised: Tensor | None) -> Terms:
        """Judge pictures.

        Arguments:
            images: The pictures themselves, (targets, 3, side, side).
            maps: What the layer says of them, or of a view of each, (targets, channels) or
                (targets, channels, rows, cols).
            penalised: Input of the penalty's module, (targets, ...), or None; is looked at if the
                objective has a penalty.
        """
        response = self._targets.read(maps)
        activation, none = self._targets.activation(response), response.new_zeros(len(response))
        cosine = far = penalty = none
        if self._some:
            cosine = functional.cosine_similarity(response, self._targets.response, dim=1)
            far = distance(self._objective.distance, self._targets, response, maps)
            cosine, far = (torch.where(self.resembles, found, 0.0) for found in (cosine, far))
        weighs = self._objective
        if penalised is not None and weighs.penalty is not None:
            penalty = penalised.abs().flatten(1).mean(dim=1)
        return Terms(
            activation,
            cosine,
            self._driven(activation, cosine),
            far,
            penalty,
            pixel_variation(images) if weighs.variation else none,
            self._likeness(maps, none) if weighs.diversity else none,
        )

    def total(self, terms: Terms, balance: Tensor, penalty_weight: float) -> Tensor:
        """Return what is made small, (targets,).

        Arguments:
            terms: What the pictures are judged by.
            balance: Weight of the distance, (targets,).
            penalty_weight: Weight of the penalty.
        """
        return (
            balance * terms.distance
            - terms.driven
            + penalty_weight * terms.penalty
            + float(self._objective.variation) * terms.variation
            + float(self._objective.diversity) * terms.likeness
        )

    def _driven(self, activation: Tensor, cosine: Tensor) -> Tensor:
        if not self._some or not self._objective.power:
            return activation
        factor = cosine.clamp(min=LEAST) ** self._objective.power
        return torch.where(self.resembles & (activation > 0), factor * activation, activation)

    def _likeness(self, maps: Tensor, none: Tensor) -> Tensor:
        likeness = none
        for group in self._groups:
            likeness = likeness.index_add(0, group, _gram_cosines(maps[group]))
        return likeness


def pixel_variation(images: Tensor) -> Tensor:
    """Return the mean size of differences between neighbouring pixels, (pictures,).

    Those of columns and those of rows count alike; in units of the range from black to white.

    Arguments:
        images: Shape (pictures, channels, height, width).
    """
    across = images.diff(dim=3).abs().mean(dim=(1, 2, 3))
    return (across + images.diff(dim=2).abs().mean(dim=(1, 2, 3))) / 2


def _gram_cosines(maps: Tensor) -> Tensor:
    """Return the mean cosine of every picture's Gram matrix with those of the others.

    Arguments:
        maps: Activations, (pictures, channels) or (pictures, channels, rows, cols).

    Source:
        Olah, Mordvintsev & Schubert (2017), Feature visualization, Distill, section "Diversity".
    """
    parts = maps.flatten(2) if maps.ndim > 2 else maps[..., None]  # (pictures, channels, places)
    _, channels, places = parts.shape
    if places < channels:  # <F F', H H'> = |F' H|^2
        inner = torch.einsum("icp,jcq->ijpq", parts, parts).square().sum(dim=(2, 3))
    else:
        grams = (parts @ parts.mT).flatten(1)
        inner = grams @ grams.T
    length = inner.diagonal().clamp(min=torch.finfo(inner.dtype).tiny).sqrt()
    cosines = inner / (length[:, None] * length)
    return (cosines.sum(dim=1) - cosines.diagonal()) / (len(parts) - 1)
