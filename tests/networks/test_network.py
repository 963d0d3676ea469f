from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from actsense.errors import ConfigError
from actsense.networks.compact import CompactNetwork
from actsense.networks.network import Network, load_network, normalise, outline_network
from actsense.networks.settings import Trained, read_network
from actsense.networks.state import save_state


def two_layers(width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.Flatten(), nn.LazyLinear(2))


def no_module() -> str:
    return "a string"


def failing() -> None:
    raise RuntimeError("no luck")


def float16() -> nn.Module:
    return nn.Conv2d(3, 1, 1).half()


def bfloat16() -> nn.Module:
    return nn.Conv2d(3, 1, 1).bfloat16()


def float64() -> nn.Module:
    return nn.Conv2d(3, 1, 1).double()


NUMBER = 3


def outline(settings: dict[str, Any]) -> Network:
    return outline_network("net", read_network(settings), classes=10, image_size=32)


def test_a_loaded_network_evaluates_without_gradients(small: Network) -> None:
    assert not any(module.training for module in small.module.modules())
    assert not any(parameter.requires_grad for parameter in small.module.parameters())


def test_loading_does_not_disturb_the_random_numbers_of_the_caller(tmp_path: Path) -> None:
    save_state(CompactNetwork(10), tmp_path / "w.pt")
    before = torch.get_rng_state()
    load_network("net", Trained(), tmp_path / "w.pt", classes=10, image_size=32)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_outline_takes_no_memory() -> None:
    module = outline({"kind": "torchvision", "model": "vgg11", "weights": "DEFAULT"}).module
    assert all(parameter.is_meta for parameter in module.parameters())


def test_published_weights_bring_their_constants_and_classes() -> None:
    network = outline({"kind": "torchvision", "model": "alexnet"})
    assert network.mean == (0.485, 0.456, 0.406)
    assert network.std == (0.229, 0.224, 0.225)
    assert network.image_size == 224
    assert network.classes is not None
    assert len(network.classes) == 1000


def test_constants_can_be_set() -> None:
    settings = {"kind": "trained", "mean": [0.1, 0.2, 0.3], "std": [0.2, 0.3, 0.4]}
    assert outline(settings).mean == (0.1, 0.2, 0.3)
    assert outline(settings).std == (0.2, 0.3, 0.4)


def test_a_python_factory_gets_its_arguments(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mine_for_test.py").write_text(
        "from torch import nn\ndef build(width): return nn.Conv2d(3, width, 3)\n"
    )
    monkeypatch.chdir(tmp_path)
    settings = {"kind": "python", "factory": "mine_for_test:build", "arguments": {"width": 7}}
    network = outline(settings)
    assert isinstance(network.module, nn.Conv2d)
    assert network.module.out_channels == 7
    assert network.mean == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"kind": "torchvision", "model": "alexnt"},
            r"networks\.net\.model: 'alexnt' is not known\. Nearest: alexnet",
        ),
        (
            {"kind": "torchvision", "model": "alexnet", "weights": "DEFALT"},
            r"networks\.net\.weights: 'DEFALT' is neither none, nor one of IMAGENET1K_V1, DEFAULT",
        ),
        (
            {"kind": "python", "factory": "torch.nn"},
            r"networks\.net\.factory: 'torch\.nn' is not of the form module:callable",
        ),
        (
            {"kind": "python", "factory": "no_such_module:build"},
            r"networks\.net\.factory: 'no_such_module:build' cannot be imported",
        ),
        ({"kind": "python", "factory": f"{__name__}:lost"}, "cannot be imported"),
        ({"kind": "python", "factory": f"{__name__}:NUMBER"}, "is not callable"),
        ({"kind": "python", "factory": f"{__name__}:no_module"}, "returned str, not a torch"),
        (
            {"kind": "python", "factory": f"{__name__}:failing"},
            "failed with RuntimeError: no luck",
        ),
        *(
            ({"kind": "python", "factory": f"{__name__}:{name}"}, rf"in {name}\. Return it in")
            for name in ("float16", "bfloat16", "float64")
        ),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        outline(settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("hidden.bias"), r"missing: hidden\.bias \(1 in all\)"),
        (lambda state: state.update(more=torch.ones(1)), r"unexpected: more \(1 in all\)"),
        (
            lambda state: state.update({"hidden.bias": torch.ones(5)}),
            r"of another shape: hidden\.bias \(5,\) for \(64,\)",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path: Path, change: Any, message: str) -> None:
    state = CompactNetwork(10).state_dict()
    change(state)
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(ConfigError, match=f"networks.net: .*do not fit CompactNetwork.*{message}"):
        load_network("net", Trained(), tmp_path / "w.pt", classes=10, image_size=32)


def test_every_classifier_has_an_outline_that_fits_its_kind() -> None:
    network = outline({"kind": "torchvision", "model": "googlenet", "weights": "DEFAULT"})
    assert isinstance(network, Network)
    assert not any(key.startswith("aux") for key in network.module.state_dict())


def test_what_was_first_normalised_without_a_way_back_has_one_the_next_time() -> None:
    mean, std = (0.11, 0.22, 0.33), (0.44, 0.55, 0.66)
    images = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = normalise(images, mean, std)
    images.requires_grad_()
    after = normalise(images, mean, std)
    (found,) = torch.autograd.grad((after**2).sum() / 2, images)
    assert torch.equal(before, after)
    for channel in range(3):
        expected = (images[:, channel] - mean[channel]) / std[channel]
        torch.testing.assert_close(after[:, channel], expected)
        torch.testing.assert_close(found[:, channel], expected / std[channel])
