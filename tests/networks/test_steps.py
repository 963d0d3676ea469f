"""Changes in place, made explicit: steps that can be run again are the untouched network."""

import operator
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from actsense.networks.graph import LayerGraph
from actsense.networks.network import Network


class Body(nn.Module):
    """Three layers, and something that is done with the output of the first, `x`, between them."""

    def __init__(self, change: Callable[[Tensor, nn.Module], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.act, self.flat, self.off = nn.ReLU(inplace=True), nn.Flatten(2), nn.Dropout()
        self.inner = Inner(change)
        self.last = nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        return self.last(self.inner(self.first(images), self).mean(dim=(2, 3)))


class Inner(nn.Module):
    """What is done, as a module of its own."""

    def __init__(self, change: Callable[[Tensor, nn.Module], Tensor]) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor, body: Body) -> Tensor:
        """Do it."""
        return self.change(x, body)


def around(x: Tensor, body: Body) -> Tensor:
    out = body.second(body.act(x))
    out += x
    return out


def held(x: Tensor, body: Body) -> Tensor:
    kept = x
    x += 1
    return body.second(x) + kept


def unused(x: Tensor, body: Body) -> Tensor:
    body.act(x)
    return x + body.second(x)


def returned(x: Tensor, body: Body) -> Tensor:
    out = body.second(x)
    body.act(out)
    return out


def functions(x: Tensor, body: Body) -> Tensor:
    out = body.second(functional.relu(x, True))
    torch.sigmoid_(x)
    x.mul_(3).clamp_(max=2)
    return operator.isub(out, x) + x


def assigned(x: Tensor, body: Body) -> Tensor:
    x[:, 1:3] = 0.3
    x[:, 0] *= 2
    return body.second(x) + x


def views(x: Tensor, body: Body) -> Tensor:
    one, two = x.chunk(2, dim=1)
    one.relu_()
    flat = body.flat(x)
    flat += 1
    two -= 0.5
    return body.second(x) + torch.cat([two, one], dim=1)


def same(x: Tensor, body: Body) -> Tensor:
    off = body.off(x)  # what it got, in evaluation mode
    off += 1
    return body.second(x) + off


def expanded(x: Tensor, body: Body) -> Tensor:
    mean = x.mean(dim=(2, 3), keepdim=True)
    wide = mean.expand_as(x)
    mean.mul_(2)
    return body.second(x) * wide


def into(x: Tensor, body: Body) -> Tensor:
    out = body.second(x)
    torch.add(out, 1, out=x)
    return out * x


KINDS = [around, held, unused, returned, functions, assigned, views, same, expanded, into]


def network(module: nn.Module) -> Network:
    module.eval().requires_grad_(False)
    return Network("own", module, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), None, None)


def images(count: int, side: int = 8) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def seen(module: nn.Module, layers: tuple[str, ...], batch: Tensor) -> dict[str, Tensor]:
    """Return what layers return, at that moment, and the logits."""
    found: dict[str, Tensor] = {}
    hooks = [
        module.get_submodule(layer).register_forward_hook(
            lambda _m, _i, out, layer=layer: found.update({layer: out.clone()})
        )
        for layer in layers
    ]
    found["logits"] = module(batch.clone())
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("inference", [True, False])
@pytest.mark.parametrize("change", KINDS)
def test_every_value_is_that_of_the_untouched_network(
    change: Callable[[Tensor, Body], Tensor], inference: bool
) -> None:
    module, layers = Body(change), ("first", "second", "inner")
    before = {name: dict(vars(part)) for name, part in module.named_modules()}
    with torch.inference_mode(inference):
        graph = LayerGraph(network(module), layers, images(2))
        expected = seen(module, layers, images(5))
        values = {graph.images: images(5)}
        for node in graph.segment(None, "inner"):
            values[node] = graph.step(node, values)
        for layer in layers:
            # After all steps, and when entered, twice.
            torch.testing.assert_close(values[graph.output(layer)], expected[layer])
            entered = graph.head(images(5), layer)
            torch.testing.assert_close(entered[graph.output(layer)], expected[layer])
            for _ in range(2):
                logits = graph.tail(entered, layer, {})
                torch.testing.assert_close(logits, expected["logits"])
    assert module.act.inplace
    assert {name: list(vars(part)) for name, part in module.named_modules()} == {
        name: list(own) for name, own in before.items()
    }


@pytest.mark.parametrize("change", [kind for kind in KINDS if kind is not expanded])
def test_what_a_layer_is_changed_to_is_what_all_that_follows_sees(
    change: Callable[[Tensor, Body], Tensor],
) -> None:
    """A network whose first convolution is three times as large, bias included."""
    module, larger = Body(change), Body(change)
    for parameter in larger.first.parameters():
        parameter.data *= 3
    graph = LayerGraph(network(module), ["first", "second"], images(2))
    logits = graph.tail(graph.head(images(5), "first"), "first", {"first": lambda out: 3 * out})
    torch.testing.assert_close(logits, network(larger).module(images(5)))


def test_an_edited_activation_that_works_in_place_is_seen_by_the_way_around_it() -> None:
    module = Body(around)
    graph = LayerGraph(network(module), ["first", "act"], images(2))
    logits = graph.tail(graph.head(images(5), "first"), "first", {"act": lambda out: 3 * out})
    x = 3 * module.first(images(5)).relu()
    expected = module.last((module.second(x) + x).mean(dim=(2, 3)))
    torch.testing.assert_close(logits, expected)


def test_a_constant_that_the_trace_comes_across_leaves_nothing_in_the_network() -> None:
    module = Body(lambda x, body: body.second(x * torch.tensor(2.0)))
    before = set(vars(module))
    LayerGraph(network(module), ["first"], images(2))
    assert set(vars(module)) == before


class Same(nn.Conv2d):
    """Pads as its images need, and changes them in place."""

    def forward(self, input: Tensor) -> Tensor:
        """Add one to what there is, and convolve it."""
        input += 1
        rows = max((-(-input.shape[2] // 2) - 1) * 2 + 3 - input.shape[2], 0)
        return super().forward(functional.pad(input, (1, 0, rows, 0)) if rows > 0 else input)


@pytest.mark.parametrize("side", [8, 9])
def test_layers_of_others_that_extend_those_of_torch_are_single_steps(side: int) -> None:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 4, 1), Same(4, 5, 3, stride=2), nn.AdaptiveAvgPool2d(1))
    module = nn.Sequential(body, nn.Flatten())
    graph = LayerGraph(network(module), ["0.0", "0.1"], images(2, side))
    expected = module(images(5, side))
    entered = graph.head(images(5, side), "0.0")
    for _ in range(2):
        torch.testing.assert_close(graph.tail(entered, "0.0", {}), expected)


ZOO = {
    "resnet18": ("relu", "maxpool", "layer1.0.conv1", "layer2.0.bn1", "layer3"),
    "mobilenet_v2": ("features.0", "features.2", "features.5"),
    "googlenet": ("conv1", "inception3a", "inception3b.branch1"),
    "efficientnet_b0": ("features.0.1", "features.2", "features.3.0"),
}


@pytest.mark.parametrize("name", ZOO)
def test_published_architectures_give_the_same_bits(name: str) -> None:
    arguments = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = models.get_model(name, weights=None, num_classes=5, **arguments)
    graph = LayerGraph(network(module), ZOO[name], images(2, 64))  # compares every layer
    with torch.inference_mode():
        expected = module(images(3, 64))
        for layer in (graph.layers[0], graph.layers[-1]):
            logits = graph.tail(graph.head(images(3, 64), layer), layer, {})
            torch.testing.assert_close(logits, expected, rtol=0, atol=0)
