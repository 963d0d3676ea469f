"""A model of torchvision or timm by its name alone."""

__all__ = ["find_model", "published_size"]

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from actsense.data.settings import SIDE
from actsense.errors import ConfigError
from actsense.networks.settings import Timm, Torchvision, read_network, weights_file
from actsense.networks.zoo.packaged import MODEL, PACKAGED


def find_model(model: str, weights: str | None = None) -> tuple[str, dict[str, Any]]:
    """Return a name for a network and its settings.

    A model that both libraries have is torchvision's; with a tag, `resnet18.a1_in1k`, it is
    timm's. Without `weights` they are the published ones, or those installed with the package.

    Arguments:
        model: Its name in torchvision or timm.
        weights: As in the configuration.

    Raises:
        ConfigError: If neither library knows it, or there is no such file of weights.
    """
    kind = _kind(model)
    usual = PACKAGED if (kind, model) == ("timm", MODEL) else "DEFAULT"
    name = re.sub(r"[^A-Za-z0-9_-]", "_", model)
    network = {"kind": kind, "model": model, "weights": weights or usual}
    file = weights_file(read_network(network))
    if file and not file.is_file():
        raise ConfigError(
            f"--weights: {file} is no file. Allowed: DEFAULT or another published set of {model}, "
            "none for random ones, or the path of a file that is there."
        )
    return name, network


def published_size(name: str, network: Mapping[str, Any]) -> int:
    """Return the side of the images that a model's weights were published for, pixels.

    Arguments:
        name: What the network is called.
        network: Its settings, as `find_model` returns them.

    Raises:
        ConfigError: If there are no such weights.
    """
    if network["kind"] == "timm":
        from actsense.networks.zoo.timm_models import timm_expects

        return timm_expects(name, Timm.model_validate(network)).image_size or SIDE
    from actsense.networks.zoo.torchvision_models import torchvision_expects

    return torchvision_expects(name, Torchvision.model_validate(network)).image_size or SIDE


def _kind(model: str) -> str:
    """Return the library of a model; importing either takes seconds."""
    architecture, _, tag = model.partition(".")
    known: list[str] = []
    if not tag and architecture != MODEL:
        import torchvision.models as zoo

        known += zoo.list_models(module=zoo)
        if model in known:
            return "torchvision"
    import timm

    known += timm.list_models()
    if architecture in known:
        return "timm"
    nearest = ", ".join(get_close_matches(architecture, dict.fromkeys(known), n=5)) or "none"
    raise ConfigError(
        f"--network: neither torchvision nor timm knows {architecture!r}. Nearest: {nearest}."
    )
