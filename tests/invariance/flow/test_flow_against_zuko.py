"""The same transformations put together from those of zuko give the same numbers."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from flows import SMALL, normal, shaken
from torch import Tensor
from torch.distributions import AffineTransform, Distribution, Independent, Normal

from actsense.invariance.flow.coupling import Coupling
from actsense.invariance.flow.flow import Flow


@pytest.fixture
def zuko() -> Iterator[Any]:
    """Import the library, which switches off checks of all distributions."""
    import zuko

    yield zuko
    Distribution.set_default_validate_args(value=__debug__)


def transforms(zuko: Any, flow: Flow, c: Tensor) -> Any:
    """Compose blocks from shifts, scales, couplings by masks, and permutations."""
    made: list[Any] = []
    half = flow.latent // 2
    mask = torch.arange(flow.latent) < half
    swapped = torch.cat([torch.arange(half, flow.latent), torch.arange(half)])
    for block in flow.blocks:
        norm, coupling = block.norm, block.coupling
        assert isinstance(coupling, Coupling)
        scale = norm.log_scale.exp()

        def told(half: Any) -> Any:
            def meta(other: Tensor) -> AffineTransform:
                log_scale, shift = half(other, c)
                return AffineTransform(shift, log_scale.exp(), event_dim=1)

            return meta

        made += [
            AffineTransform(norm.shift * scale, scale, event_dim=1),
            zuko.transforms.CouplingTransform(told(coupling.first), mask),
            zuko.transforms.CouplingTransform(told(coupling.second), ~mask),
            zuko.transforms.PermutationTransform(swapped),
            zuko.transforms.PermutationTransform(block.permutation.order),
        ]
    return zuko.transforms.ComposedTransform(*made)


@torch.no_grad()
def test_noise_latents_and_densities_are_those_of_zuko(zuko: Any) -> None:
    flow = shaken(6, (7,), SMALL, size=0.3)
    x, z = normal(30, 6), normal(30, 7, seed=1)
    c = flow.embed(z)
    assert c is not None
    peer = transforms(zuko, flow, c)
    v, log_det = flow(x, z)
    own, theirs = peer.call_and_ladj(x)
    torch.testing.assert_close(v, own)
    torch.testing.assert_close(log_det, theirs)
    torch.testing.assert_close(flow.inverse(x, z), peer.inv(x))

    plain = Independent(Normal(torch.zeros(6).double(), torch.ones(6).double()), 1)
    density = zuko.distributions.NormalizingFlow(peer, plain.expand((30,)))
    torch.testing.assert_close(flow.log_prob(x, z), density.log_prob(x))
