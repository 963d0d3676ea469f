"""Logits that are the mean of what small windows say."""

import pytest
import torch
from torch import Tensor

from actsense.errors import ConfigError
from actsense.networks.bag import RECEPTIVE_FIELDS, BagNetwork
from actsense.networks.graph import LayerGraph
from actsense.networks.layers import lay_out
from actsense.networks.network import Network, build_module
from actsense.networks.settings import Trained


def bag(side: int) -> BagNetwork:
    """Return a bag with random weights and lively batch statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(side)
        module = BagNetwork(4, width=2, receptive_field=side)
        for _ in range(30):  # until running statistics are those of such images
            module(torch.randn(4, 3, 37, 37))
    return module.eval().requires_grad_(False)


def images(count: int, *size: int) -> Tensor:
    return torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("side", RECEPTIVE_FIELDS)
def test_logits_are_the_mean_of_the_evidence(side: int) -> None:
    module, batch = bag(side), images(3, 45, 52)
    evidence = module.evidence(batch)
    torch.testing.assert_close(module(batch), evidence.mean(dim=(2, 3)), rtol=0, atol=0)
    assert evidence.flatten(2).std(dim=2).min() > 1e-3  # windows differ


@pytest.mark.parametrize("side", RECEPTIVE_FIELDS)
@pytest.mark.parametrize("size", [33, 34, 40, 47])
def test_there_are_as_many_windows_as_counted(side: int, size: int) -> None:
    module = bag(side)
    rows, columns = module.evidence(images(1, size, 49)).shape[2:]
    assert (rows, columns) == (module.windows.count(size), module.windows.count(49))


@pytest.mark.parametrize("side", RECEPTIVE_FIELDS)
def test_evidence_depends_on_its_window_and_on_all_of_it(side: int) -> None:
    module, batch = bag(side), images(40, 49, 49).requires_grad_()
    row, column = 1, 2
    (gradient,) = torch.autograd.grad(module.evidence(batch)[:, :, row, column].sum(), batch)
    seen = gradient.abs().sum(dim=(0, 1)) > 0
    expected = torch.zeros_like(seen)
    top, left = row * module.windows.jump, column * module.windows.jump
    expected[top : top + side, left : left + side] = True
    assert torch.equal(seen, expected)


def test_evidence_is_that_of_the_window_alone() -> None:
    module, batch = bag(9), images(5, 32, 32)
    evidence, jump = module.evidence(batch), module.windows.jump
    for row, column in ((0, 0), (3, 7), (11, 11)):
        top, left = row * jump, column * jump
        window = batch[:, :, top : top + 9, left : left + 9]
        torch.testing.assert_close(module(window), evidence[:, :, row, column])


def test_layers_are_chosen_after_activation_functions() -> None:
    layers = lay_out(build_module("net", Trained(architecture="bag"), classes=10), "auto", 32)
    assert [(layer.name, layer.shape) for layer in layers] == [
        ("features.stem", (8, 30, 30)),
        ("features.stage1", (16, 14, 14)),
        ("features", (32, 12, 12)),
        ("probabilities", (10,)),
    ]
    assert layers[-2].stop == 14_944


def test_its_steps_can_be_listed() -> None:
    module, batch = bag(9), images(2, 32, 32)
    network = Network("net", module, (0.0,) * 3, (1.0,) * 3, 32, None)
    graph = LayerGraph(network, ["features.stem", "features.stage1", "features"], batch)
    for layer in graph.layers:
        logits = graph.tail(graph.head(batch, layer), layer, {})
        torch.testing.assert_close(logits, module(batch), rtol=0, atol=0)


def test_other_windows_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"receptive_field: 7 .* Allowed: 5, 9, 17, 33"):
        BagNetwork(4, receptive_field=7)


def test_images_smaller_than_a_window_are_refused() -> None:
    with pytest.raises(ConfigError, match="does not accept images of 32x32"):
        lay_out(bag(33), "auto", 32)
