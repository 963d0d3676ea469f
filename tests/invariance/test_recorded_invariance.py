"""Stores of latents and representations hold what encoder and network say, row by row."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from opened import Images, opened
from torch import Tensor

from actsense.device.memory import Memory
from actsense.errors import ConfigError
from actsense.invariance.latents import read_latents, record_latents
from actsense.invariance.representations import open_representation, record_representations
from actsense.networks.compact import CompactNetwork
from actsense.networks.network import Network
from actsense.networks.subject import Subject
from actsense.store.rows import Rows

SIDE, COUNT, CPU = 8, 23, torch.device("cpu")
ROWS = np.array([3, 19, 0, 7, 22, 8, 5, 11, 2])
LAYERS = ["stage2", "hidden_relu", "probabilities"]


class Halves:
    """Says of an image the mean of each half, and how sure it is of them."""

    latent = 2

    def __init__(self) -> None:
        self.batches: list[int] = []

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return means of the upper and lower half, and their logarithms."""
        self.batches.append(len(images))
        means = images.view(len(images), 3, 2, -1).mean(dim=(1, 3))
        return means, means.log()


@pytest.fixture
def subject() -> Subject:
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 3, SIDE, SIDE)).astype(np.uint8)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = CompactNetwork(4, width=2).eval()
    network = Network("net", module, (0.5,) * 3, (0.25,) * 3, SIDE, None)
    return opened(network, Images(pixels, *"abcd"), batch_size=4)


def test_latents_are_those_of_the_encoder_in_any_order(subject: Subject, tmp_path: Path) -> None:
    encoder = Halves()
    record_latents(
        *(encoder, subject.read, ROWS, tmp_path / "latents.zarr"),
        memory=subject.memory,
        attributes={"kind": "halves"},
    )
    assert encoder.batches == [4, 4, 1]
    asked = ROWS[[5, 0, 8, 0]]
    mean, log_variance = read_latents(tmp_path / "latents.zarr", asked)
    expected = subject.images.read(asked).reshape(4, 3, 2, -1).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(mean, expected, rtol=1e-5)
    np.testing.assert_allclose(log_variance, np.log(expected), rtol=1e-4)
    attributes = Rows(tmp_path / "latents.zarr").attributes
    assert {"latent": 2, "kind": "halves"}.items() <= attributes.items()


def test_latents_of_an_image_that_was_not_recorded_are_refused(
    subject: Subject, tmp_path: Path
) -> None:
    path = tmp_path / "latents.zarr"
    record_latents(Halves(), subject.read, ROWS, path, memory=Memory(CPU, 8, "images"))
    for row in (1, 22 + 1):
        with pytest.raises(ConfigError, match=f"1 of 2 images were not recorded, first row {row}"):
            read_latents(path, np.array([3, row]))


def test_latents_that_are_not_finite_are_refused(subject: Subject, tmp_path: Path) -> None:
    def black(rows: np.ndarray) -> Tensor:
        return torch.zeros(len(rows), 3, SIDE, SIDE)

    with pytest.raises(ConfigError, match=r"invariance\.autoencoder: latents have numbers"):
        record_latents(Halves(), black, ROWS, tmp_path / "latents", memory=subject.memory)
    assert not (tmp_path / "latents").exists()


def test_representations_are_what_the_network_says(subject: Subject, tmp_path: Path) -> None:
    path = tmp_path / "representations.zarr"
    record_representations(subject, LAYERS, ROWS, path, attributes={"weights": "trained"})
    asked = ROWS[::-1].copy()
    with torch.inference_mode():
        said = subject.tap([*LAYERS, "logits"])(subject.read(asked))
    for layer in LAYERS:
        found = open_representation(path, layer, asked)
        assert found.shape == (len(ROWS), *found.layer.shape) == tuple(said[layer].shape)
        # Another batch, another order of sums.
        np.testing.assert_allclose(found[:], said[layer], rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(found[np.array([4, 1])], found[:][[4, 1]])
        np.testing.assert_array_equal(found.predicted, said["logits"].argmax(dim=1))
    attributes = Rows(path).attributes
    assert attributes["network"] == "net"
    assert [layer["name"] for layer in attributes["layers"]] == LAYERS
    assert attributes["weights"] == "trained"


def test_logits_may_be_asked_for_themselves(subject: Subject, tmp_path: Path) -> None:
    record_representations(subject, ["logits", "stage2"], ROWS, tmp_path / "r")
    found = open_representation(tmp_path / "r", "logits", ROWS)
    np.testing.assert_allclose(found[:], subject.answers(ROWS), rtol=1e-4, atol=1e-6)


def test_a_layer_that_was_not_recorded_is_refused(subject: Subject, tmp_path: Path) -> None:
    record_representations(subject, LAYERS, ROWS, tmp_path / "r")
    with pytest.raises(ConfigError, match=r"'stage3' is not known\. Nearest: stage2"):
        open_representation(tmp_path / "r", "stage3", ROWS)


def test_representations_that_are_not_finite_are_refused(subject: Subject, tmp_path: Path) -> None:
    broken = CompactNetwork(4, width=2).eval()
    broken.hidden.weight.data[0] = torch.nan
    subject = replace(subject, network=replace(subject.network, module=broken))
    with pytest.raises(ConfigError, match=r"networks\.net: layer 'hidden_relu' answers"):
        record_representations(subject, LAYERS, ROWS, tmp_path / "r")
    assert not (tmp_path / "r").exists()
