"""Networks of timm: what they expect, and their weights downloaded, drawn and read."""

import dataclasses
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save
from timm.models import _hub, _registry
from torch import Tensor

from actsense.errors import ConfigError
from actsense.networks.network import Network, load_network, outline_network
from actsense.networks.settings import read_network
from actsense.networks.weights import download_weights, import_weights

TINY = {"name": "net", "kind": "timm", "model": "test_resnet"}
TAG = "test_resnet.r160_in1k"


def outline(settings: dict[str, Any]) -> Network:
    return outline_network("net", read_network(settings), classes=7, image_size=64)


def load(settings: dict[str, Any], weights: Path) -> Network:
    return load_network("net", read_network(settings), weights, classes=7, image_size=64)


@pytest.fixture
def state() -> dict[str, Tensor]:
    """Return weights of the smallest network that timm publishes."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return dict(timm.create_model("test_resnet").state_dict())


def publish(monkeypatch: pytest.MonkeyPatch, **change: Any) -> None:
    """Let timm believe that its weights are elsewhere."""
    known = _registry._model_pretrained_cfgs
    monkeypatch.setitem(known, TAG, dataclasses.replace(known[TAG], **change))


@pytest.mark.parametrize(
    ("settings", "mean", "size", "first"),
    [
        ({"model": "resnet18"}, (0.485, 0.456, 0.406), 224, "tench, Tinca tinca"),
        ({"model": "resnet18.fb_swsl_ig1b_ft_in1k"}, (0.485, 0.456, 0.406), 224, "tench, Tinca"),
        ({"model": "vit_tiny_patch16_224"}, (0.5, 0.5, 0.5), 224, "tench, Tinca tinca"),
        ({"model": "mobilevit_xxs"}, (0.0, 0.0, 0.0), 256, "tench, Tinca tinca"),
        ({"model": "mobilevit_xxs", "weights": "none"}, (0.0, 0.0, 0.0), 256, None),
        ({"model": "mobilevit_xxs", "weights": "own.pt"}, (0.0, 0.0, 0.0), 256, None),
        (
            {"model": "convnext_tiny", "weights": "in12k"},
            *((0.485, 0.456, 0.406), 224, "benthos"),
        ),
    ],
)
def test_a_network_of_timm_brings_what_its_weights_expect(
    settings: dict[str, Any], mean: tuple[float, ...], size: int, first: str | None
) -> None:
    network = outline(TINY | settings)
    assert (network.mean, network.image_size) == (mean, size)
    outputs = network.module(torch.zeros(1, 3, size, size, device="meta")).shape[1]
    if first is None:
        assert (network.classes, outputs) == (None, 7)
    else:
        assert network.classes is not None
        assert network.classes[0].startswith(first)
        assert outputs == len(network.classes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "resnt18"}, r"model: timm knows no 'resnt18'\. Nearest: resnet18"),
        ({"model": "resnet18.lost"}, r"model: 'resnet18\.lost' is not known\. Nearest: resnet18"),
        (
            {"weights": "lost"},
            r"weights: 'lost' is neither none, .*test_resnet \(DEFAULT, ",
        ),
        ({"model": "nfnet_f0"}, r"weights: 'DEFAULT' is neither none, .*\(nothing published\)"),
        ({"model": "aimv2_large_patch14_224"}, "no classifier, only features"),
        (
            {"model": "resnet18.a1_in1k", "weights": "a2_in1k"},
            r"resnet18\.a1_in1k names its weights, and weights names others, 'a2_in1k'",
        ),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"networks\.net[:.].*{message}"):
        outline(TINY | settings)


def test_weights_come_from_an_address_and_their_hash_is_checked(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, state: dict[str, Tensor]
) -> None:
    stream = io.BytesIO()
    torch.save(state, stream)
    digest = hashlib.sha256(stream.getvalue()).hexdigest()[:8]
    for name in (f"tiny-{digest}.pth", "tiny-0badc0de.pth"):
        (tmp_path / "served" / name).write_bytes(stream.getvalue())
    weights, card = tmp_path / "out/w.pt", tmp_path / "out/c.json"

    publish(monkeypatch, hf_hub_id=None, url=f"{server}/tiny-0badc0de.pth")
    with pytest.raises(ConfigError, match=r"cannot download http.*invalid hash value"):
        download_weights(TINY, weights, card, image_size=64, attempts=1)
    assert not list(weights.parent.iterdir())

    publish(monkeypatch, hf_hub_id=None, url=f"{server}/tiny-{digest}.pth")
    download_weights(TINY, weights, card, image_size=64, attempts=1)
    network = load(TINY, weights)
    assert all(torch.equal(v, state[key]) for key, v in network.module.state_dict().items())
    written = json.loads(card.read_text())
    assert written["weights"] == {"source": f"{server}/tiny-{digest}.pth", "set": TAG}
    assert written["versions"]["timm"] == timm.__version__
    made = sorted(path.name for path in weights.parent.iterdir())
    assert made == [".c.json.manifest", "c.json", "w.pt"]


@pytest.mark.parametrize("damage", [b"", b"damaged"])
def test_weights_come_from_the_hub_and_their_hash_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: dict[str, Tensor], damage: bytes
) -> None:
    content = save(state)

    def fetch(repo_id: str, filename: str, cache_dir: Path, **_: Any) -> str:
        digest = hashlib.sha256(content + damage).hexdigest()
        blob = cache_dir / f"models--{repo_id.replace('/', '--')}" / "blobs" / digest
        blob.parent.mkdir(parents=True)
        blob.write_bytes(content)
        return str(blob)

    monkeypatch.setattr(_hub, "hf_hub_download", fetch)
    weights = tmp_path / "w.pt"
    if damage:
        with pytest.raises(ConfigError, match=r"huggingface\.co/timm/test_resnet.*invalid hash"):
            download_weights(TINY, weights, tmp_path / "c.json", image_size=64, attempts=1)
    else:
        download_weights(TINY, weights, tmp_path / "c.json", image_size=64, attempts=1)
        network = load(TINY, weights)
        assert all(torch.equal(v, state[key]) for key, v in network.module.state_dict().items())
        assert len(network.classes or []) == 1000


def test_without_a_connection_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(**_: Any) -> str:
        raise ConnectionError("no route\nand much more")

    monkeypatch.setattr(_hub, "hf_hub_download", unreachable)
    message = r"cannot download huggingface.co/timm/test_resnet.* \(no route\)\. Run this rule whe"
    with pytest.raises(ConfigError, match=message):
        download_weights(TINY, tmp_path / "w.pt", tmp_path / "c.json", image_size=64, attempts=1)


def test_weights_of_a_file_decide_the_number_of_classes(tmp_path: Path) -> None:
    own = timm.create_model("test_vit", num_classes=3).state_dict()
    torch.save(dict(sorted(own.items())), tmp_path / "own.pt")  # its last tensor is no classifier
    settings = TINY | {"model": "test_vit", "weights": str(tmp_path / "own.pt")}
    assert outline(settings).module.state_dict()["head.weight"].shape == (3, 64)
    import_weights(settings, 0, 7, tmp_path / "w.pt", tmp_path / "c.json", image_size=64)
    network = load(settings, tmp_path / "w.pt")
    assert all(torch.equal(v, own[key]) for key, v in network.module.state_dict().items())


def test_random_weights_have_the_classes_of_the_dataset(tmp_path: Path) -> None:
    settings = TINY | {"weights": "none"}
    import_weights(settings, 0, 7, tmp_path / "w.pt", tmp_path / "c.json", image_size=64)
    assert load(settings, tmp_path / "w.pt").module(torch.zeros(1, 3, 64, 64)).shape == (1, 7)
