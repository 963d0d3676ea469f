"""The last hidden vector: logits are a linear map of it, however a network ends."""

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from opened import Images, opened
from own_networks import body
from torch import Tensor, nn
from torch.nn import functional

from actsense.errors import ConfigError
from actsense.features.hidden import Ends
from actsense.networks.bag import BagNetwork
from actsense.networks.classifiers import find_classifiers, hidden_width
from actsense.networks.compact import CompactNetwork
from actsense.networks.network import Network, outline_network
from actsense.networks.settings import read_network

SIDE, COUNT = 32, 5


class Softened(nn.Module):
    """Ends in a function that is no module."""

    def __init__(self) -> None:
        super().__init__()
        self.body = body()

    def forward(self, images: Tensor) -> Tensor:
        """Return logarithms of probabilities."""
        return functional.log_softmax(self.body(images), dim=1)


class Twice(nn.Module):
    """Has two heads side by side, called by keyword, and returns their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3)
        self.one, self.two = nn.Linear(6, 3), nn.Linear(6, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        maps = self.stem(images).relu()
        mean, largest = maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))
        return (self.one(input=mean) + self.two(input=largest)) / 2


class Functional(nn.Module):
    """Makes logits by a function, from weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.last = body(8), nn.Parameter(torch.ones(3, 8))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        return functional.linear(self.body(images), self.last)


class Repeated(nn.Module):
    """Shows two halves of an image to one classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.body = body()

    def forward(self, images: Tensor) -> Tensor:
        """Return the mean of their logits."""
        return (self.body(images[..., 16:]) + self.body(images[..., :16])) / 2


def ended_by_convolution() -> nn.Module:
    """Return a network as SqueezeNet ends, but for its last activation function."""
    return nn.Sequential(
        *(nn.Conv2d(3, 7, 3), nn.ReLU(), nn.Dropout(), nn.Conv2d(7, 4, 1)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )


def channels_last() -> nn.Module:
    """Return a network whose classifier sees every place, channels last."""
    return nn.Sequential(
        OrderedDict(
            stem=nn.Conv2d(3, 6, 8, 8),
            order=_Order(),
            classifier=nn.Linear(6, 4),
            mean=_Mean(),
        )
    )


class _Order(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps.permute(0, 2, 3, 1)


class _Mean(nn.Module):
    def forward(self, places: Tensor) -> Tensor:
        return places.mean(dim=(1, 2))


LINEAR: dict[str, Any] = {
    "compact": (lambda: CompactNetwork(10, width=2), ["classifier"]),
    "bag": (lambda: BagNetwork(10, width=2), ["classifier.evidence"]),
    "convolution and mean": (ended_by_convolution, ["3"]),
    "channels last": (channels_last, ["classifier"]),
    "log-softmax": (Softened, ["body.4"]),
    "two heads": (Twice, ["one", "two"]),
}


def ends(module: nn.Module, side: int = SIDE) -> tuple[Ends, Tensor]:
    """Return what is watched of a few images, and what the module says of them."""
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 3, side, side)).astype(np.uint8)
    network = Network("net", module.eval().requires_grad_(False), (0,) * 3, (1,) * 3, side, None)
    subject = opened(network, Images(pixels, "a", "b"))
    found = Ends(subject, find_classifiers(network, side))
    with torch.inference_mode(), found.watching():
        said = subject(subject.read(np.arange(COUNT)))
    return found, said


@pytest.mark.parametrize("kind", LINEAR)
def test_logits_are_a_linear_map_of_the_hidden_vector(kind: str) -> None:
    make, names = LINEAR[kind]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = make()
    found, said = ends(module)
    assert find_classifiers(found.subject.network, SIDE) == names
    assert found.hidden.shape[1] == hidden_width(found.subject.network, SIDE)
    torch.testing.assert_close(found.logits, said, rtol=0, atol=0)
    parts = [module.get_submodule(name) for name in names]
    hidden = found.hidden.view(COUNT, len(parts), -1)
    made = [
        functional.linear(hidden[:, k], part.weight.flatten(1), part.bias)
        for k, part in enumerate(parts)
    ]
    expected = torch.stack(made).mean(dim=0)
    if kind == "log-softmax":
        expected = expected.log_softmax(dim=1)
    torch.testing.assert_close(expected, said, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("module", [Functional(), Repeated(), nn.Sequential(_Order(), _Mean())])
def test_where_none_can_be_told_the_way_out_is_named(module: nn.Module) -> None:
    network = Network("net", module.eval(), (0,) * 3, (1,) * 3, SIDE, None)
    with pytest.raises(ConfigError, match=r"networks\.net: its last .*`patterns\.networks`"):
        find_classifiers(network, SIDE)
    assert hidden_width(network, SIDE) == 0


def test_hooks_are_gone_afterwards() -> None:
    found, _ = ends(CompactNetwork(10, width=1))
    for module in found.subject.network.module.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


ENDS = {
    "squeezenet1_1": ["classifier.1"],
    "densenet121": ["classifier"],
    "efficientnet_b0": ["classifier.1"],
    "vit_b_16": ["heads.head"],
    "timm/dla34": ["fc"],
    "timm/deit_tiny_distilled_patch16_224": ["head", "head_dist"],
    "timm/swin_tiny_patch4_window7_224": ["head.fc"],
}


@pytest.mark.parametrize("model", ENDS)
def test_the_classifiers_of_published_architectures_are_found(model: str) -> None:
    library, _, name = model.rpartition("/")
    own = read_network({"kind": library or "torchvision", "model": name, "weights": "none"})
    network = outline_network("net", own, classes=10, image_size=224)
    assert find_classifiers(network, 224) == ENDS[model]
