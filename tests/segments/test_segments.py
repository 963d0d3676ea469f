"""Segments fed with one channel, against copies of it through the real modules."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from actsense.errors import ConfigError
from actsense.layers import Layer
from actsense.networks.compact import CompactNetwork
from actsense.networks.graph import LayerGraph
from actsense.networks.network import Network
from actsense.segments.segment import Segment

CHOSEN = (5, 0, 3)


def network(module: nn.Module) -> Network:
    module.eval().requires_grad_(False)
    return Network("own", module, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), None, None)


def lively(build: Callable[[], nn.Module], side: int) -> nn.Module:
    """Return a network with random weights whose normalisations have seen a batch."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = build()
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):  # a scale and shift of its own for each channel
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.uniform_(part.bias, -0.5, 0.5)
        with torch.no_grad():
            module(torch.rand(4, 3, side, side))
    return module


# Network, side of its images, what lies before, between and at the end of the segment.
SEGMENTS = {
    "alexnet features.2": (models.alexnet, 64, None, ["features.0", "features.1", "features.2"]),
    "alexnet features.5": (
        *(models.alexnet, 64, "features.2"),
        ["features.3", "features.4", "features.5"],
    ),
    "alexnet avgpool": (
        *(models.alexnet, 64, "features.9"),
        ["features.10", "features.11", "features.12", "avgpool"],
    ),
    "vgg11 features.10": (
        *(models.vgg11, 64, "features.5"),
        [f"features.{k}" for k in range(6, 11)],
    ),
    "resnet18 maxpool": (models.resnet18, 64, None, ["conv1", "bn1", "relu", "maxpool"]),
    "resnet18 layer1": (models.resnet18, 64, "maxpool", ["layer1"]),
    "resnet18 layer2": (models.resnet18, 64, "layer1", ["layer2"]),
    "resnet18 avgpool": (models.resnet18, 64, "layer3", ["layer4", "avgpool"]),
    "small stage1": (lambda: CompactNetwork(10), 32, None, ["stage1"]),
    "small stage2": (lambda: CompactNetwork(10), 32, "stage1", ["stage2"]),
}


def steps(own: Network, start: str | None, stop: str, *, side: int = 16) -> LayerGraph:
    """List the steps of a network that can be entered at both ends."""
    ends = [stop] if start is None else [start, stop]
    return LayerGraph(own, ends, torch.rand(2, 3, side, side))


@pytest.mark.parametrize("name", SEGMENTS)
def test_one_channel_stands_for_copies_of_itself(name: str) -> None:
    build, side, start, modules = SEGMENTS[name]
    module = lively(build, side)
    with torch.no_grad():
        inputs = 3 if start is None else len(recorded(module, start, side)[0])
        channel = torch.rand(2, 1, 15, 15, generator=torch.Generator().manual_seed(1))
        own = steps(network(module), start, modules[-1], side=side)
        segment = Segment(own, start, modules[-1], inputs, CHOSEN)
        expected = channel.repeat(1, inputs, 1, 1)
        for part in modules:
            expected = module.get_submodule(part)(expected)
        # Sums of up to 384 equal float32 terms, in another order.
        torch.testing.assert_close(segment(channel), expected[:, CHOSEN], rtol=1e-4, atol=1e-5)
        assert expected[:, CHOSEN].std() > 1e-3


def recorded(module: nn.Module, layer: str, side: int) -> Tensor:
    found: list[Tensor] = []
    hook = module.get_submodule(layer).register_forward_hook(lambda _m, _i, out: found.append(out))
    module(torch.zeros(1, 3, side, side))
    hook.remove()
    return found[0]


def test_a_convolution_of_copies_is_one_with_its_kernel_summed() -> None:
    convolution = nn.Conv2d(7, 6, 3, stride=2, padding=1, padding_mode="circular").double()
    channel = torch.rand(2, 1, 9, 9, dtype=torch.float64)
    images = channel.repeat(1, 7, 1, 1)
    own = LayerGraph(network(nn.Sequential(convolution)), ["0"], images)
    segment = Segment(own, None, "0", 7, range(6))
    torch.testing.assert_close(segment(channel), convolution(channel.repeat(1, 7, 1, 1)))


def test_fewer_channels_are_the_same_channels() -> None:
    torch.manual_seed(0)
    parts = (nn.Conv2d(3, 4, 3), nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    stack = steps(network(nn.Sequential(*parts)), None, "3")
    everything = Segment(stack, None, "3", 3, range(8))
    some = Segment(stack, None, "3", 3, CHOSEN)
    channel = torch.rand(2, 1, 9, 9)
    torch.testing.assert_close(some(channel), everything(channel)[:, CHOSEN])


class Uneven(nn.Module):
    """Steps that treat channels apart before any convolution mixes them."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(4)
        self.grouped = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.mixing = nn.Conv2d(4, 6, 1)
        self.end = nn.Identity()

    def forward(self, batch: Tensor) -> Tensor:
        """Normalise, convolve by group, go around, mix and shuffle."""
        inner = functional.relu(self.grouped(self.norm(batch)) + batch)
        mixed: Tensor = self.end(self.mixing(inner).flip(1))
        return mixed


def test_whatever_tells_channels_apart_gets_the_copies() -> None:
    torch.manual_seed(0)
    module = Uneven()
    nn.init.uniform_(module.norm.weight, 0.5, 1.5)
    channel = torch.rand(2, 1, 5, 5)
    own = LayerGraph(network(module), ["end"], channel.repeat(1, 4, 1, 1))
    segment = Segment(own, None, "end", 4, CHOSEN)
    expected = module(channel.repeat(1, 4, 1, 1))[:, CHOSEN]
    torch.testing.assert_close(segment(channel), expected)


class Shared(nn.ReLU):
    """Not what it extends: a channel depends on all of them."""

    def forward(self, input: Tensor) -> Tensor:
        """Subtract the mean over channels."""
        return super().forward(input - input.mean(dim=1, keepdim=True) / 2)


class Padding(nn.Conv2d):
    """Its padding depends on the size of the maps, which torch.fx cannot follow."""

    def forward(self, input: Tensor) -> Tensor:
        """Pad to an even number of rows."""
        return super().forward(
            functional.pad(input, (0, 0, 0, 1)) if len(input[0, 0]) % 2 else input
        )


class Scaled(nn.BatchNorm2d):
    """Scales by a number of its own."""

    def forward(self, input: Tensor) -> Tensor:
        """Scale by the largest channel."""
        return super().forward(input / input.abs().amax(dim=(1, 2, 3), keepdim=True))


def test_layers_that_extend_others_do_what_they_do_to_copies() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(Shared(), Padding(3, 4, 3), nn.Conv2d(4, 6, 1), Scaled(6), Shared())
    segment = Segment(steps(network(module), None, "4"), None, "4", 3, CHOSEN)
    channel = torch.rand(2, 1, 9, 9)
    expected = module(channel.repeat(1, 3, 1, 1))[:, CHOSEN]
    torch.testing.assert_close(segment(channel), expected)


def test_a_segment_without_a_convolution_is_refused() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2))
    own = steps(network(module), "1", "2")
    with pytest.raises(ConfigError, match="before '2' does the same to every channel"):
        Segment(own, "1", "2", 8, CHOSEN)


class LastAxis(nn.Module):
    """Stages of maps of (row, col, channel), or of tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 2, stride=2)
        self.one, self.two, self.act = nn.Linear(6, 6), nn.Linear(6, 8), nn.GELU()
        self.tokens = nn.Flatten(1, 2)

    def forward(self, batch: Tensor) -> Tensor:
        """Mix channels twice."""
        mixed = self.act(self.one(self.patches(batch).permute(0, 2, 3, 1)))
        return self.tokens(self.two(mixed))


def test_copies_are_channels_wherever_channels_lie() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        own = network(LastAxis())
    layouts = {
        "one": Layer("one", (6, 4, 4), 0, "channels_last"),
        "tokens": Layer("tokens", (8, 4, 4), 96, "tokens"),
    }
    channel = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    graph = LayerGraph(own, ["one", "tokens"], images.repeat(1, 3, 1, 1))
    segment = Segment(graph, "one", "tokens", 6, CHOSEN, layouts=layouts)
    copies = channel[:, 0, :, :, None].repeat(1, 1, 1, 6)
    expected = own.module.two(own.module.act(copies)).permute(0, 3, 1, 2)
    torch.testing.assert_close(segment(channel), expected[:, CHOSEN])
    first = Segment(graph, None, "one", 3, CHOSEN, layouts=layouts)
    expected = own.module.one(own.module.patches(images.repeat(1, 3, 1, 1)).permute(0, 2, 3, 1))
    torch.testing.assert_close(first(images), expected.permute(0, 3, 1, 2)[:, CHOSEN])
    with pytest.raises(ConfigError, match="'tokens' is made of tokens"):
        Segment(graph, "tokens", "one", 8, CHOSEN, layouts=layouts)
