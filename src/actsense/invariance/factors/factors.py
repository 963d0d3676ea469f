"""Latents as concepts: e(latent) = (e_1, ..., e_K, residual), and back."""

__all__ = ["Factors", "Invertible", "open_factors", "save_factors"]

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from actsense.errors import ConfigError
from actsense.invariance.factors.pairs import check_part
from actsense.invariance.factors.sizes import checked_sizes
from actsense.invariance.flow.flow import Flow
from actsense.invariance.flow.opening import open_flow, save_flow
from actsense.networks.state import read_tensors


class Invertible(Protocol):
    """What turns latents into noise and back, such as a `Flow` without condition."""

    latent: int

    def transform(self, latents: Tensor, embedded: None, /) -> tuple[Tensor, Tensor]:
        """Return noise, (n, latent), and log-determinants, (n,)."""

    def restore(self, v: Tensor, embedded: None, /) -> Tensor:
        """Return latents, (n, latent)."""


@dataclass(frozen=True)
class Factors:
    """A flow whose noise falls into named parts.

    Arguments:
        flow: From latents to noise, to be evaluated.
        sizes: Numbers of every part, in their order, the residual last.

    Raises:
        ConfigError: If the sizes are not those of the flow's latents.
    """

    flow: Invertible
    sizes: Mapping[str, int]

    def __post_init__(self) -> None:
        checked_sizes(self.sizes, self.flow.latent)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parts, the residual last."""
        return tuple(self.sizes)

    def place(self, name: str) -> slice:
        """Return which numbers are those of a part.

        Raises:
            ConfigError: If there is no such part.
        """
        check_part(name, self.names)
        start = sum([*self.sizes.values()][: self.names.index(name)])
        return slice(start, start + self.sizes[name])

    @torch.no_grad()
    def encode(self, latents: Tensor) -> Tensor:
        """Return all parts of latents side by side, (n, latent)."""
        return self.flow.transform(latents, None)[0]

    @torch.no_grad()
    def restore(self, e: Tensor) -> Tensor:
        """Return latents, (n, latent), of all parts side by side."""
        return self.flow.restore(e, None)

    def split(self, latents: Tensor) -> dict[str, Tensor]:
        """Return the parts of latents, (n, size) each."""
        e = self.encode(latents)
        return {name: e[:, self.place(name)] for name in self.names}

    def joined(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Return the latents, (n, latent), of parts that `split` returned, in any order.

        Raises:
            ConfigError: If there is another part than these, or one is missing.
        """
        for name in parts:
            check_part(name, self.names)
        for name in self.names:
            check_part(name, [*parts])
        return self.restore(torch.cat([parts[name] for name in self.names], dim=1))

    def replaced(self, latents: Tensor, name: str, values: Tensor) -> Tensor:
        """Return latents one part of which is another.

        Arguments:
            latents: (n, latent).
            name: The part.
            values: What it becomes, (n, size).

        Raises:
            ConfigError: If there is no such part, or it has another size.
        """
        place, e = self.place(name), self.encode(latents)
        if values.shape != e[:, place].shape:
            raise ConfigError(
                f"The factor `{name}` of these latents has shape {tuple(e[:, place].shape)}; got "
                f"{tuple(values.shape)}."
            )
        e[:, place] = values
        return self.restore(e)


def save_factors(factors: Factors, path: Path) -> None:
    """Write factors, beside the file and into place, with checksums.

    Raises:
        ValueError: If their flow is not a `Flow`.
    """
    if not isinstance(factors.flow, Flow):
        raise ValueError(f"Factors of a Flow can be saved; got {type(factors.flow).__name__}.")
    save_flow(factors.flow, path, beside={"sizes": dict(factors.sizes)})


def open_factors(path: Path, *, device: torch.device) -> Factors:
    """Read factors that `save_factors` wrote, to be evaluated.

    Raises:
        ConfigError: If the file is missing, damaged, or holds no factors.
    """
    flow = open_flow(path, device=device)
    sizes = read_tensors(path).get("sizes")
    if not isinstance(sizes, dict):
        raise ConfigError(f"{path}: a flow without factors. Run the rule that trains factors.")
    return Factors(flow, sizes)
