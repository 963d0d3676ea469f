"""Networks entered and left at their layers."""

import operator
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from actsense.errors import ConfigError
from actsense.networks.graph import LayerGraph
from actsense.networks.network import Network


def network(module: nn.Module) -> Network:
    module.eval().requires_grad_(False)
    return Network("own", module, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), None, None)


NETWORKS = {
    "alexnet": (models.alexnet, ["features.2", "features.5", "avgpool", "classifier.2"]),
    "vgg11": (models.vgg11, ["features.2", "features.15", "avgpool"]),
    "resnet18": (models.resnet18, ["maxpool", "layer1", "layer2", "layer3", "avgpool"]),
    "densenet121": (models.densenet121, ["features.pool0", "features.transition1"]),
    "mobilenet_v3_small": (models.mobilenet_v3_small, ["features.0", "features.5"]),
}


@pytest.fixture(scope="module", params=NETWORKS)
def traced(request: pytest.FixtureRequest) -> tuple[nn.Module, LayerGraph]:
    build, layers = NETWORKS[request.param]
    torch.manual_seed(0)
    own = network(build(weights=None))
    return own.module, LayerGraph(own, layers, images())


def images(count: int = 2) -> Tensor:
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def recorded(module: nn.Module, layer: str, batch: Tensor) -> Tensor:
    found: list[Tensor] = []
    hook = module.get_submodule(layer).register_forward_hook(lambda _m, _i, out: found.append(out))
    module(batch)
    hook.remove()
    return found[0]


def test_head_and_tail_are_the_network(traced: tuple[nn.Module, LayerGraph]) -> None:
    module, graph = traced
    for layer in graph.layers:
        values = graph.head(images(), layer)
        torch.testing.assert_close(graph.tail(values, layer, {}), module(images()), rtol=0, atol=0)
        # Values are left as they were: what lies before the layer serves any number of tails.
        torch.testing.assert_close(graph.tail(values, layer, {}), module(images()), rtol=0, atol=0)


def test_what_is_entered_at_is_the_output_of_the_module(
    traced: tuple[nn.Module, LayerGraph],
) -> None:
    module, graph = traced
    for layer in graph.layers:
        value = graph.head(images(), layer)[graph.output(layer)]
        torch.testing.assert_close(value, recorded(module, layer, images()), rtol=0, atol=0)


def test_edits_do_what_hooks_do(traced: tuple[nn.Module, LayerGraph]) -> None:
    module, graph = traced
    hooks = [
        module.get_submodule(layer).register_forward_hook(lambda _m, _i, out: 0.7 * out)
        for layer in graph.layers
    ]
    expected = module(images())
    for hook in hooks:
        hook.remove()
    edits = {layer: lambda out: 0.7 * out for layer in graph.layers}
    values = graph.head(images(), graph.layers[0])
    torch.testing.assert_close(graph.tail(values, graph.layers[0], edits), expected)


def test_a_segment_alone_gives_what_it_gives_in_place(
    traced: tuple[nn.Module, LayerGraph],
) -> None:
    module, graph = traced
    for start, stop in zip((None, *graph.layers), graph.layers, strict=False):
        first = images() if start is None else recorded(module, start, images())
        steps = graph.segment(start, stop)
        source = graph.images if start is None else graph.output(start)
        values = {source: first}
        for step in steps:
            values[step] = graph.step(step, values)
        torch.testing.assert_close(
            values[graph.output(stop)], recorded(module, stop, images()), rtol=0, atol=0
        )


def test_layers_are_in_the_order_of_execution() -> None:
    graph = LayerGraph(
        network(models.resnet18(weights=None)), ["layer3", "maxpool", "layer1"], images()
    )
    assert graph.layers == ("maxpool", "layer1", "layer3")


class Changing(nn.Module):
    """A network that changes the output of a layer in place."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.change = nn.Conv2d(3, 3, 1), change

    def forward(self, batch: Tensor) -> Tensor:
        """Change what the layer returned."""
        return self.change(self.first(batch)).mean(dim=(2, 3))


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "operator": lambda out: operator.iadd(out, 1),
    "function": lambda out: functional.leaky_relu(out, 0.5, inplace=True),
    "method": lambda out: out.mul_(2),
    "module": nn.LeakyReLU(0.5, inplace=True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_in_place_leave_the_values_of_other_tails_alone(change: str) -> None:
    module = Changing(CHANGES[change])
    expected = module(images())
    graph = LayerGraph(network(module), ["first"], images())
    values = graph.head(images(), "first")
    for _ in range(2):
        torch.testing.assert_close(graph.tail(values, "first", {}), expected, rtol=0, atol=0)


def test_a_module_and_the_last_one_inside_it_are_both_edited() -> None:
    inner = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 1)), nn.Flatten())
    graph = LayerGraph(network(inner), ["0", "0.0"], images())
    values = graph.head(images(), "0")
    edits = {"0": lambda out: 2 * out, "0.0": lambda out: 3 * out}
    torch.testing.assert_close(graph.tail(values, "0", edits), 6 * inner(images()))


class Bypass(nn.Module):
    """A layer with a way around it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 1), nn.Identity()

    def forward(self, batch: Tensor) -> Tensor:
        """Add what went around."""
        return self.second(self.first(batch) + batch).mean(dim=(2, 3))


def test_a_bypassed_layer_is_no_start_of_a_segment() -> None:
    graph = LayerGraph(network(Bypass()), ["first", "second"], images())
    with pytest.raises(ConfigError, match="'second' does not depend on 'first' alone"):
        graph.segment("first", "second")


def test_untraceable_and_unknown_are_refused() -> None:
    class Choosing(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            return batch if batch.sum() > 0 else -batch

    with pytest.raises(ConfigError, match=r"networks\.own: its steps cannot be listed"):
        LayerGraph(network(Choosing()), [], images())
    with pytest.raises(ConfigError, match="'third' is not among its steps"):
        LayerGraph(network(Bypass()), ["third"], images())
