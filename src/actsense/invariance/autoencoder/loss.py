"""What the training of an autoencoder makes small.

For a batch of images x and their reconstructions y,

    r    = mean |x - y| + w_p * distance of what another network sees in x and y
    fit  = r exp(-s) + s                     s is learned: the logarithm of a typical r
    loss = fit + w_d * KL(latents || normal) + g * (- mean logit of the adversary on y)
    g    = w_a * |gradient of fit| / |gradient of the last term|, at the last layer

with means over pixels, and the divergence in nats per image. g is 0 before the adversary starts.
"""

__all__ = ["AutoencoderLoss", "divergence"]

import math

import torch
from torch import Tensor, nn

from actsense.invariance.autoencoder.adversary import Critic
from actsense.invariance.autoencoder.architectures import Autoencoder
from actsense.invariance.autoencoder.perceptual import Perceptual
from actsense.invariance.autoencoder.settings import AutoencoderSettings

TINY, LARGEST = 1e-4, 1e4  # as published: added to a gradient's length; the largest g / w_a


class AutoencoderLoss(nn.Module):
    """The loss, with all that is learned for its sake and dropped in the end.

    Arguments:
        autoencoder: What is trained.
        perceptual: The distance of what another network sees, if there is one.
        settings: The weights.
        steps: Steps of the whole training.

    Attributes:
        scale: s, ().

    Source:
        Esser, Rombach & Ommer (2020), A disentangling invertible interpretation network, CVPR; the
        weight of the adversary: Esser, Rombach & Ommer (2021), Taming transformers, CVPR.
    """

    passed: Tensor

    def __init__(
        self,
        autoencoder: Autoencoder,
        perceptual: Perceptual | None,
        settings: AutoencoderSettings,
        *,
        steps: int,
    ) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(()))
        self.critic = None if settings.adversary is None else Critic(settings.adversary)
        self.register_buffer("passed", torch.zeros((), dtype=torch.int64))
        # A tuple hides the module, whose state is kept elsewhere.
        self._hidden, self._settings = (autoencoder, perceptual), settings
        self._start = math.ceil(settings.adversary.start * steps) if settings.adversary else steps

    def forward(self, images: Tensor) -> Tensor:
        """Return the loss of images in [0, 1], (batch, 3, side, side); the critic learns, too."""
        autoencoder, _ = self._hidden
        mean, log_variance = autoencoder.encode(images)
        latents = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        made = autoencoder.decode(latents)
        fit = self.misfit(images, made) * (-self.scale).exp() + self.scale
        loss = fit + self._settings.divergence * divergence(mean, log_variance).mean()
        if self.critic is not None and self.passed >= self._start:
            self.critic.learn(images, made)
            doubt = self.critic.doubt(made)
            loss = loss + self._balance(fit, doubt, autoencoder.last) * doubt
        self.passed += 1
        return loss

    def misfit(self, images: Tensor, made: Tensor) -> Tensor:
        """Return r, ()."""
        _, perceptual = self._hidden
        pixels = (images - made).abs().mean()
        if perceptual is None or not self._settings.perceptual:
            return pixels
        return pixels + self._settings.perceptual * perceptual(images, made)

    def _balance(self, fit: Tensor, doubt: Tensor, last: Tensor) -> Tensor:
        """Return g, ()."""
        assert self._settings.adversary is not None
        lengths = [torch.autograd.grad(x, last, retain_graph=True)[0].norm() for x in (fit, doubt)]
        ratio = (lengths[0] / (lengths[1] + TINY)).clamp(0, LARGEST)
        balance: Tensor = ratio * self._settings.adversary.weight
        return balance


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) || N(0, 1)), summed over latents, (batch,) in nats."""
    return (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2
