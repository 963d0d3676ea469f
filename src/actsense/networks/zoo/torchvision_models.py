"""The classifiers of torchvision, with and without their published weights."""

__all__ = ["adapted", "build_torchvision", "torchvision_expects", "torchvision_publishes"]

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from actsense.errors import ConfigError, choose
from actsense.networks.settings import Torchvision, weights_file
from actsense.networks.zoo.published import Expected, Published

# Importing torchvision takes seconds of every job; only networks of its own pay for it.
if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

# Means and standard deviations per channel, for images in [0, 1], of all published weights.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

# torchvision's own builders set these when they load published weights.
PUBLISHED_ARGUMENTS: dict[str, dict[str, Any]] = {
    "googlenet": {"transform_input": True},
    "inception_v3": {"transform_input": True},
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"init_weights": False},
}


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
    """Return what published weights expect; others are taken to be normalised like them.

    Arguments and errors are those of `torchvision_publishes`.
    """
    published = _published(name, settings)
    if published is None:
        return Expected(*IMAGENET, None, None, None)
    transforms, classes = published.transforms(), list(published.meta["categories"])
    mean, std = tuple(transforms.mean), tuple(transforms.std)
    return Expected(mean, std, int(transforms.crop_size[0]), len(classes), classes)


def build_torchvision(name: str, settings: Torchvision, *, classes: int) -> nn.Module:
    """Build the architecture that the weights belong to; the weights are filled in later.

    Arguments and errors are those of `torchvision_publishes`.
    """
    import torchvision.models as zoo

    model, published = settings.model, _published(name, settings)
    arguments = dict(ARGUMENTS.get(model, {}))
    if published is not None:
        arguments |= PUBLISHED_ARGUMENTS.get(model, {})
        if model.startswith("vit_"):
            arguments["image_size"] = published.meta["min_size"][0]
    module: nn.Module = zoo.get_model(model, weights=None, num_classes=classes, **arguments)
    return module


def adapted(model: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename what old published files call differently, and add what they did not know yet.

    Leaves out GoogLeNet's training heads. Parallel training left `module` in the names, in those
    of AlexNet and VGG behind `features`; files older than PyTorch 0.4.1, as those of Places365
    are, do not count the batches of batch normalisation.
    """
    if model == "googlenet":
        state = {key: value for key, value in state.items() if not key.startswith("aux")}
    if model.startswith("densenet"):
        old = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")
        state = {old.sub(r"\1\2.", key): value for key, value in state.items()}
    return dict(_with_batch_counts({_unwrapped(key): value for key, value in state.items()}))


def _unwrapped(key: str) -> str:
    return ".".join(part for part in key.split(".") if part != "module")


def _with_batch_counts(state: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Put the count behind the running variance, where current files have it."""
    for key, value in state.items():
        yield key, value
        counted = key.removesuffix("running_var") + "num_batches_tracked"
        if key.endswith(".running_var") and counted not in state:
            yield counted, torch.tensor(0)


def _published(name: str, settings: Torchvision) -> "WeightsEnum | None":
    import torchvision.models as zoo

    model = choose(f"networks.{name}.model", settings.model, zoo.list_models(module=zoo))
    wanted = settings.weights
    members = zoo.get_model_weights(model).__members__
    if wanted in members:
        return members[wanted]
    if wanted == "none" or weights_file(settings):
        return None
    raise ConfigError(
        f"networks.{name}.weights: {wanted!r} is neither none, nor one of "
        f"{', '.join(members)}, nor a file."
    )


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
