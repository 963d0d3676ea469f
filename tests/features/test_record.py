"""Recorded features are what the network computes, in every state that is listed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from opened import Images, opened
from torch import Tensor, nn
from torch.nn import functional

from actsense.data.pool import ImagePool
from actsense.errors import ConfigError
from actsense.features.attacked import write_attack
from actsense.features.images import ChosenImages, choose_images
from actsense.features.record import record_features
from actsense.features.settings import Attack
from actsense.features.states import list_states, randomised
from actsense.networks.compact import CompactNetwork
from actsense.networks.network import load_network
from actsense.networks.settings import Python, Trained
from actsense.networks.state import save_state
from actsense.networks.subject import Subject
from actsense.store.rows import Rows

SIDE, CLASSES, IMAGES = 12, 3, 9
LAYERS, GRID = ["stage1", "stage2"], [3, 2]
SETTINGS = Trained(width=4)
OPENED: dict[str, Any] = {"network": ["net", SETTINGS.plain()], "seed": 3}


def weights(folder: Path, name: str, seed: int) -> Path:
    """Write weights drawn with a seed, so that norms do something."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = CompactNetwork(CLASSES, width=4)
        for name, buffer in module.named_buffers():
            if buffer.is_floating_point():
                buffer.uniform_(*((0.5, 2) if name.endswith("var") else (-0.2, 0.2)))
    save_state(module, folder / name)
    return folder / name


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    rows = np.arange(30)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 3, SIDE, SIDE)).astype(np.uint8)
    path = weights(tmp_path, "weights.pt", 0)
    network = load_network("net", SETTINGS, path, classes=CLASSES, image_size=SIDE)
    pool = ImagePool.shuffled(rows // 15, rows % CLASSES, seed=0)
    return opened(network, Images(pixels, "a", "b", "c"), pool, batch_size=4)


@pytest.fixture
def attack(subject: Subject, tmp_path: Path) -> Path:
    chosen = choose_images(subject, images=IMAGES, classes=2)
    made = Attack(epsilon=0.3, step=0.05, steps=3, recorded=2)
    write_attack(subject, chosen, made, tmp_path / "attack.zarr", seed=0, attributes={})
    return tmp_path / "attack.zarr"


def recorded(
    subject: Subject, attack: Path, folder: Path, *, checkpoints: Any = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Record all states; return columns and attributes of the store."""
    states = list_states(subject, OPENED, checkpoints or {}, attack, random=True)
    path = folder / "features.zarr"
    record_features(subject, states, attack, path, layers=LAYERS, grid=GRID, attributes={"a": 1})
    rows = Rows(path)
    return {n: rows.read(np.arange(len(rows)), n) for n in rows.columns}, rows.attributes


@torch.inference_mode()
def by_hand(module: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Return what is to be recorded of images, layer after layer of the small network."""
    z = (images - 0.5) / 0.25
    one = module.stage1(z)
    two = module.stage2(one)
    pooled = functional.adaptive_avg_pool2d(module.stage4(module.stage3(two)), 4).flatten(1)
    hidden = module.hidden(pooled).relu()
    maps = {
        f"map_{k}": functional.adaptive_avg_pool2d(x, (3, 2)) for k, x in enumerate((one, two))
    }
    return maps | {"hidden": hidden, "logits": module.classifier(hidden)}


def test_every_state_holds_what_its_network_computes(
    subject: Subject, attack: Path, tmp_path: Path
) -> None:
    later, early = (weights(tmp_path, f"{k}.pt", k) for k in (5, 2))
    found, attributes = recorded(subject, attack, tmp_path, checkpoints={10: later, 2: early})
    chosen, moved = ChosenImages.of_attack(attack), Rows(attack)
    intact = subject.read(chosen.rows)
    steps = torch.from_numpy(moved.read(np.arange(IMAGES), "images"))
    assert not torch.equal(steps[:, 0], steps[:, 1])
    loaded = [
        load_network("net", SETTINGS, path, classes=CLASSES, image_size=SIDE).module
        for path in (early, later)
    ]
    own, drawn = subject.network.module, randomised(subject, SETTINGS, 3).network.module
    expected = [
        *(by_hand(module, intact) for module in (own, *loaded, drawn)),
        *(by_hand(own, steps[:, k]) for k in range(2)),
    ]
    assert [(s["name"], s["kind"]) for s in attributes["states"]] == [
        ("final", "final"),
        *(("epoch 2", "checkpoint"), ("epoch 10", "checkpoint"), ("random weights", "random")),
        *(("attack step 2", "attack"), ("attack step 3", "attack")),
    ]
    assert [s.get("epoch", s.get("step")) for s in attributes["states"]] == [
        None,
        2,
        10,
        None,
        2,
        3,
    ]
    for name, values in found.items():
        each = values.reshape(len(expected), IMAGES, *values.shape[1:])
        for state, known in zip(each, expected, strict=True):
            if name in ("row", "label"):
                np.testing.assert_array_equal(state, getattr(chosen, f"{name}s"))
                continue
            own_values = known[name][:, chosen.outputs] if name == "logits" else known[name]
            np.testing.assert_allclose(state, own_values, rtol=1e-4, atol=1e-5)


def test_a_store_says_what_its_rows_are(subject: Subject, attack: Path, tmp_path: Path) -> None:
    found, attributes = recorded(subject, attack, tmp_path)
    assert attributes["layers"] == LAYERS
    assert attributes["shapes"] == [[4, 12, 12], [8, 6, 6]]
    assert attributes["grid"] == GRID
    assert attributes["images"] == IMAGES
    assert attributes["classes"] == ["a", "c"]
    assert attributes["outputs"] == [0, 2]
    assert attributes["a"] == 1
    assert found["map_0"].dtype == found["hidden"].dtype == np.float32


def test_random_weights_are_others_and_the_same_again(subject: Subject) -> None:
    state = subject.network.module.state_dict()
    one, same, other = (
        randomised(subject, SETTINGS, seed).network.module.state_dict() for seed in (3, 3, 4)
    )
    for name, values in state.items():
        if values.is_floating_point() and values.ndim > 1:
            assert not torch.equal(one[name], values)
            assert not torch.equal(one[name], other[name])
        assert torch.equal(one[name], same[name])


class Loaded(nn.Module):
    """Comes with weights, one of them in no module that could draw it again."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.arange(6.0))
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, 6), nn.Linear(6, 3))
        for layer in self.body[1:]:
            nn.init.constant_(layer.weight, 0.5)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        return self.body[2](self.body[1](self.body[0](images)) * self.scale)


def test_weights_that_a_factory_brings_are_drawn_anew(subject: Subject) -> None:
    own = Python(kind="python", factory=f"{__name__}:Loaded")
    network = replace(subject.network, module=Loaded().eval())
    drawn = randomised(replace(subject, network=network), own, 3).network.module
    for layer in (1, 2):
        assert float(drawn.body[layer].weight.detach().std()) > 0
    assert not torch.equal(drawn.scale, network.module.scale)
    assert drawn.scale.sort().values.tolist() == [*range(6)]
    assert not drawn.training


def test_numbers_that_are_not_finite_are_refused(
    subject: Subject, attack: Path, tmp_path: Path
) -> None:
    broken = weights(tmp_path, "broken.pt", 1)
    state = torch.load(broken)
    state["stage2.conv1.norm.weight"][:] = torch.inf
    torch.save(state, broken)
    network = load_network("net", SETTINGS, broken, classes=CLASSES, image_size=SIDE)
    with pytest.raises(ConfigError, match=r"networks\.net: map_1 in the state 'final'"):
        recorded(replace(subject, network=network), attack, tmp_path)
    assert not (tmp_path / "features.zarr").exists()
