"""A network ready to be measured: the module, its weights, and what it expects as input."""

__all__ = [
    "Network",
    "build_module",
    "count_outputs",
    "file_candidates",
    "load_network",
    "normalisation",
    "normalise",
    "outline_network",
    "probing_outline",
    "published_classes",
]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.networks.bag import BagNetwork
from actsense.networks.compact import CompactNetwork
from actsense.networks.factory import build_from_factory
from actsense.networks.first_pass import materialise
from actsense.networks.residual import ResidualNetwork, WideResidualNetwork
from actsense.networks.returned import PROBES, Returned, look_at_outputs
from actsense.networks.settings import (
    NetworkSettings,
    Published,
    Python,
    Timm,
    Torchvision,
    Trained,
    weights_file,
)
from actsense.networks.state import fill, read_state
from actsense.networks.weights_file import match_state, read_candidates
from actsense.networks.zoo.published import Expected
from actsense.networks.zoo.timm_models import build_timm, timm_expects
from actsense.networks.zoo.torchvision_models import (
    adapted,
    build_torchvision,
    torchvision_expects,
)

# Means and standard deviations per channel, dimensionless, for images in [0, 1].
CENTRED = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))  # networks trained here
UNCHANGED = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
UNLIKELY = 7919  # outputs by which the classifier is found among the tensors of a network


@dataclass(frozen=True)
class Network:
    """A network in evaluation mode, without gradients.

    The module receives images in [0, 1] after `normalise`.
    """

    name: str
    module: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    image_size: int | None  # side of the images it was made for, pixels; None: unknown
    classes: list[str] | None  # names of its outputs where the published weights have them
    # How its outputs are found among the classes of a dataset; None: it was trained on these.
    outputs: str | tuple[str, ...] | None = "auto"
    returns: Returned = "logits"
    layout: str = "auto"  # of maps, where images of two sizes do not tell


def load_network(
    name: str, settings: NetworkSettings, weights: Path, *, classes: int, image_size: int
) -> Network:
    """Build a network and fill in its weights.

    Arguments:
        name: Its name in the configuration, used in messages.
        settings: Its settings.
        weights: State dict written by `train_network`, `download_weights` or `import_weights`.
        classes: Number of classes of the dataset; torchvision's and timm's models have as many
            as their weights have instead.
        image_size: Side of the dataset's images, pixels.

    Raises:
        ConfigError: If the settings cannot be used or the weights do not fit.
    """
    state = read_state(Path(weights))
    setting = f"networks.{name}: {weights}"
    if isinstance(settings, Torchvision | Timm):
        classes = count_outputs(probing_outline(name, settings), state, setting)
    module = build_module(name, settings, classes=classes, image_size=image_size)
    fill(module, state, setting)
    network = _network(name, settings, module, image_size)
    if not isinstance(settings, Python):
        return network
    noise = torch.rand(
        *(PROBES, 3, image_size, image_size), generator=torch.Generator().manual_seed(0)
    )
    shown = normalise(noise, network.mean, network.std)
    return replace(network, returns=look_at_outputs(name, module, shown))


def outline_network(
    name: str, settings: NetworkSettings, *, classes: int, image_size: int
) -> Network:
    """Build a network to check its settings and layers; its weights mean nothing.

    Arguments and errors are those of `load_network`. The modules of torchvision and timm are on
    the meta device and take no memory.
    """
    expected = _expected(name, settings)
    outputs = expected.outputs or _outputs_of_file(name, settings) or classes
    # Our own are small, and somebody else's code may not know the meta device, whose first use
    # imports for longer than they take.
    with torch.device("meta" if isinstance(settings, Torchvision | Timm) else "cpu"):
        module = build_module(name, settings, classes=outputs, image_size=image_size)
    return _network(name, settings, module, image_size)


def build_module(
    name: str, settings: NetworkSettings, *, classes: int, image_size: int | None = None
) -> nn.Module:
    """Build the module of a network, its weights drawn at random.

    Arguments:
        name: Its name in the configuration, used in messages.
        settings: Its settings.
        classes: Number of outputs.
        image_size: Side of the images, pixels, from which lazy modules and vision transformers
            without published weights learn their shapes.

    Raises:
        ConfigError: If the settings cannot be used.
    """
    with torch.random.fork_rng(devices=[]):  # drawing weights must not disturb the caller
        if isinstance(settings, Trained):
            return _to_train(settings, classes=classes)
        if isinstance(settings, Torchvision):
            return build_torchvision(name, settings, classes=classes, image_size=image_size)
        if isinstance(settings, Timm):
            return build_timm(name, settings, classes=classes)
        if isinstance(settings, Published):
            raise _no_module(name)
        module = build_from_factory(name, settings)
        if image_size is not None:
            materialise(module, image_size, f"networks.{name}.factory")
        return module


def file_candidates(
    settings: NetworkSettings, *, values: bool = True
) -> dict[str, dict[str, Tensor]] | None:
    """Read what may be the weights of a network in the file that its settings name, if they do.

    Arguments:
        settings: Those of the network.
        values: Whether to read values; else tensors are on the meta device.

    Raises:
        ConfigError: If the file cannot be used, see `read_candidates`.
    """
    path = weights_file(settings)
    if path is None:
        return None
    candidates = read_candidates(path, values=values)
    if isinstance(settings, Torchvision):
        return {place: adapted(settings.model, state) for place, state in candidates.items()}
    return candidates


def _outputs_of_file(name: str, settings: NetworkSettings) -> int | None:
    """Count the outputs of weights in a file that is there already."""
    path = weights_file(settings)
    if isinstance(settings, Python) or path is None or not path.exists():
        return None
    setting, outline = f"networks.{name}.weights: {path}", probing_outline(name, settings)
    candidates = file_candidates(settings, values=False) or {}
    return count_outputs(outline, match_state(candidates, outline, setting), setting)


def probing_outline(name: str, settings: NetworkSettings) -> nn.Module:
    """Build a module on the meta device with a number of outputs that nothing else has.

    Arguments and errors are those of `build_module`.
    """
    with torch.device("meta"):
        return build_module(name, settings, classes=UNLIKELY)


def count_outputs(outline: nn.Module, state: Mapping[str, Tensor], setting: str) -> int:
    """Count the outputs of weights: rows of the first tensor whose rows are the classes.

    Arguments:
        outline: The module of `probing_outline`.
        state: The weights.
        setting: Named in messages.

    Raises:
        ConfigError: If the weights have no classifier.
    """
    ends = [key for key, value in outline.state_dict().items() if UNLIKELY in value.shape[:1]]
    for key in ends:
        if key in state and state[key].ndim:
            return int(state[key].shape[0])
    raise ConfigError(
        f"{setting}: the classifier is missing, {', '.join(ends)}. Check that the weights belong "
        "to this model."
    )


def normalisation(
    name: str, settings: NetworkSettings
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation per channel that a network expects.

    From the settings, else those of the published weights of the model, else the default of the
    kind: 0.5 and 0.25 for `trained`, 0 and 1 for `python`.
    """
    usual = _expected(name, settings)
    mean, std = settings.mean or usual.mean, settings.std or usual.std
    return tuple(map(float, mean)), tuple(map(float, std))


def published_classes(name: str, settings: NetworkSettings) -> list[str] | None:
    """Return the names of the outputs as published with the weights, None where nobody has.

    Arguments:
        name: The network's name in the configuration, used in messages.
        settings: Its settings.
    """
    return _expected(name, settings).classes


def normalise(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Return images as a network gets them: `(images - mean) / std`.

    Arguments:
        images: Images in [0, 1], (batch, 3, height, width).
        mean: One number per channel.
        std: Like it.
    """
    device, dtype = images.device, images.dtype
    return (images - _column(tuple(mean), device, dtype)) / _column(tuple(std), device, dtype)


@lru_cache(maxsize=16)  # sent to the device once
def _column(values: tuple[float, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    # A gradient could not pass through tensors that are born in inference mode.
    with torch.inference_mode(mode=False):
        return torch.tensor(values, device=device, dtype=dtype).view(3, 1, 1)


def _network(name: str, settings: NetworkSettings, module: nn.Module, side: int) -> Network:
    module.eval().requires_grad_(False)
    mean, std = normalisation(name, settings)
    expected = _expected(name, settings)
    made_for = side if isinstance(settings, Trained) else expected.image_size
    classes, outputs = expected.classes, settings.outputs
    layout = "auto" if isinstance(settings, Trained) else settings.layout
    return Network(name, module, mean, std, made_for, classes, outputs, layout=layout)


def _expected(name: str, settings: NetworkSettings) -> Expected:
    match settings:
        case Trained():
            return Expected(*CENTRED, None, None, None)
        case Torchvision():
            return torchvision_expects(name, settings)
        case Timm():
            return timm_expects(name, settings)
        case Python():
            return Expected(*UNCHANGED, None, None, None)
        case Published():
            raise _no_module(name)


def _to_train(settings: Trained, *, classes: int) -> nn.Module:
    width, depth = settings.width, settings.depth
    if settings.architecture == "compact":
        return CompactNetwork(classes, width=width)
    if settings.architecture == "bag":
        return BagNetwork(classes, width=width, receptive_field=settings.receptive_field)
    if settings.architecture == "resnet":
        return ResidualNetwork(classes, depth=depth, width=width)
    return WideResidualNetwork(
        classes,
        depth=depth,
        width=width,
        widening=settings.widening,
        dropout=settings.dropout,
    )


def _no_module(name: str) -> ConfigError:
    return ConfigError(f"networks.{name}: there are published values of it, no weights.")
