"""The classifiers of torchvision, with and without their published weights."""

__all__ = ["adapted", "build_torchvision", "published_weights"]

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from actsense.errors import ConfigError, choose

# Importing torchvision takes seconds of every job; only networks of its own pay for it.
if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

# torchvision's own builders set these when they load published weights.
PUBLISHED_ARGUMENTS: dict[str, dict[str, Any]] = {
    "googlenet": {"transform_input": True},
    "inception_v3": {"transform_input": True},
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"init_weights": False},
}


def published_weights(name: str, settings: dict[str, Any]) -> "WeightsEnum | None":
    """Return the published weights that the settings name, or None for `none` and for a path.

    Arguments:
        name: The network's name in the configuration, used in messages.
        settings: Keys `model` and `weights` (default `DEFAULT`).

    Raises:
        ConfigError: If the model is unknown, or `weights` is neither `none`, nor a published
            set, nor an existing file.
    """
    import torchvision.models as zoo

    model = choose(f"networks.{name}.model", settings["model"], zoo.list_models(module=zoo))
    wanted = settings.get("weights", "DEFAULT")
    members = zoo.get_model_weights(model).__members__
    if wanted in members:
        return members[wanted]
    if wanted in (None, "none") or Path(wanted).expanduser().is_file():
        return None
    raise ConfigError(
        f"networks.{name}.weights: {wanted!r} is neither none, nor one of "
        f"{', '.join(members)}, nor an existing file."
    )


def build_torchvision(
    settings: dict[str, Any], published: "WeightsEnum | None", *, classes: int
) -> nn.Module:
    """Build the architecture that the weights belong to; the weights are filled in later."""
    import torchvision.models as zoo

    model = settings["model"]
    arguments = dict(ARGUMENTS.get(model, {}))
    if published is not None:
        arguments |= PUBLISHED_ARGUMENTS.get(model, {})
        if model.startswith("vit_"):
            arguments["image_size"] = published.meta["min_size"][0]
    module: nn.Module = zoo.get_model(model, weights=None, num_classes=classes, **arguments)
    return module


def adapted(model: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename what old published files call differently; leave out GoogLeNet's training heads."""
    if model == "googlenet":
        return {key: value for key, value in state.items() if not key.startswith("aux")}
    if model.startswith("densenet"):
        old = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")
        return {old.sub(r"\1\2.", key): value for key, value in state.items()}
    return state
