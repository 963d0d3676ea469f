"""The adversary of an autoencoder: a small network that looks at patches of images."""

__all__ = ["Critic"]

from copy import deepcopy
from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

from actsense.invariance.autoencoder.settings import Adversary

BETAS = (0.5, 0.9)  # of Adam, as published
SLOPE = 0.2  # of the leaky units below zero
LAYERS = 3  # that double the channels, as published


class Critic(nn.Module):
    """Tells patches of images from patches of reconstructions, and learns it on the way.

    The state of its optimiser is part of its own.

    Arguments:
        settings: Its settings.

    Source:
        Isola, Zhu, Zhou & Efros (2017), Image-to-image translation with conditional adversarial
        networks, CVPR: a PatchGAN of three layers.
    """

    def __init__(self, settings: Adversary) -> None:
        super().__init__()
        self.network = _patches(settings.width)
        self._optimiser = Adam(self.parameters(), settings.learning_rate, betas=BETAS)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits for "an image" of every patch, (batch, 1, rows, columns).

        Arguments:
            images: Images in [0, 1], (batch, 3, side, side).
        """
        found: Tensor = self.network(2 * images - 1)
        return found

    def learn(self, images: Tensor, made: Tensor) -> None:
        """Take one step towards telling images from what was made of them."""
        real, fake = self(images), self(made.detach())
        loss = (functional.softplus(-real).mean() + functional.softplus(fake).mean()) / 2
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()

    def doubt(self, made: Tensor) -> Tensor:
        """Return how little images are taken for real, (), without a way back to the critic."""
        self.requires_grad_(False)
        try:
            doubt: Tensor = -self(made).mean()
            return doubt
        finally:
            self.requires_grad_(True)

    def get_extra_state(self) -> Any:
        """Return the state of the optimiser, tensors and plain values."""
        return self._optimiser.state_dict()

    def set_extra_state(self, state: Any) -> None:
        """Take over the state of the optimiser."""
        self._optimiser.load_state_dict(deepcopy(state))  # or both would change it


def _patches(width: int) -> nn.Sequential:
    parts: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
    for k in range(LAYERS):
        stride = 2 if k < LAYERS - 1 else 1
        inputs, outputs = width * 2**k, width * 2 ** (k + 1)
        parts += [nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1, bias=False)]
        parts += [nn.BatchNorm2d(outputs), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*parts, nn.Conv2d(width * 2**LAYERS, 1, 4, padding=1))
