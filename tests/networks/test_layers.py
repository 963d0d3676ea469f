from collections import OrderedDict
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.networks.layers import lay_out, resolve_layers
from actsense.networks.network import Network, outline_network
from actsense.networks.settings import read_network


class Awkward(nn.Module):
    """Runs one module twice and another one never; a third returns two tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.relu = nn.ReLU()
        self.pair = nn.LSTM(4, 4, batch_first=True)
        self.mixing = nn.Flatten(0, 1)
        self.idle = nn.Linear(1, 1)
        self.head = nn.Linear(4, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Return two logits per image."""
        features = self.relu(self.relu(self.conv(images)))
        self.mixing(features)
        sequence, _ = self.pair(features.flatten(2).transpose(1, 2))
        return self.head(sequence[:, -1])


def published(model: str, weights: str = "none") -> Network:
    settings = {"kind": "torchvision", "model": model, "weights": weights}
    return outline_network(model, read_network(settings), classes=1000, image_size=224)


@pytest.mark.parametrize(
    ("model", "units"), [("alexnet", 205_672), ("vgg11", 1_539_560), ("resnet18", 553_448)]
)
def test_auto_is_the_published_choice(model: str, units: int) -> None:
    layers = lay_out(published(model), "auto", 224)
    assert sum(layer.size for layer in layers) == units
    assert layers[-1].name == "probabilities"


def test_the_shapes_are_the_published_ones() -> None:
    shapes = {layer.name: layer.shape for layer in lay_out(published("alexnet"), "auto", 224)}
    assert shapes == {
        "features.2": (64, 27, 27),
        "features.5": (192, 13, 13),
        "features.7": (384, 13, 13),
        "features.9": (256, 13, 13),
        "avgpool": (256, 6, 6),
        "classifier.2": (4096,),
        "classifier.5": (4096,),
        "probabilities": (1000,),
    }


def test_layers_lie_side_by_side(small: Network) -> None:
    layers = lay_out(small, "auto", 32)
    assert layers[0].offset == 0
    for before, after in pairwise(layers):
        assert after.offset == before.offset + before.size


def test_the_small_network_has_six_layers_and_15434_units(small: Network) -> None:
    layers = lay_out(small, "auto", 32)
    assert [layer.name for layer in layers] == [
        "stage1",
        "stage2",
        "stage3",
        "stage4",
        "hidden_relu",
        "probabilities",
    ]
    assert layers[-1].stop == 15_434


def test_names_are_kept_in_the_order_given(small: Network) -> None:
    wanted = ["logits", "stage2.conv1.relu", "stage1.conv", "probabilities"]
    assert resolve_layers(small, wanted, 32) == wanted


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["stage1", "stge2"], r"networks\.small\.layers: 'stge2' is not known\. Nearest: stage2"),
        (["stage"], "'stage' is not known"),  # part of a name is no name
        ("stage1", r"networks\.small\.layers: 'stage1' is not known.*Allowed: auto"),
        ([], r"networks\.small\.layers: the list is empty"),
        (["logits", "logits"], "'logits' is listed more than once"),
    ],
)
def test_wrong_names_are_refused(small: Network, layers: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve_layers(small, layers, 32)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("relu", "'relu' runs 2 times"),
        ("idle", "'idle' runs 0 times"),
        ("pair", "'pair' does not output one tensor"),
        ("mixing", r"'mixing' outputs \(8, 6, 6\) for 2 images"),
    ],
)
def test_modules_that_cannot_be_recorded_are_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve_layers(Awkward().eval(), [name], 8)


def test_auto_avoids_modules_that_cannot_be_recorded() -> None:
    assert resolve_layers(Awkward().eval(), "auto", 8) == ["conv", "probabilities"]


def named(name: str) -> nn.Module:
    """Return a network with a named chain of modules, and the logits behind it."""
    chain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    return nn.Sequential(OrderedDict([(name, chain), ("head", head)])).eval()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((name, "something else") for name in ("network", "layer", "rows", "S1", "mean")),
        ("first/second", "a folder"),
        ("first\n", "line breaks"),
        ("\x1b[2J", "control characters"),
        ("a" * 300, "longer than 200 bytes"),
        ("\u732b" * 70, "longer than 200 bytes"),
    ],
)
def test_names_that_results_cannot_hold_are_refused_and_avoided(name: str, why: str) -> None:
    with pytest.raises(ConfigError, match=f"^layers: .* cannot name a layer: .*{why}.*rename it"):
        resolve_layers(named(name), [name], 8)
    inside = [f"{name}.1"] if why == "something else" else []
    layers = resolve_layers(named(name), "auto", 8)
    assert [layer for layer in layers if layer.startswith(name)] == inside


def test_logits_are_what_the_network_returns_never_another_module() -> None:
    with pytest.raises(ConfigError, match="module of that name returns something else"):
        resolve_layers(named("logits"), ["logits"], 8)
    last = nn.Sequential(
        OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), logits=nn.Linear(3, 2))
    ).eval()
    assert resolve_layers(last, ["logits", "probabilities"], 8) == ["logits", "probabilities"]


def test_images_too_small_for_the_network_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"does not accept images of 8x8 pixels"):
        resolve_layers(published("alexnet"), "auto", 8)


def test_a_network_must_return_logits() -> None:
    with pytest.raises(ConfigError, match=r"must return logits .* returned \(2, 4, 6, 6\)"):
        resolve_layers(nn.Conv2d(3, 4, 3), ["logits"], 8)


def test_no_hook_is_left_behind(small: Network) -> None:
    resolve_layers(small, "auto", 32)
    assert not any(module._forward_hooks for module in small.module.modules())
    assert torch.is_tensor(small.module(torch.zeros(1, 3, 32, 32)))


class Doubled(nn.Module):
    """A classifier whose module has a name of its own, and what is done behind it."""

    def __init__(self, name: str, factor: float) -> None:
        super().__init__()
        self.flatten, self.name, self.factor = nn.Flatten(), name, factor
        self.add_module(name, nn.Linear(3 * 16**2, 4))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return a multiple of what the module says."""
        return self.factor * self.get_submodule(self.name)(self.flatten(images))


@pytest.mark.parametrize("name", ["logits", "probabilities"])
def test_a_module_called_like_the_outputs_has_to_be_what_makes_them(name: str) -> None:
    assert resolve_layers(Doubled(name, 1.0), [name], 16) == [name]
    assert resolve_layers(Doubled(name, 2.0), ["flatten"], 16) == ["flatten"]
    assert resolve_layers(Doubled("other", 2.0), [name], 16) == [name]
    with pytest.raises(ConfigError, match=f"'{name}' is what the network returns as a whole"):
        resolve_layers(Doubled(name, 2.0), [name], 16)


def test_as_many_names_as_outputs_are_needed_before_anything_runs(small: Network) -> None:
    with pytest.raises(ConfigError, match=r"networks\.small\.outputs: 2 names for 10 outputs"):
        lay_out(replace(small, outputs=("ape", "bee")), "auto", 32)
