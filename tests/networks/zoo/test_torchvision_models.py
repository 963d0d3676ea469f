"""Networks of torchvision: built as torchvision's own builders do, by name and by path."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torchvision.models as zoo
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from actsense.errors import ConfigError
from actsense.networks.network import build_module, normalisation, outline_network
from actsense.networks.settings import Torchvision
from actsense.networks.zoo.torchvision_models import adapted


class Hollow(TorchFunctionMode):
    """Leaves out the memory of weights and the draws that fill it."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one function of PyTorch."""
        if func in (Tensor.normal_, Tensor.uniform_, Tensor.erfinv_):
            return args[0]
        hollow = {"device": "meta"} if func is torch.empty else {}
        return func(*args, **(kwargs or {}) | hollow)


def published() -> Iterator[Any]:
    """Yield the default weights of every classifier, and those of other architecture switches."""
    for model in zoo.list_models(module=zoo):
        for weights in sorted(set(zoo.get_model_weights(model)), key=str):
            default = weights is zoo.get_model_weights(model).DEFAULT
            if default or (model.startswith("vit_") and "E2E" in weights.name):
                yield pytest.param(model, weights, id=str(weights))


@pytest.mark.parametrize(("model", "weights"), list(published()))
def test_weights_by_path_equal_weights_by_name_for_every_classifier(
    model: str, weights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle is torchvision's own builder, whose weights are not loaded."""
    monkeypatch.setattr(type(weights), "get_state_dict", lambda *_, **__: {})
    monkeypatch.setattr(nn.Module, "load_state_dict", lambda *_, **__: None)
    side = int(weights.transforms().crop_size[0])
    with Hollow():
        oracle = zoo.get_model(model, weights=weights)
    expected = (weights.transforms().mean, weights.transforms().std)
    for head in ("aux1", "aux2", "AuxLogits"):  # for training alone
        oracle._modules.pop(head, None)
    known = switches(oracle)
    by_name = (weights.name,) if model.startswith(("vit", "goog", "incep", "squeeze")) else ()
    for named in ("own.pt", *by_name):  # other models are built alike whatever their weights
        settings = Torchvision(model=model, weights=named)
        with Hollow():
            module = build_module("net", settings, classes=1000, image_size=side)
        assert switches(module) == known
        assert normalisation("net", settings) == tuple(map(tuple, expected))


def switches(module: nn.Module) -> dict[str, Any]:
    """Return what decides the function of a network: kinds of modules, settings and shapes."""
    parts = dict(module.named_modules())
    plain = {
        f"{name}.{key}": value
        for name, part in parts.items()
        for key, value in vars(part).items()
        if type(value) in (bool, int, float, str, tuple) and key != "aux_logits"
    }
    kinds = {name: type(part) for name, part in parts.items()}
    return plain | kinds | {key: value.shape for key, value in module.state_dict().items()}


def test_a_vision_transformer_is_built_for_the_images_of_the_study() -> None:
    settings = Torchvision(model="vit_b_32", weights="none")
    network = outline_network("net", settings, classes=4, image_size=64)
    assert network.module.state_dict()["encoder.pos_embedding"].shape == (1, 5, 768)
    with pytest.raises(ConfigError, match=r"networks\.net\.model: vit_b_32 failed with .*indivis"):
        outline_network("net", settings, classes=4, image_size=50)


def test_weights_of_features_alone_are_refused() -> None:
    with pytest.raises(ConfigError, match="IMAGENET1K_FEATURES has no classifier"):
        outline_network(
            "net",
            Torchvision(model="vgg16", weights="IMAGENET1K_FEATURES"),
            classes=4,
            image_size=64,
        )


@pytest.mark.parametrize("model", ["googlenet", "inception_v3"])
def test_heads_for_training_alone_are_left_out(model: str) -> None:
    with torch.device("meta"):
        whole: dict[str, Tensor] = zoo.get_model(
            model, weights=None, aux_logits=True, init_weights=False
        ).state_dict()
        built = build_module("net", Torchvision(model=model), classes=1000)
    assert adapted(model, whole).keys() == built.state_dict().keys()
    parallel = {f"module.{key}": value for key, value in whole.items()}
    assert len(adapted(model, parallel)) == len(built.state_dict())


def test_a_regnet_has_an_outline() -> None:
    """It works out its widths with tensors, which have no values on the meta device."""
    settings = Torchvision(model="regnet_y_400mf")
    module = outline_network("net", settings, classes=4, image_size=64).module
    assert all(tensor.is_meta for tensor in module.state_dict().values())
    assert module(torch.zeros(1, 3, 64, 64, device="meta")).shape == (1, 1000)
