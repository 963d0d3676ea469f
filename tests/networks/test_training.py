import hashlib
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from opened import noise_files

from actsense.data.cache import ImageCache
from actsense.errors import ConfigError
from actsense.networks.bag import BagNetwork
from actsense.networks.compact import CompactNetwork
from actsense.networks.network import load_network
from actsense.networks.settings import read_network
from actsense.networks.state import read_state
from actsense.networks.training import Training, train_checkpoint, train_network
from actsense.store import CorruptFileError

SETTINGS = {"name": "net", "kind": "trained", "width": 4, "epochs": 6, "batch_size": 20}
# In a process of its own: the state is kept after every step, and steps take their time.
SLOW = """
import sys, time
from pathlib import Path
from actsense.data.cache import ImageCache
from actsense.networks import fitting
from actsense.networks.training import Training, train_network
from actsense.networks.image_batches import ShiftedBatches

read = ShiftedBatches.read
ShiftedBatches.read = lambda *arguments: time.sleep(0.05) or read(*arguments)
fitting.KEPT_EVERY = 0
images, manifest, weights, card = map(Path, sys.argv[1:])
train_network(Training(%r, ImageCache.open(images, manifest), 1), weights, card)
"""


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Paths of bright and dark noise, 80 images for training and 20 for validation."""
    return noise_files(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny(files: tuple[Path, Path]) -> ImageCache:
    return ImageCache.open(*files)


@pytest.fixture(scope="session")
def trained(tiny: ImageCache, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Paths of the weights and the card of a trained network."""
    folder = tmp_path_factory.mktemp("trained")
    paths = folder / "w.pt", folder / "card.json"
    train_network(Training(SETTINGS, tiny, 1), *paths)
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
    train_network(Training(settings, tiny, 1), tmp_path / "w.pt", tmp_path / "card.json")
    network = load_network(
        "net", read_network(settings), tmp_path / "w.pt", classes=2, image_size=16
    )
    rows = tiny.partition_rows("train")
    images = torch.from_numpy(tiny.read(rows)).float() / 255
    logits = network.module((images - 0.5) / 0.25)
    hits = logits.argmax(dim=1).numpy() == tiny.manifest["label"].to_numpy()[rows]
    assert hits.mean() == json.loads((tmp_path / "card.json").read_text())["accuracy"]["train"]


def test_a_bag_is_trained_and_loaded_from_its_settings(tiny: ImageCache, tmp_path: Path) -> None:
    settings = SETTINGS | {"architecture": "bag", "receptive_field": 5}
    train_network(Training(settings, tiny, 1), tmp_path / "w.pt", tmp_path / "card.json")
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["accuracy"]["validation"] >= 0.95
    assert card["settings"]["receptive_field"] == 5
    network = load_network(
        "net", read_network(settings), tmp_path / "w.pt", classes=2, image_size=16
    )
    assert isinstance(network.module, BagNetwork)
    assert network.module.windows.side == 5


@pytest.mark.parametrize(("seed", "same"), [(1, True), (2, False)])
def test_the_seed_decides_the_weights(
    trained: tuple[Path, Path], tiny: ImageCache, tmp_path: Path, seed: int, same: bool
) -> None:
    train_network(Training(SETTINGS, tiny, seed), tmp_path / "w.pt", tmp_path / "card.json")
    assert ((tmp_path / "w.pt").read_bytes() == trained[0].read_bytes()) is same


def test_random_numbers_of_the_caller_are_as_before(tiny: ImageCache, tmp_path: Path) -> None:
    state = torch.get_rng_state()
    settings = SETTINGS | {"epochs": 1}
    training = Training(settings, tiny, 1)
    train_network(training, tmp_path / "w.pt", tmp_path / "c.json")
    assert torch.equal(torch.get_rng_state(), state)


def test_training_and_scoring_compute_in_the_precision_of_the_study(
    tiny: ImageCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, forward = set(), CompactNetwork.forward

    def recorded(module: CompactNetwork, images: torch.Tensor) -> torch.Tensor:
        logits = forward(module, images)
        exact = torch.are_deterministic_algorithms_enabled()
        seen.add((module.training, logits.dtype, torch.backends.cudnn.deterministic, exact))
        return logits

    monkeypatch.setattr(CompactNetwork, "forward", recorded)
    training = Training(SETTINGS | {"epochs": 1}, tiny, 1, precision="bfloat16")
    train_network(training, tmp_path / "w.pt", tmp_path / "card.json")
    fingerprint = (False, torch.float32, True, False)  # the same on every device
    found = {(True, torch.bfloat16, True, True), (False, torch.bfloat16, True, False)}
    assert seen == {*found, fingerprint}
    assert json.loads((tmp_path / "card.json").read_text())["precision"] == "bfloat16"
    assert all(value.dtype != torch.bfloat16 for value in read_state(tmp_path / "w.pt").values())


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_training_learns_in_every_precision(
    tiny: ImageCache, tmp_path: Path, precision: str
) -> None:
    training = Training(SETTINGS, tiny, 1, precision=precision)
    train_network(training, tmp_path / "w.pt", tmp_path / "card.json")
    assert json.loads((tmp_path / "card.json").read_text())["accuracy"]["validation"] >= 0.95


def test_a_killed_training_ends_with_the_same_bits(
    files: tuple[Path, Path], trained: tuple[Path, Path], tiny: ImageCache, tmp_path: Path
) -> None:
    weights, position = tmp_path / "w.pt", tmp_path / ".w.pt.position"
    arguments = [*map(str, files), str(weights), str(tmp_path / "card.json")]
    process = subprocess.Popen([sys.executable, "-c", SLOW % SETTINGS, *arguments])
    deadline = time.monotonic() + 60
    while steps_kept(position) < 10:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not weights.exists()
    assert 10 <= steps_kept(position) < 24
    train_network(Training(SETTINGS, tiny, 1), weights, tmp_path / "card.json")
    assert weights.read_bytes() == trained[0].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".card.json.manifest",
        "card.json",
        "w.pt",
    ]


def steps_kept(position: Path) -> int:
    return int(torch.load(position)["step"]) if position.exists() else 0


def test_a_training_that_was_never_killed_begins_at_the_beginning(
    trained: tuple[Path, Path],
) -> None:
    assert sorted(path.name for path in trained[0].parent.iterdir()) == [
        ".card.json.manifest",
        "card.json",
        "w.pt",
    ]


@pytest.fixture(scope="session")
def checkpoints(tiny: ImageCache, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Paths of the checkpoints of some epochs, each made from the one before."""
    folder, training = tmp_path_factory.mktemp("checkpoints"), Training(SETTINGS, tiny, 1)
    made: dict[int, Path] = {}
    for epoch in (0, 2, 5):
        path = folder / f"epoch_{epoch}.pt"
        train_checkpoint(training, path, epoch=epoch, earlier=[*made.values()])
        made[epoch] = path
    return made


def test_a_training_with_checkpoints_ends_with_the_same_bits(
    trained: tuple[Path, Path], checkpoints: dict[int, Path], tiny: ImageCache, tmp_path: Path
) -> None:
    paths = tmp_path / "w.pt", tmp_path / "card.json"
    train_network(Training(SETTINGS, tiny, 1), *paths, checkpoints=[*checkpoints.values()])
    assert paths[0].read_bytes() == trained[0].read_bytes()


def test_a_checkpoint_alone_is_that_of_the_whole_training(
    checkpoints: dict[int, Path], tiny: ImageCache, tmp_path: Path
) -> None:
    train_checkpoint(Training(SETTINGS, tiny, 1), tmp_path / "c.pt", epoch=5)
    assert (tmp_path / "c.pt").read_bytes() == checkpoints[5].read_bytes()


def test_the_card_tells_how_good_the_network_was_at_its_checkpoints(
    checkpoints: dict[int, Path], tiny: ImageCache, tmp_path: Path
) -> None:
    paths = tmp_path / "w.pt", tmp_path / "card.json"
    train_network(Training(SETTINGS, tiny, 1), *paths, checkpoints=[*checkpoints.values()])
    card = json.loads(paths[1].read_text())
    assert [entry["epoch"] for entry in card["checkpoints"]] == [0, 2, 5]
    rows = tiny.partition_rows("validation")
    images = torch.from_numpy(tiny.read(rows)).float() / 255
    labels = tiny.manifest["label"].to_numpy()[rows]
    for entry, path in zip(card["checkpoints"], checkpoints.values(), strict=True):
        network = load_network("net", read_network(SETTINGS), path, classes=2, image_size=16)
        hits = network.module((images - 0.5) / 0.25).argmax(dim=1).numpy() == labels
        assert entry["accuracy"]["validation"] == hits.mean()
        assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_first_checkpoint_holds_the_weights_that_training_begins_with(
    checkpoints: dict[int, Path],
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        drawn = CompactNetwork(2, width=4).state_dict()
    torch.testing.assert_close(read_state(checkpoints[0]), dict(drawn), rtol=0, atol=0)


@pytest.mark.parametrize("change", [{"seed": 2}, {"settings": SETTINGS | {"width": 5}}])
def test_a_checkpoint_of_another_training_is_refused(
    checkpoints: dict[int, Path], tiny: ImageCache, tmp_path: Path, change: dict[str, Any]
) -> None:
    training = replace(Training(SETTINGS, tiny, 1), **change)
    with pytest.raises(ConfigError, match=r"epoch_2\.pt: a checkpoint of another training than"):
        train_checkpoint(training, tmp_path / "c.pt", epoch=5, earlier=[checkpoints[2]])


def test_a_damaged_checkpoint_is_named(
    checkpoints: dict[int, Path], tiny: ImageCache, tmp_path: Path
) -> None:
    path = tmp_path / "epoch_2.pt"
    path.write_bytes(checkpoints[2].read_bytes()[:-100])
    with pytest.raises(CorruptFileError, match=r"epoch_2\.pt: damaged .* made anew"):
        train_checkpoint(Training(SETTINGS, tiny, 1), tmp_path / "c.pt", epoch=5, earlier=[path])


def test_a_checkpoint_after_the_last_epoch_is_refused(tiny: ImageCache, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"epoch 7 is none of networks\.net\. Allowed: 0 to 6"):
        train_checkpoint(Training(SETTINGS, tiny, 1), tmp_path / "c.pt", epoch=7)
