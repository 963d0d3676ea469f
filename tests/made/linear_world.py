"""A world in which all that a layer keeps is known: Gaussian latents, and linear maps alone.

Latents w are normal with a diagonal covariance; an image is 1/2 + w / 100, pixel by pixel; a layer
says three sums of pixels, which two classes are told from. What remains of w when these are known
is normal, and its covariance a closed form.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from opened import opened
from torch import Tensor, nn

from actsense.networks.network import Network
from actsense.networks.subject import Subject

SIDE, LATENT, SAID = 2, 12, 3
SCALE = 0.01  # of a latent in an image: these stay in [0, 1]
VARIANCE = np.linspace(0.2, 3.0, LATENT)


@dataclass(frozen=True)
class LinearWorld:
    """Encoder, decoder and sampler without a fault, and a network to look at the images."""

    weight: NDArray[np.float64]  # what the layer says of an image, (SAID, LATENT)
    bias: NDArray[np.float64]  # (SAID,)
    latent: int = LATENT

    @property
    def shown(self) -> NDArray[np.float64]:
        """What the layer says of a latent, but for a constant, (SAID, LATENT)."""
        return self.weight * SCALE

    @property
    def gain(self) -> NDArray[np.float64]:
        """Mean of the latent given what the layer says, (LATENT, SAID)."""
        cross = np.diag(VARIANCE) @ self.shown.T
        return cross @ np.linalg.inv(self.shown @ cross)

    @property
    def conditional(self) -> NDArray[np.float64]:
        """Covariance of the latent given what the layer says, (LATENT, LATENT)."""
        return np.diag(VARIANCE) - self.gain @ self.shown @ np.diag(VARIANCE)

    def latents(self, count: int, seed: int = 0) -> NDArray[np.float32]:
        """Draw latents, (count, LATENT)."""
        drawn = np.random.default_rng(seed).normal(size=(count, LATENT)) * np.sqrt(VARIANCE)
        return drawn.astype(np.float32)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return latents of images, and that they are almost certain."""
        latents = (images.flatten(1) - 0.5) / SCALE
        return latents, torch.full_like(latents, -20)

    def decode(self, latents: Tensor) -> Tensor:
        """Return images of latents."""
        return (0.5 + SCALE * latents).view(-1, 3, SIDE, SIDE)

    def embed(self, condition: Tensor) -> Tensor:
        """Return the mean of latents that the layer says this of."""
        said = condition.double() - torch.from_numpy(self.bias + 0.5 * self.weight.sum(axis=1))
        return said @ torch.from_numpy(self.gain).T

    def restore(self, v: Tensor, embedded: Tensor) -> Tensor:
        """Return a latent around that mean."""
        values, vectors = np.linalg.eigh(self.conditional)
        root = vectors * np.sqrt(values.clip(min=0))
        return (embedded + v.double() @ torch.from_numpy(root).T).float()

    def transform(self, latents: Tensor, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is left of latents around that mean; what cannot vary is left at zero."""
        values, vectors = np.linalg.eigh(self.conditional)
        scale = np.where(values > 1e-9, 1 / np.sqrt(values.clip(min=1e-9)), 0)
        v = (latents.double() - embedded) @ torch.from_numpy(vectors * scale)
        return v.float(), torch.zeros(len(v))

    def subject(self, batch_size: int = 7) -> Subject:
        """Open the network; `said` is the layer."""
        said, classes = nn.Linear(LATENT, SAID), nn.Linear(SAID, 2)
        with torch.no_grad():
            said.weight.copy_(torch.from_numpy(self.weight))
            said.bias.copy_(torch.from_numpy(self.bias))
            # The first of the sums, against what it is in the middle.
            classes.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 0, 0]]))
            middle = float(self.bias[0] + 0.5 * self.weight[0].sum())
            classes.bias.copy_(torch.tensor([-middle, 0.0]))
        module = nn.Sequential(OrderedDict(flat=nn.Flatten(), said=said, classes=classes))
        network = Network("linear", module.eval(), (0.0,) * 3, (1.0,) * 3, SIDE, None)
        return opened(network, SIDE, batch_size=batch_size)

    def said(self, latents: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the layer says of the images of latents, (images, SAID)."""
        centred = latents.astype(np.float64) @ self.shown.T
        return (centred + self.bias + 0.5 * self.weight.sum(axis=1)).astype(np.float32)

    def predicted(self, latents: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the class of the images of latents, (images,)."""
        return np.where(latents.astype(np.float64) @ self.shown[0] > 0, 0, 1)


def linear_world(seed: int = 0) -> LinearWorld:
    """Draw what the layer says."""
    generator = np.random.default_rng(seed)
    return LinearWorld(generator.normal(size=(SAID, LATENT)), generator.normal(size=SAID))
