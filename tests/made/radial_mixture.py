"""Vectors drawn from a radial mixture that is known, and features that hold them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from actsense.draws import stream
from actsense.patterns.radial import concentration, posterior
from actsense.patterns.von_mises_fisher import draw_von_mises_fisher


@dataclass(frozen=True)
class RadialMixture:
    """What was drawn, and what it was drawn from."""

    prior: Tensor  # (classes,)
    directions: Tensor  # at least 40 degrees apart, (classes, axes)
    labels: Tensor  # (vectors,)
    vectors: Tensor  # (vectors, axes)

    @property
    def target(self) -> Tensor:
        """What the vectors say of the classes, (vectors, classes)."""
        return posterior(self.vectors, self.directions, self.prior)

    def features(self, width: int = 64, noise: float = 0.01) -> Tensor:
        """Return the vectors turned into a space of more dimensions, with noise in all of them."""
        numbers = stream(0, "features that hold vectors of a radial mixture")
        lift, _ = np.linalg.qr(numbers.normal(size=(width, self.vectors.shape[1])))
        turned = self.vectors @ torch.from_numpy(lift).T
        return turned + noise * torch.from_numpy(numbers.normal(size=turned.shape))


def draw_radial_mixture(
    vectors: int, *, classes: int = 5, axes: int = 3, seed: int = 0
) -> RadialMixture:
    """Draw a mixture, then lengths with a Gamma distribution, then directions."""
    numbers = stream(seed, "vectors of a radial mixture")
    directions = _apart(classes, axes, numbers)
    prior = numbers.dirichlet(np.full(classes, 8.0))
    labels = numbers.choice(classes, size=vectors, p=prior)
    length = numbers.gamma(4, 0.5, size=vectors)
    kappa = concentration(torch.from_numpy(length), axes=axes).numpy()
    drawn = draw_von_mises_fisher(directions[labels], kappa, numbers)
    made = (prior, directions, labels, length[:, None] * drawn)
    return RadialMixture(*(torch.from_numpy(part) for part in made))


def _apart(classes: int, axes: int, numbers: np.random.Generator) -> np.ndarray:
    found = np.empty((0, axes))
    while len(found) < classes:
        one = numbers.normal(size=axes)
        one /= np.linalg.norm(one)
        if len(found) == 0 or (found @ one).max() < np.cos(np.deg2rad(40)):
            found = np.vstack([found, one])
    return found
