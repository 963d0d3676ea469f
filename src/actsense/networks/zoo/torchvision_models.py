"""The classifiers of torchvision, with and without their published weights."""

__all__ = ["adapted", "build_torchvision", "torchvision_expects", "torchvision_publishes"]

import re
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from actsense.errors import ConfigError, choose
from actsense.networks.foreign import foreign
from actsense.networks.settings import Torchvision, weights_file
from actsense.networks.zoo.published import Expected, Published

# Importing torchvision takes seconds of every job; only networks of its own pay for it.
if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

# Heads that only a training uses are left out. `transform_input` is what torchvision's builders
# set for published weights, which were trained on images of another scale.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": False, "transform_input": True},
    "inception_v3": {"aux_logits": False, "init_weights": False, "transform_input": True},
}
AUXILIARY = re.compile(r"(?:^|\.)(?:aux[12]|AuxLogits)\.")
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")


def torchvision_publishes(name: str, settings: Torchvision) -> Published | None:
    """Return the published weights that the settings name, or None for `none` and for a path.

    Arguments:
        name: The network's name in the configuration, used in messages.
        settings: Its settings.

    Raises:
        ConfigError: If the model is unknown, or `weights` is neither `none`, nor a published
            set, nor a file. That a file exists is checked when it is read.
    """
    found = _published(name, settings)
    if found is None:
        return None

    def fetch(folder: Path) -> dict[str, Tensor]:
        return adapted(settings.model, _downloaded(found.url, folder))

    return Published(str(found), found.url, fetch)


def torchvision_expects(name: str, settings: Torchvision) -> Expected:
    """Return what published weights expect; others are taken to expect what the default ones do.

    Arguments and errors are those of `torchvision_publishes`.
    """
    import torchvision.models as zoo

    published = _published(name, settings)
    transforms = (published or zoo.get_model_weights(settings.model).DEFAULT).transforms()
    classes = list(published.meta["categories"]) if published else None
    mean, std = tuple(transforms.mean), tuple(transforms.std)
    outputs = len(classes) if classes else None
    return Expected(mean, std, int(transforms.crop_size[0]), outputs, classes)


def build_torchvision(
    name: str, settings: Torchvision, *, classes: int, image_size: int | None = None
) -> nn.Module:
    """Build the architecture that the weights belong to; the weights are filled in later.

    Arguments and errors are those of `torchvision_publishes`, and

    Arguments:
        name: The network's name in the configuration, used in messages.
        settings: Its settings.
        classes: Number of outputs.
        image_size: Side of the images, pixels. A vision transformer without published weights
            is built for it.
    """
    import torchvision.models as zoo

    model, published = settings.model, _published(name, settings)
    arguments = dict(ARGUMENTS.get(model, {}))
    side = published.meta["min_size"][0] if published else image_size
    if model.startswith("vit_") and side:
        arguments["image_size"] = side
    counting = _CountingOnTheCpu() if model.startswith("regnet_") else nullcontext()
    with foreign(f"networks.{name}.model: {model}"), counting:
        module: nn.Module = zoo.get_model(model, weights=None, num_classes=classes, **arguments)
    return module


class _CountingOnTheCpu(TorchFunctionMode):
    """RegNets work out their widths with tensors, which an outline has no values for."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}  # those of modules name a device
        counts = func in (torch.arange, torch.tensor) and "device" not in given
        return func(*args, **given | ({"device": "cpu"} if counts else {}))


def adapted(model: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename what old published files call differently; leave out heads for training alone."""
    if model in ARGUMENTS:
        state = {key: value for key, value in state.items() if not AUXILIARY.search(key)}
    if model.startswith("densenet"):
        state = {OLD_DENSENET.sub(r"\1\2.", key): value for key, value in state.items()}
    return state


def _published(name: str, settings: Torchvision) -> "WeightsEnum | None":
    import torchvision.models as zoo

    model = choose(f"networks.{name}.model", settings.model, zoo.list_models(module=zoo))
    wanted = settings.weights
    members = zoo.get_model_weights(model).__members__
    if wanted == "none" or weights_file(settings):
        return None
    if wanted in members:
        return _with_classes(name, wanted, members[wanted])
    raise ConfigError(
        f"networks.{name}.weights: {wanted!r} is neither none, nor one of "
        f"{', '.join(members)}, nor a file."
    )


def _with_classes(name: str, wanted: str, found: "WeightsEnum") -> "WeightsEnum":
    if not found.meta["categories"]:
        raise ConfigError(
            f"networks.{name}.weights: {wanted} has no classifier, only features. Choose other "
            "weights of the model, or build the network as kind python."
        )
    return found


def _downloaded(url: str, folder: Path) -> dict[str, Tensor]:
    """Fetch into a folder; the name of the file holds part of its hash."""
    return torch.hub.load_state_dict_from_url(
        url,
        model_dir=str(folder),
        map_location="cpu",
        progress=sys.stderr.isatty(),
        check_hash=True,
        weights_only=True,
    )
