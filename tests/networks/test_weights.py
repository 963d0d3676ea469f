import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision.models as zoo
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.networks.network import load_network, outline_network
from actsense.networks.settings import read_network
from actsense.networks.state import read_state, save_state
from actsense.networks.weights import download_weights, import_weights
from actsense.networks.zoo.torchvision_models import adapted

SQUEEZE = {"name": "squeezenet1_1", "kind": "torchvision", "model": "squeezenet1_1"}


def served(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, name: str = "{hash}"
) -> dict[str, Tensor]:
    """Publish a squeezenet under the name of its hash; return its state dict."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        state = zoo.squeezenet1_1(weights=None).state_dict()
    stream = io.BytesIO()
    torch.save(state, stream)
    digest = hashlib.sha256(stream.getvalue()).hexdigest()
    file = f"squeezenet-{name.format(hash=digest[:8])}.pth"
    (tmp_path / "served" / file).write_bytes(stream.getvalue())
    monkeypatch.setattr(zoo.SqueezeNet1_1_Weights.DEFAULT.value, "url", f"{server}/{file}")
    return state


def test_downloaded_weights_are_those_on_the_server(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = served(tmp_path, server, monkeypatch)
    weights, card = tmp_path / "out" / "w.pt", tmp_path / "out" / "card.json"
    download_weights(SQUEEZE, weights, card, image_size=64, pause=0)
    network = load_network("squeeze", read_network(SQUEEZE), weights, classes=5, image_size=64)
    for key, value in network.module.state_dict().items():
        assert torch.equal(value, state[key])
    assert json.loads(card.read_text())["weights"]["source"].startswith(server)
    assert sorted(path.name for path in weights.parent.iterdir()) == [
        ".card.json.manifest",
        "card.json",
        "w.pt",
    ]


def test_a_wrong_hash_is_refused_after_all_attempts(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    served(tmp_path, server, monkeypatch, name="0badc0de")
    with pytest.raises(ConfigError, match=r"cannot download http.*invalid hash value"):
        download_weights(
            SQUEEZE, tmp_path / "w.pt", tmp_path / "c.json", image_size=64, attempts=2, pause=0
        )
    assert len(caplog.records) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["served"]


def test_an_interrupted_download_is_tried_again(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(tmp_path, server, monkeypatch)
    failures = iter([True, False])
    real = torch.hub.load_state_dict_from_url

    def unreliable(*args: Any, **kwargs: Any) -> Any:
        if next(failures):
            raise ConnectionResetError("line cut")
        return real(*args, **kwargs)

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreliable)
    download_weights(SQUEEZE, tmp_path / "w.pt", tmp_path / "c.json", image_size=64, pause=0)
    assert (tmp_path / "w.pt").is_file()


def test_an_unreachable_server_says_what_to_do(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{server}/lost-12345678.pth"
    monkeypatch.setattr(zoo.SqueezeNet1_1_Weights.DEFAULT.value, "url", url)
    with pytest.raises(ConfigError, match=r"cannot download .*404.*networks\.squeezenet1_1\.weig"):
        download_weights(
            SQUEEZE, tmp_path / "w.pt", tmp_path / "c.json", image_size=64, attempts=1
        )


def test_nothing_is_downloaded_for_random_weights(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'none' is nothing to download"):
        download_weights(
            SQUEEZE | {"weights": "none"}, tmp_path / "w.pt", tmp_path / "c.json", image_size=64
        )


def test_random_weights_follow_the_seed(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        settings = SQUEEZE | {"weights": "none"}
        import_weights(
            settings, seed, 4, tmp_path / name, tmp_path / f"{name}.json", image_size=64
        )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text())["weights"] == {
        "source": "random",
        "seed": 1,
    }


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3}])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_file_decides_the_number_of_classes(tmp_path: Path, wrap: Any, prefix: str) -> None:
    state = zoo.squeezenet1_1(weights=None, num_classes=7).state_dict()
    torch.save(wrap({prefix + key: value for key, value in state.items()}), tmp_path / "own.pt")
    settings = SQUEEZE | {"weights": str(tmp_path / "own.pt")}
    import_weights(settings, 0, 4, tmp_path / "w.pt", tmp_path / "c.json", image_size=64)
    network = load_network(
        "net", read_network(settings), tmp_path / "w.pt", classes=4, image_size=64
    )
    assert network.module(torch.zeros(1, 3, 64, 64)).shape == (1, 7)
    assert network.classes is None


@pytest.mark.parametrize(
    ("model", "wrapped"), [("alexnet", "features.module."), ("resnet18", "module.")]
)
def test_checkpoints_as_old_as_those_of_places_are_read(
    tmp_path: Path, model: str, wrapped: str
) -> None:
    """Parallel training wrapped all of a network, or its features; batches were not counted."""
    module = zoo.get_model(model, weights=None, num_classes=7)
    inside = "features." if model == "alexnet" else ""
    state = {
        wrapped + key.removeprefix(inside) if key.startswith(inside) else key: value
        for key, value in module.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    checkpoint = {"epoch": 90, "arch": model, "state_dict": state, "best_prec1": 47.3}
    torch.save(checkpoint, tmp_path / "own.pth.tar", _use_new_zipfile_serialization=False)
    settings = {
        "name": "net",
        "kind": "torchvision",
        "model": model,
        "weights": str(tmp_path / "own.pth.tar"),
    }
    import_weights(settings, 0, 4, tmp_path / "w.pt", tmp_path / "c.json", image_size=64)
    network = load_network(
        "net", read_network(settings), tmp_path / "w.pt", classes=4, image_size=64
    )
    read = network.module.state_dict()
    for key, value in module.state_dict().items():
        assert torch.equal(read[key], value)


@pytest.mark.parametrize("named", ["lost.pt", "somewhere/lost", "lost.pth.tar"])
def test_a_file_that_is_not_there_yet_is_taken_for_a_file(tmp_path: Path, named: str) -> None:
    settings = SQUEEZE | {"weights": str(tmp_path / named)}
    assert outline_network("net", read_network(settings), classes=4, image_size=64).classes is None
    with pytest.raises(ConfigError, match=f"{named}: no file of weights there"):
        import_weights(settings, 0, 4, tmp_path / "w.pt", tmp_path / "c.json", image_size=64)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    torch.save(zoo.squeezenet1_0(weights=None).state_dict(), tmp_path / "own.pt")
    settings = SQUEEZE | {"weights": str(tmp_path / "own.pt")}
    message = r"networks\.squeezenet1_1\.weights: .* do not fit SqueezeNet\. missing: features"
    with pytest.raises(ConfigError, match=message):
        import_weights(settings, 0, 4, tmp_path / "w.pt", tmp_path / "c.json", image_size=64)


def test_weights_of_a_python_factory_are_copied(tmp_path: Path) -> None:
    module = nn.Conv2d(3, 2, 3)
    save_state(module, tmp_path / "own.pt")
    arguments = {"in_channels": 3, "out_channels": 2, "kernel_size": 3}
    settings = {
        "name": "net",
        "kind": "python",
        "factory": "torch.nn:Conv2d",
        "arguments": arguments,
        "weights": str(tmp_path / "own.pt"),
    }
    import_weights(settings, 0, 2, tmp_path / "w.pt", tmp_path / "c.json", image_size=64)
    network = load_network(
        "net", read_network(settings), tmp_path / "w.pt", classes=2, image_size=8
    )
    assert torch.equal(network.module.state_dict()["weight"], module.weight)


class Fixed(nn.Sequential):
    """A network whose stem is always the same, and whose head may be."""

    def __init__(self, *, head: bool) -> None:
        super().__init__(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 5))
        for part in (self[0], self[3])[: 1 + head]:
            for tensor in part.parameters():
                values = torch.arange(tensor.numel(), dtype=torch.float32)
                tensor.data = values.sin().reshape(tensor.shape)


@pytest.mark.parametrize(
    ("factory", "arguments", "expected"),
    [
        (f"{__name__}:Fixed", {"head": True}, {"source": "factory"}),
        (
            f"{__name__}:Fixed",
            {"head": False},
            {"source": "factory", "random": ["3.weight", "3.bias"], "seed": 5},
        ),
        (
            "actsense.networks.compact:CompactNetwork",
            {"classes": 5},
            {"source": "random", "seed": 5},
        ),
    ],
)
def test_weights_that_a_factory_fixes_are_not_called_random(
    tmp_path: Path, factory: str, arguments: dict[str, Any], expected: dict[str, Any]
) -> None:
    settings = {"name": "net", "kind": "python", "factory": factory, "arguments": arguments}
    import_weights(settings, 5, 5, tmp_path / "w.pt", tmp_path / "c.json", image_size=8)
    assert json.loads((tmp_path / "c.json").read_text())["weights"] == expected


def test_the_card_tells_the_hash_of_the_users_file(tmp_path: Path) -> None:
    save_state(Fixed(head=False), tmp_path / "own.pt")
    settings = {"name": "net", "kind": "python", "factory": f"{__name__}:Fixed"}
    settings |= {"arguments": {"head": True}, "weights": str(tmp_path / "own.pt")}
    import_weights(settings, 5, 5, tmp_path / "w.pt", tmp_path / "c.json", image_size=8)
    digest = hashlib.sha256((tmp_path / "own.pt").read_bytes()).hexdigest()
    assert json.loads((tmp_path / "c.json").read_text())["weights"] == {
        "source": str(tmp_path / "own.pt"),
        "sha256": digest,
    }


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lost\.pt: no file of weights there"):
        read_state(tmp_path / "lost.pt")


def test_pickled_code_is_refused(tmp_path: Path) -> None:
    torch.save(nn.Linear(1, 1), tmp_path / "w.pt")
    with pytest.raises(ConfigError, match=r"w\.pt: not a plain state dict, or damaged"):
        read_state(tmp_path / "w.pt")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ConfigError, match=r"w\.pt: not a plain state dict, or damaged"):
        read_state(tmp_path / "w.pt")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "w.pt")
    with pytest.raises(ConfigError, match="does not hold a state dict"):
        read_state(tmp_path / "w.pt")


def test_a_state_dict_without_a_classifier_is_refused(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "own.pt")
    settings = SQUEEZE | {"weights": str(tmp_path / "own.pt")}
    with pytest.raises(ConfigError, match="holds no named tensors"):
        import_weights(settings, 0, 4, tmp_path / "w.pt", tmp_path / "c.json", image_size=64)


def test_old_names_of_densenet_are_understood() -> None:
    with torch.device("meta"):
        expected = zoo.densenet121(weights=None).state_dict()
    old = {
        key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): value
        for key, value in expected.items()
    }
    assert old.keys() != expected.keys()
    assert adapted("densenet121", old).keys() == expected.keys()
