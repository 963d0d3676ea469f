"""Which places of a network are recorded, and where each lies on the flat axis of units.

A layer is the output of one module, found by its exact name in `named_modules`, or one of two
that are not modules: `logits`, what the network returns, and `probabilities`, their softmax. Of a
network that returns probabilities, they are the logarithms, and what it returns.
"""

__all__ = ["AUTO", "PSEUDO", "RESERVED", "lay_out", "resolve_layers", "trace"]

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from actsense.errors import ConfigError, choose
from actsense.layers import Layer, place_layers
from actsense.networks.first_pass import PROBES, first_pass
from actsense.networks.network import Network

PSEUDO = ("logits", "probabilities")
# What results keep beside the layers, under these names; `network` is all layers together.
RESERVED = frozenset(
    {
        *("network", "layer", "factor", "factor_2", "units", "dead_units", "rare_units"),
        *(name + end for name in ("S1", "ST", "S2", "shapley") for end in ("", "_ci")),
        *(name + end for name in ("mean", "variance") for end in ("", "_ci")),
        *("condition", "parameters", "rows"),
    }
)
VECTOR_LAYERS = 2  # hidden vector layers that `auto` takes, from the end

# What `auto` takes in the networks of the published study. All of it is seen after the
# activation function. Key: class, number of convolutions, whether there is batch
# normalisation. They are 205,672,
# 1,539,560 and 553,448 units at 224x224, as published.
AUTO = {
    ("AlexNet", 5, False): (
        "features.2",
        "features.5",
        "features.7",
        "features.9",
        "avgpool",
        "classifier.2",
        "classifier.5",
        "probabilities",
    ),
    ("VGG", 8, False): (
        "features.2",
        "features.5",
        "features.10",
        "features.15",
        "avgpool",
        "classifier.1",
        "classifier.4",
        "probabilities",
    ),
    ("ResNet", 20, True): ("maxpool", "layer1", "layer2", "layer3", "avgpool", "probabilities"),
}


@dataclass(frozen=True)
class Call:
    """One run of one module during one forward pass."""

    name: str
    kind: str  # class of the module
    shape: tuple[int, ...] | None  # with the batch axis; None if the output is not one tensor


def resolve_layers(
    network: Network | nn.Module, layers: Sequence[str] | str, image_size: int
) -> list[str]:
    """Check the names of layers, or choose layers, without looking at any weight.

    Arguments:
        network: The network; `outline_network` gives one that needs no memory.
        layers: Names, or `auto`: the published choice for AlexNet, VGG-11 and ResNet-18. For
            other networks, of the modules that run once: for each size of feature map the one
            that finishes last, the last few hidden vector layers, and `probabilities`.
        image_size: Side of the square images, pixels.

    Returns:
        The names in the order given, or in the order of execution for `auto`.

    Raises:
        ConfigError: If a name is unknown or repeated, if the module does not run exactly once
            per image batch, or if its output is not one tensor with one row per image.
    """
    return [layer.name for layer in lay_out(network, layers, image_size)]


def lay_out(
    network: Network | nn.Module, layers: Sequence[str] | str, image_size: int
) -> tuple[Layer, ...]:
    """Do what `resolve_layers` does, and place the layers one after another."""
    module = network.module if isinstance(network, Network) else network
    owner = f"networks.{network.name}" if isinstance(network, Network) else "the network"
    setting = f"networks.{network.name}.layers" if isinstance(network, Network) else "layers"
    calls, output = trace(module, image_size, owner)
    names = list(_requested(module, calls, layers, setting))
    return place_layers((name, _shape(name, calls, output, setting)) for name in names)


def trace(
    module: nn.Module, image_size: int, setting: str = "the network"
) -> tuple[list[Call], tuple[int, ...]]:
    """Run two images through the network; list the modules in the order they finish.

    Arguments:
        module: The network, on any device, the meta device included.
        image_size: Side of the square images, pixels.
        setting: Where the network stands in the configuration, for messages.

    Returns:
        The runs of all named modules, and the shape of the output, both with the batch axis.

    Raises:
        ConfigError: See `first_pass`.
    """
    calls: list[Call] = []

    def note(name: str, submodule: nn.Module, output: Any) -> None:
        shape = tuple(output.shape) if isinstance(output, Tensor) else None
        calls.append(Call(name, type(submodule).__name__, shape))

    handles = [
        submodule.register_forward_hook(lambda sub, _, output, name=name: note(name, sub, output))
        for name, submodule in module.named_modules()
        if name
    ]
    try:
        output = first_pass(module, image_size, setting)
    finally:
        for handle in handles:
            handle.remove()
    return calls, tuple(output.shape)


def _requested(
    module: nn.Module, calls: list[Call], layers: Sequence[str] | str, setting: str
) -> Sequence[str]:
    if isinstance(layers, str):
        choose(setting, layers, ("auto",))
        return _automatic(module, calls)
    if not layers:
        raise ConfigError(f"{setting}: the list is empty. Name layers, or write auto.")
    known = [name for name, _ in module.named_modules() if name]
    for name in layers:
        choose(setting, name, (*PSEUDO, *known))
        if not _can_be_kept(name):
            raise ConfigError(
                f"{setting}: {name!r} cannot name a layer: results call something else by that "
                "name, or would take its '/' for a folder. Name a module inside it, or rename it."
            )
        if list(layers).count(name) > 1:
            raise ConfigError(f"{setting}: {name!r} is listed more than once. Keep one.")
    return layers


def _shape(name: str, calls: list[Call], output: tuple[int, ...], setting: str) -> tuple[int, ...]:
    if name in PSEUDO:
        return output[1:]
    runs = [call for call in calls if call.name == name]
    if len(runs) != 1:
        raise ConfigError(
            f"{setting}: {name!r} runs {len(runs)} times for one image batch; only a module that "
            "runs exactly once can be recorded. Name the module around it, or one inside it."
        )
    shape = runs[0].shape
    if shape is None:
        raise ConfigError(
            f"{setting}: {name!r} does not output one tensor. Name a module inside it."
        )
    if len(shape) < 2 or shape[0] != output[0]:
        raise ConfigError(
            f"{setting}: {name!r} outputs {shape} for {output[0]} images; the first axis must be "
            "the images and a second one the units. Name another module."
        )
    return shape[1:]


def _automatic(module: nn.Module, calls: list[Call]) -> tuple[str, ...]:
    kinds = [type(submodule) for submodule in module.modules()]
    key = (
        type(module).__name__,
        kinds.count(nn.Conv2d),
        nn.BatchNorm2d in kinds,
    )
    return AUTO[key] if key in AUTO else (*_by_rule(calls), "probabilities")


def _by_rule(calls: list[Call]) -> list[str]:
    runs = Counter(call.name for call in calls)
    maps: dict[tuple[int, ...], str] = {}
    vectors: list[Call] = []
    for call in calls:
        if runs[call.name] > 1 or call.shape is None or call.shape[0] != PROBES:
            continue
        if call.name in PSEUDO or not _can_be_kept(call.name):
            continue
        if len(call.shape) == 4:
            held = maps.get(call.shape[2:], call.name)
            # A stage's first block still runs at the size before: prefer the least nested module,
            # then the last, which is the one around the others.
            if call.name.count(".") <= held.count("."):
                maps[call.shape[2:]] = call.name
        elif len(call.shape) == 2:
            vectors.append(call)
    chosen = {*maps.values(), *_vectors(vectors)[-VECTOR_LAYERS:]}
    return [call.name for call in calls if call.name in chosen]


def _can_be_kept(name: str) -> bool:
    return name not in RESERVED and "/" not in name


def _vectors(calls: list[Call]) -> list[str]:
    """Name the hidden vector layers, each where it ends: after its activation function."""
    groups: list[str] = []
    for call in calls:
        if call.kind == "Linear":
            groups.append(call.name)
        elif groups and call.kind not in ("Dropout", "Identity", "Flatten", "Sequential"):
            groups[-1] = call.name
    return groups[:-1]  # the last one makes the logits
