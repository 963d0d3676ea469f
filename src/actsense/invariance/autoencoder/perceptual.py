"""What another network sees in an image and not in its reconstruction."""

__all__ = ["Features", "Perceptual", "subject_features"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from actsense.networks.subject import Subject

# From images in [0, 1], (batch, 3, side, side), to what layers say, (batch, channels, ...) each.
Features = Callable[[Tensor], Sequence[Tensor]]

TINY = 1e-6  # a standard deviation that is none


def subject_features(subject: Subject, layers: Sequence[str]) -> Features:
    """Return what layers of an opened network compute, behind its own normalisation.

    Arguments:
        subject: The network: none of those whose invariances are asked for, or reconstructions
            would be made to please it.
        layers: Its layers.
    """
    tap = subject.tap(layers)
    return lambda images: [*tap(images).values()]


@dataclass(frozen=True)
class Perceptual:
    """A distance of images: the mean difference of features, in their standard deviations.

    Arguments:
        features: Gives the features.
        scales: One over the standard deviation of every channel, by layer, (channels, 1, ...); 0
            for a channel that never changes.
    """

    features: Features
    scales: tuple[Tensor, ...]

    @classmethod
    @torch.no_grad()
    def measured(cls, features: Features, images: Tensor) -> "Perceptual":
        """Measure the scales on some images, (images, 3, side, side) in [0, 1]."""
        return cls(features, tuple(map(_scale, features(images))))

    def __call__(self, images: Tensor, made: Tensor) -> Tensor:
        """Return the mean distance, (), of images and what was made of them.

        Arguments:
            images: Images in [0, 1], (batch, 3, side, side).
            made: As many others, through which the way back leads.
        """
        with torch.no_grad():
            wanted = self.features(images)
        triples = zip(self.features(made), wanted, self.scales, strict=True)
        found = [((one - other).abs() * scale).mean() for one, other, scale in triples]
        return torch.stack(found).mean()


def _scale(features: Tensor) -> Tensor:
    channels = features.transpose(0, 1).flatten(1)  # (channels, images * places)
    spread = channels.double().std(dim=1)
    scale = torch.where(spread > TINY, 1 / spread, 0).to(features)
    return scale.reshape(-1, *[1] * (features.ndim - 2))
