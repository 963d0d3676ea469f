import json
from pathlib import Path

import numpy as np
import pytest
import torch

from actsense.data import ImageCache
from actsense.data.cache import Sample, write_cache
from actsense.errors import ConfigError
from actsense.networks import BagNetwork, load_network, train_network

SETTINGS = {"kind": "trained", "width": 4, "epochs": 6, "batch_size": 20}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    """Return bright and dark noise, 80 images for training and 20 for validation."""
    folder = tmp_path_factory.mktemp("tiny")
    draw = np.random.default_rng(0)
    samples = [
        Sample(
            str(number),
            number % 2,
            "train" if number < 80 else "validation",
            draw.integers(0, 120 + 130 * (number % 2), (3, 16, 16)).astype(np.uint8),
        )
        for number in range(100)
    ]
    paths = folder / "images.zarr", folder / "manifest.csv"
    write_cache(
        samples, *paths, capacity=100, side=16, class_names=["dark", "bright"], provenance={}
    )
    return ImageCache.open(*paths)


@pytest.fixture(scope="session")
def trained(tiny: ImageCache, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Paths of the weights and the card of a trained network."""
    folder = tmp_path_factory.mktemp("trained")
    paths = folder / "w.pt", folder / "card.json"
    train_network(SETTINGS, tiny, 1, *paths)
    return paths


def test_training_learns(trained: tuple[Path, Path]) -> None:
    assert json.loads(trained[1].read_text())["accuracy"]["validation"] >= 0.95


def test_the_card_tells_how_the_network_was_made(
    trained: tuple[Path, Path], tiny: ImageCache
) -> None:
    card = json.loads(trained[1].read_text())
    assert card["seed"] == 1
    assert card["settings"]["epochs"] == 6
    assert card["settings"]["learning_rate"] == 5e-3
    assert card["data_sha256"] == tiny.sha256()
    assert card["images"] == {"train": 80, "validation": 20}
    assert card["parameters"] > 1000
    assert card["seconds"] > 0
    assert "torch" in card["versions"]


def test_the_accuracy_on_the_card_is_that_of_the_loaded_network(
    tiny: ImageCache, tmp_path: Path
) -> None:
    # After one epoch the running statistics are far from those of a batch.
    settings = SETTINGS | {"epochs": 1}
    train_network(settings, tiny, 1, tmp_path / "w.pt", tmp_path / "card.json")
    network = load_network("net", settings, tmp_path / "w.pt", classes=2, image_size=16)
    rows = tiny.partition_rows("train")
    images = torch.from_numpy(tiny.read(rows)).float() / 255
    logits = network.module((images - 0.5) / 0.25)
    hits = logits.argmax(dim=1).numpy() == tiny.manifest["label"].to_numpy()[rows]
    assert hits.mean() == json.loads((tmp_path / "card.json").read_text())["accuracy"]["train"]


def test_a_bag_is_trained_and_loaded_from_its_settings(tiny: ImageCache, tmp_path: Path) -> None:
    settings = SETTINGS | {"architecture": "bag", "receptive_field": 5}
    train_network(settings, tiny, 1, tmp_path / "w.pt", tmp_path / "card.json")
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["accuracy"]["validation"] >= 0.95
    assert card["settings"]["receptive_field"] == 5
    network = load_network("net", settings, tmp_path / "w.pt", classes=2, image_size=16)
    assert isinstance(network.module, BagNetwork)
    assert network.module.windows.side == 5


@pytest.mark.parametrize(("seed", "same"), [(1, True), (2, False)])
def test_the_seed_decides_the_weights(
    trained: tuple[Path, Path], tiny: ImageCache, tmp_path: Path, seed: int, same: bool
) -> None:
    train_network(SETTINGS, tiny, seed, tmp_path / "w.pt", tmp_path / "card.json")
    assert ((tmp_path / "w.pt").read_bytes() == trained[0].read_bytes()) is same


def test_threads_and_random_numbers_of_the_caller_are_restored(
    tiny: ImageCache, tmp_path: Path
) -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    settings = SETTINGS | {"epochs": 1}
    train_network(settings, tiny, 1, tmp_path / "w.pt", tmp_path / "c.json", threads=2)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_settings_out_of_range_are_refused(tiny: ImageCache, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="epochs: 0 must be positive"):
        train_network(SETTINGS | {"epochs": 0}, tiny, 1, tmp_path / "w.pt", tmp_path / "c.json")
