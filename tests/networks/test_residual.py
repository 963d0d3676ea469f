"""Residual networks: their size, what goes around their blocks, and their training."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from opened import noise_files
from torch import Tensor, nn
from torch.nn import functional

from actsense.data.cache import ImageCache
from actsense.errors import ConfigError
from actsense.networks.graph import LayerGraph
from actsense.networks.image_batches import CroppedBatches, LabelledImages
from actsense.networks.layers import lay_out
from actsense.networks.network import Network, build_module, load_network
from actsense.networks.recipe import recipe_mistakes
from actsense.networks.residual import ResidualNetwork, WideResidualNetwork
from actsense.networks.settings import Trained, read_network
from actsense.networks.training import Training, train_network

RECIPE: dict[str, Any] = {
    "name": "net",
    "kind": "trained",
    "epochs": 3,
    "batch_size": 20,
    "learning_rate": 0.05,
    "weight_decay": 0.001,
    "optimizer": "sgd",
    "nesterov": True,
    "schedule": "steps",
    "milestones": [1, 2],
    "decay": 0.2,
    "augment": "crop_flip",
}
SMALL = {
    "resnet": {"architecture": "resnet", "depth": 8, "width": 3},
    "wide_resnet": {"architecture": "wide_resnet", "depth": 10, "width": 2, "widening": 2},
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    """Return bright and dark noise, 80 images for training and 20 for validation."""
    return ImageCache.open(*noise_files(tmp_path_factory.mktemp("tiny")))


def drawn(build: Callable[..., nn.Module], *arguments: Any, **own: Any) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(*arguments, **own).eval()


def images(count: int = 2, side: int = 32) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("architecture", "parameters", "convolutions"),
    [("resnet", 853_018, 55), ("wide_resnet", 36_479_194, 28)],  # 0.85 and 36.5 million
)
def test_the_published_networks_have_the_published_size(
    architecture: str, parameters: int, convolutions: int
) -> None:
    settings = read_network({"kind": "trained", "architecture": architecture})
    module = build_module("net", settings, classes=10)
    assert sum(parameter.numel() for parameter in module.parameters()) == parameters
    assert sum(isinstance(part, nn.Conv2d) for part in module.modules()) == convolutions


@pytest.mark.parametrize("architecture", SMALL)
def test_what_is_recorded_can_be_listed_step_by_step(architecture: str) -> None:
    settings = read_network({"kind": "trained"} | SMALL[architecture])
    module = drawn(build_module, "net", settings, classes=10)
    own, batch = {"resnet": 3, "wide_resnet": 4}[architecture], images()
    layers = lay_out(module, "auto", 32)
    stem = {"resnet": 3, "wide_resnet": 2}[architecture]
    assert [(layer.name, layer.shape) for layer in layers] == [
        ("stem", (stem, 32, 32)),
        ("stage1", (own, 32, 32)),
        ("stage2", (2 * own, 16, 16)),
        ("stage3", (4 * own, 8, 8)),
        ("pool", (4 * own, 1, 1)),
        ("probabilities", (10,)),
    ]
    network = Network("net", module, (0.0,) * 3, (1.0,) * 3, 32, None)
    graph = LayerGraph(network, ["stem", "stage2", "pool"], batch)
    for layer in graph.layers:
        logits = graph.tail(graph.head(batch, layer), layer, {})
        torch.testing.assert_close(logits, module(batch), rtol=0, atol=0)


def test_blocks_that_add_nothing_hand_on_every_second_place() -> None:
    module = drawn(ResidualNetwork, 10, depth=14, width=3)
    for name, part in module.named_modules():
        if name.endswith("norm2"):
            assert isinstance(part, nn.BatchNorm2d)
            nn.init.zeros_(part.weight)
    stem = module.get_submodule("stem")(images())
    last = torch.zeros(2, 12, 8, 8)
    last[:, :3] = stem[:, :, ::4, ::4]  # channels that the stem does not have are 0
    expected = module.get_submodule("classifier")(last.mean(dim=(2, 3)))
    torch.testing.assert_close(module(images()), expected)


def test_a_wide_block_is_that_of_the_paper() -> None:
    module = drawn(WideResidualNetwork, 10, depth=16, width=2, widening=3, dropout=0.5)
    first, second = module.get_submodule("stage2").children()
    x = torch.randn(2, 6, 8, 8, generator=torch.Generator().manual_seed(2))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for part in (*first.modules(), *second.modules()):  # statistics of no particular kind
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean, part.running_var = torch.rand(part.num_features, 2).T
                nn.init.uniform_(part.weight)
                nn.init.uniform_(part.bias)

    def activated(block: nn.Module, which: int, x: Tensor) -> Tensor:
        return functional.relu(block.get_submodule(f"norm{which}")(x))

    def convolved(block: nn.Module, name: str, x: Tensor, stride: int, padding: int) -> Tensor:
        weight = block.get_submodule(name).weight
        return functional.conv2d(x, weight, stride=stride, padding=padding)

    active = activated(first, 1, x)
    inner = activated(first, 2, convolved(first, "conv1", active, 2, 1))
    expected = convolved(first, "conv2", inner, 1, 1) + convolved(first, "around", active, 2, 0)
    torch.testing.assert_close(first(x), expected)

    inner = activated(second, 2, convolved(second, "conv1", activated(second, 1, expected), 1, 1))
    torch.testing.assert_close(
        second(expected), expected + convolved(second, "conv2", inner, 1, 1)
    )


def test_dropout_acts_in_training_alone() -> None:
    module = drawn(WideResidualNetwork, 10, depth=10, width=2, widening=2, dropout=0.5)
    assert torch.equal(module(images()), module(images()))
    block = module.train().get_submodule("stage1.block1")
    seen: list[Tensor] = []
    block.get_submodule("conv2").register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module(images(20))
    share = (seen[0] == 0).double().mean().item()
    assert 0.7 < share < 0.8  # half by the activation function, half of the rest by dropout


@pytest.mark.parametrize(("architecture", "depth"), [("resnet", 57), ("wide_resnet", 4)])
def test_a_depth_that_cannot_be_built_is_refused(architecture: str, depth: int) -> None:
    settings = read_network({"kind": "trained", "architecture": architecture, "depth": depth})
    with pytest.raises(ConfigError, match=r"depth: .* Allowed: (8, 14, 20|10, 16, 22) and so on"):
        build_module("net", settings, classes=10)


def batches(cache: ImageCache, seed: int = 1) -> CroppedBatches:
    shown = LabelledImages(cache, (0.5,) * 3, (0.25,) * 3, "cpu")
    return CroppedBatches(shown, cache.partition_rows("train"), 20, seed)


def test_every_image_is_cropped_and_mirrored_by_itself(tiny: ImageCache) -> None:
    border, side, found = 2, 16, set()
    made = batches(tiny)
    for epoch in (0, 1):
        rows, changes = made.draw(epoch)
        assert sorted(np.concatenate(rows)) == sorted(tiny.partition_rows("train"))
        for step, (own, drawn_) in enumerate(zip(rows, changes, strict=True)):
            cropped, labels = made.read(epoch, step)
            assert (labels.numpy() == tiny.manifest["label"].to_numpy()[own]).all()
            for image, row, (top, left, mirrored) in zip(cropped, own, drawn_, strict=True):
                intact = (tiny.read(np.array([row]))[0] / 255 - 0.5) / 0.25
                padded = np.pad(intact, ((0, 0), (border, border), (border, border)))
                expected = padded[:, top : top + side, left : left + side]
                expected = expected[:, :, ::-1] if mirrored else expected
                np.testing.assert_allclose(image, expected, atol=1e-5)
                found.add((top, left, mirrored))
    assert {top for top, _, _ in found} == {left for _, left, _ in found} == {*range(5)}
    assert {mirrored for _, _, mirrored in found} == {0, 1}
    assert len(found) > 40  # of 50; all of a batch alike would be 8


@pytest.mark.parametrize("architecture", SMALL)
def test_the_recipe_is_that_of_a_plain_loop(
    tiny: ImageCache, tmp_path: Path, architecture: str
) -> None:
    settings = RECIPE | SMALL[architecture]
    training = Training(settings, tiny, 1)
    train_network(training, tmp_path / "w.pt", tmp_path / "card.json")
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["settings"]["milestones"] == [1, 2]
    assert card["accuracy"]["validation"] > 0.7  # it learns; the loop below says what

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        module = build_module("net", training.chosen, classes=2)
    module.train()
    velocity = {name: torch.zeros_like(own) for name, own in module.named_parameters()}
    for epoch in range(3):
        rate = 0.05 * 0.2**epoch
        for step in range(4):
            z, labels = batches(tiny).read(epoch, step)
            module.zero_grad()
            functional.cross_entropy(module(z), labels).backward()
            for name, own in module.named_parameters():
                assert own.grad is not None
                gradient = own.grad + 0.001 * own.detach()
                velocity[name] = 0.9 * velocity[name] + gradient
                own.data -= rate * (gradient + 0.9 * velocity[name])
    found = load_network("net", training.chosen, tmp_path / "w.pt", classes=2, image_size=16)
    expected = dict(module.named_parameters())
    for name, own in found.module.named_parameters():
        torch.testing.assert_close(own, expected[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("given", "key", "message"),
    [
        ({"depth": 20}, "depth", "means nothing with architecture: compact"),
        ({"architecture": "resnet", "dropout": 0.1}, "dropout", "or take wide_resnet"),
        ({"momentum": 0.5}, "momentum", "or take sgd"),
        ({"milestones": [1]}, "milestones", "or take steps"),
        ({"architecture": "resnet", "depth": 58}, "depth", "Allowed: 8, 14, 20"),
        ({"architecture": "wide_resnet", "widening": 0}, "widening", "integers from 1"),
        ({"optimizer": "sgd", "nesterov": True, "momentum": 0}, "nesterov", "no momentum"),
        ({"schedule": "steps"}, "milestones", "needs some"),
        ({"schedule": "steps", "milestones": [3, 2]}, "milestones", r"Write \[2, 3\]"),
        ({"schedule": "steps", "milestones": [8]}, "milestones", "Allowed: 1 to 7"),
    ],
)
def test_settings_that_do_not_go_together_are_named(
    given: dict[str, Any], key: str, message: str
) -> None:
    ((found, sentence),) = recipe_mistakes(Trained.model_validate(given))
    assert found == key
    assert re.search(message, sentence)


def test_defaults_follow_from_the_architecture_and_stay_out_of_others() -> None:
    assert {"depth", "widening", "optimizer", "augment", "schedule"}.isdisjoint(Trained().plain())
    assert Trained().width == 8
    wide = Trained(architecture="wide_resnet").plain()
    assert (wide["width"], wide["depth"], wide["widening"]) == (16, 28, 10)
    assert not list(recipe_mistakes(Trained.model_validate(wide)))
