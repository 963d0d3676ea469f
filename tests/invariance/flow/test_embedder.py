"""The embedder: published sizes, standardisation, noise, what it cannot embed."""

import pytest
import torch
from flows import SMALL, normal
from torch import nn

from actsense.errors import ConfigError
from actsense.invariance.flow.embedder import Embedding, halvings
from actsense.invariance.flow.flow import build_flow
from actsense.invariance.flow.settings import Embedder

# Side of a map: how often it is halved, and what is then read as a whole.
TABLE = {224: (5, 7), 56: (4, 3), 28: (3, 3), 14: (2, 3), 13: (2, 3), 7: (1, 3)}
# Length of a vector: depth, size, and the widths between.
VECTORS = {
    2048: (6, 128, [1664, 1280, 896, 512]),
    149: (4, 128, [142, 135]),
    10: (4, 128, [49, 88]),
    4096: (4, 128, [2773, 1450]),
    1000: (4, 128, [709, 418]),
    2047: (4, 268, [1454, 861]),
}


@pytest.mark.parametrize(("side", "expected"), TABLE.items())
def test_maps_are_halved_as_published(side: int, expected: tuple[int, int]) -> None:
    with torch.device("meta"):
        embedding = Embedding((3, side, side), 128, Embedder())
    kernels = [part for part in embedding.network if isinstance(part, nn.Conv2d)]
    assert (len(kernels) - 1, kernels[-1].kernel_size[0]) == expected
    assert [k.out_channels for k in kernels[:-1]] == [64, 128, 256, 512, 1024][: expected[0]]
    assert all(k.kernel_size == (4, 4) and k.bias is None for k in kernels[:-1])


@pytest.mark.parametrize(("length", "expected"), VECTORS.items())
def test_vectors_are_narrowed_as_published(
    length: int, expected: tuple[int, int, list[int]]
) -> None:
    depth, size, widths = expected
    with torch.device("meta"):
        network = Embedding((length,), size, Embedder(depth=depth)).network
    found = [part.out_features for part in network if isinstance(part, nn.Linear)]
    assert found == [*widths, size]
    assert isinstance(network[-1], nn.Linear)


def test_widths_and_halvings_can_be_given() -> None:
    dense = Embedding((9,), 2, Embedder(widths=(5, 7))).network
    assert [part.out_features for part in dense if isinstance(part, nn.Linear)] == [5, 7, 2]
    whole = Embedding((3, 4, 6), 2, Embedder(halvings=0)).network
    assert [part.kernel_size for part in whole if isinstance(part, nn.Conv2d)] == [(4, 6)]
    few = Embedding((3, 8, 8), 2, Embedder(halvings=2, channels=4, channels_most=5)).network
    assert [part.out_channels for part in few if isinstance(part, nn.Conv2d)] == [4, 5, 2]


@pytest.mark.parametrize("sides", [(2, 2), (3, 2), (4, 4), (5, 4)])
def test_small_maps_are_halved_once(sides: tuple[int, int]) -> None:
    assert halvings(sides) == 1
    assert Embedding((3, *sides), 2, Embedder())(torch.zeros(2, 3, *sides)).shape == (2, 2)


def test_wide_maps_are_halved_until_both_sides_are_short() -> None:
    assert halvings((7, 28)) == 3


@pytest.mark.parametrize("shape", [(3,), (3, 4, 5)])
def test_scale_and_offset_of_a_channel_do_not_matter(shape: tuple[int, ...]) -> None:
    embedding = Embedding(shape, 4, SMALL.embedder).double()
    z, places = normal(6, *shape), [1] * (len(shape) - 1)
    mean, std = torch.tensor([5.0, -1, 100]), torch.tensor([0.1, 2, 30])
    plain = embedding(z)
    embedding.standardise_by(mean, std)
    torch.testing.assert_close(
        embedding(z * std.view(-1, *places) + mean.view(-1, *places)), plain
    )


def test_a_dead_channel_stays_finite() -> None:
    embedding = Embedding((2,), 4, Embedder())
    embedding.standardise_by(torch.tensor([0.0, 1]), torch.tensor([0.0, 2]))
    assert embedding(torch.tensor([[0.0, 1], [0, 5]])).isfinite().all()


def test_noise_is_drawn_in_training_alone_and_in_standard_deviations() -> None:
    embedding = Embedding((2,), 2, Embedder(noise=0.5, widths=())).double()
    (line,) = [part for part in embedding.network if isinstance(part, nn.Linear)]
    with torch.no_grad():
        line.weight.copy_(torch.eye(2))
        line.bias.zero_()
    embedding.standardise_by(torch.zeros(2), torch.tensor([10.0, 0.1]))
    z = torch.zeros(4000, 2, dtype=torch.float64)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        noisy = embedding(z)
    torch.testing.assert_close(noisy.std(dim=0), torch.full_like(noisy[0], 0.5), rtol=0.05, atol=0)
    assert not embedding.eval()(z).any()


@pytest.mark.parametrize("shape", [(), (4, 4), (2, 3, 4, 5), (0,)])
def test_other_shapes_cannot_condition(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"cannot condition a flow\. Allowed: a vector"):
        build_flow(SMALL, 6, shape)


def test_maps_that_are_halved_to_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="halvings: 3 leave nothing of maps of 4x9 places"):
        Embedding((3, 4, 9), 2, Embedder(halvings=3))
