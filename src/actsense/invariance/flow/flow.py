"""The invertible network t(latent | condition) = v, and back.

v is standard normal and independent of the condition, as far as the network has learned it: what
the condition leaves open of a latent.
"""

__all__ = ["Block", "Flow", "build_flow"]

import torch
from torch import Tensor, nn

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.invariance.flow.actnorm import ActNorm, measuring
from actsense.invariance.flow.coupling import Coupling
from actsense.invariance.flow.embedder import Embedding
from actsense.invariance.flow.likelihood import normal_log_prob
from actsense.invariance.flow.permutation import Permutation
from actsense.invariance.flow.settings import FlowSettings


class Block(nn.Module):
    """Normalisation, coupling and permutation.

    Arguments:
        order: Of the permutation, (latent,).
        embedding: Numbers in a condition, 0 for none.
        settings: See `FlowSettings`.
    """

    def __init__(self, order: Tensor, embedding: int, settings: FlowSettings) -> None:
        super().__init__()
        self.norm = ActNorm(len(order))
        self.coupling = Coupling(len(order), embedding, settings)
        self.permutation = Permutation(order)

    def forward(self, x: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return transformed latents, (batch, latent), and log-determinants, (batch,)."""
        h, log_det = self.coupling(self.norm(x), condition)
        return self.permutation(h), log_det + self.norm.log_det()

    def inverse(self, h: Tensor, condition: Tensor | None) -> Tensor:
        """Return the latents that give `h`, (batch, latent)."""
        return self.norm.inverse(self.coupling.inverse(self.permutation.inverse(h), condition))


class Flow(nn.Module):
    """A conditional flow; see `build_flow`.

    `forward`, `inverse` and `log_prob` take representations. Where one representation meets many
    latents, `embed` it once and repeat the embedding for `transform` and `restore`.

    Attributes:
        latent: Numbers in a latent.
        condition_shape: Shape of a representation; None for a flow without condition, which is
            given None in its place.
        settings: What it was built from.
    """

    def __init__(
        self, settings: FlowSettings, condition_shape: tuple[int, ...] | None, orders: Tensor
    ) -> None:
        super().__init__()
        self.settings, self.latent = settings, orders.shape[1]
        self.condition_shape = condition_shape
        self.embedding: Embedding | None = None
        size = 0
        if condition_shape is not None:
            size = settings.embedder.size or self.latent
            self.embedding = Embedding(condition_shape, size, settings.embedder)
        self.blocks = nn.ModuleList(Block(order, size, settings) for order in orders)

    def forward(self, latents: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """Transform latents to noise.

        Arguments:
            latents: (batch, latent).
            condition: Their representations, (batch, *condition_shape).

        Returns:
            v, (batch, latent), and log-determinants of the Jacobians, (batch,).

        Raises:
            ConfigError: If latents or representations have another shape.
        """
        return self.transform(latents, self.embed(condition))

    def inverse(self, v: Tensor, condition: Tensor | None) -> Tensor:
        """Return latents, (batch, latent), of noise and representations; errors as `forward`."""
        return self.restore(v, self.embed(condition))

    def log_prob(self, latents: Tensor, condition: Tensor | None) -> Tensor:
        """Return log-densities with all constants, nats, (batch,); errors as `forward`."""
        v, log_det = self.transform(latents, self.embed(condition))
        return normal_log_prob(v) + log_det

    def embed(self, condition: Tensor | None) -> Tensor | None:
        """Return what blocks are told of representations, (batch, embedding)."""
        if self.embedding is None and condition is not None:
            raise ConfigError("The flow has no condition; give it no representations.")
        if self.embedding is None or condition is None:
            if self.embedding is not None:
                raise ConfigError(
                    f"The flow needs representations, of shape {self.condition_shape} each."
                )
            return None
        embedded: Tensor = self.embedding(condition)
        return embedded

    def transform(self, latents: Tensor, embedded: Tensor | None) -> tuple[Tensor, Tensor]:
        """Transform latents as `forward` does, with what `embed` returned."""
        x, log_det = self._checked(latents), latents.new_zeros(len(latents))
        for block in self.blocks:
            x, gained = block(x, embedded)
            log_det = log_det + gained
        return x, log_det

    def restore(self, v: Tensor, embedded: Tensor | None) -> Tensor:
        """Return latents as `inverse` does, with what `embed` returned."""
        x = self._checked(v)
        for block in reversed(self.blocks):
            assert isinstance(block, Block)
            x = block.inverse(x, embedded)
        return x

    @torch.no_grad()
    def initialise(self, latents: Tensor, condition: Tensor | None) -> None:
        """Set all normalisations by a batch of two or more, so that v begins standardised."""
        training = self.training
        self.eval()  # without noise
        with measuring(self):
            self(latents, condition)
        self.train(training)

    def _checked(self, latents: Tensor) -> Tensor:
        if latents.ndim != 2 or latents.shape[1] != self.latent:
            raise ConfigError(
                f"The flow is of latents of {self.latent} numbers, (batch, {self.latent}); got "
                f"{tuple(latents.shape)}. Give those of the autoencoder that it was trained with."
            )
        return latents


def build_flow(
    settings: FlowSettings, latent: int, condition_shape: tuple[int, ...] | None, *, seed: int = 0
) -> Flow:
    """Build a flow with random weights.

    Its last layers are zero: until it is trained it only normalises and permutes.

    Arguments:
        settings: See `FlowSettings`.
        latent: Numbers in a latent, even.
        condition_shape: Shape of a representation: (channels,) or (channels, rows, columns); None
            for a flow without condition.
        seed: Of weights and permutations.

    Raises:
        ConfigError: If the latent is odd, or representations cannot be embedded.
    """
    if latent < 2 or latent % 2:
        raise ConfigError(
            f"A flow couples two halves of a latent, which has {latent} numbers. Give the "
            "autoencoder an even number of them."
        )
    draws = stream(seed, "weights and permutations of a flow")
    orders = torch.from_numpy(draws.permuted([[*range(latent)]] * settings.blocks, axis=1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(draws.integers(2**63)))
        return Flow(settings, condition_shape, orders)
