"""Which places of a network are recorded, and where each lies on the flat axis of units.

A layer is the output of one module, found by its exact name in `named_modules`, or one of two
that are not modules: `logits`, what the network returns, and `probabilities`, their softmax. Of a
network that returns probabilities, they are the logarithms, and what it returns.
"""

__all__ = ["PSEUDO", "RESERVED", "find_maps", "lay_out", "resolve_layers"]

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import torch
from torch import nn

from actsense.errors import ConfigError, choose
from actsense.layers import Layer, place_layers
from actsense.networks.arrangement import Arrangement, arrange, in_doubt
from actsense.networks.automatic import choose_layers
from actsense.networks.first_pass import PROBES, first_pass
from actsense.networks.matching import check_listed
from actsense.networks.network import Network
from actsense.networks.trace import Call, seen, trace
from actsense.texts import printable

PSEUDO = ("logits", "probabilities")
LONGEST = 200  # bytes: file systems take 255
# What results keep beside the layers, under these names; `network` is all layers together.
RESERVED = frozenset(
    {
        *("network", "layer", "factor", "factor_2", "units", "dead_units", "rare_units"),
        *(name + end for name in ("S1", "ST", "S2", "shapley") for end in ("", "_ci")),
        *(name + end for name in ("mean", "variance") for end in ("", "_ci")),
        *("condition", "parameters", "rows"),
    }
)


def resolve_layers(
    network: Network | nn.Module, layers: Sequence[str] | str, image_size: int
) -> list[str]:
    """Check the names of layers, or choose layers, without looking at any weight.

    Arguments:
        network: The network; `outline_network` gives one that needs no memory.
        layers: Names, or `auto`: those that a reader of the architecture would name, see
            `actsense.networks.automatic`.
        image_size: Side of the square images, pixels.

    Returns:
        The names in the order given, or in the order of execution for `auto`.

    Raises:
        ConfigError: If a name is unknown or repeated, if the module does not run exactly once
            per image batch, if its output is not one tensor of real numbers with one row per
            image, or if which of its axes is the channel cannot be told.
    """
    return [layer.name for layer in lay_out(network, layers, image_size)]


def lay_out(
    network: Network | nn.Module, layers: Sequence[str] | str, image_size: int
) -> tuple[Layer, ...]:
    """Do what `resolve_layers` does, and place the layers one after another."""
    if isinstance(network, Network):
        module, said, owner = network.module, network.layout, f"networks.{network.name}"
        wanted = f"{owner}.layers"
    else:
        module, said, owner, wanted = network, "auto", "the network", "layers"
    calls, output = trace(module, image_size, owner)
    if isinstance(network, Network):
        check_listed(network.name, network.outputs, output[1])
    if isinstance(layers, str):
        choose(wanted, layers, ("auto",))
        found = _arranged(module, calls, image_size, said)
        same = {call.name for call in calls if call.hands_on}
        known = {
            name: own
            for name, own in found.items()
            if _keeps(name) and own.is_told and name not in same
        }
        names = [*choose_layers(calls[-1], known, image_size), "probabilities"]
    else:
        names = list(layers)
        _check_names(module, names, wanted)
        _check_namesakes(calls, output, names, wanted)
        for name in {*PSEUDO} & {*names} & {call.name for call in calls}:
            _check_values(module, name, image_size, wanted)
        found = _arranged(module, calls, image_size, said, names)
    logits = Arrangement("channels_first", output[1:])
    shapes = {
        name: logits if name in PSEUDO else _one(name, calls, found, wanted) for name in names
    }
    placed = place_layers((name, own.shape) for name, own in shapes.items())
    return tuple(replace(layer, layout=shapes[layer.name].layout) for layer in placed)


def find_maps(network: Network, image_size: int) -> list[str]:
    """Name the modules whose outputs have positions, in the order in which they finish."""
    calls, _ = trace(network.module, image_size, f"networks.{network.name}")
    found = _arranged(network.module, calls, image_size, network.layout)
    return [
        name
        for name, own in found.items()
        if _keeps(name) and own.is_map and prod(own.shape[1:]) > 1
    ]


def _keeps(name: str) -> bool:
    """Tell whether results can have a layer of that name, and `auto` may take it."""
    return bool(name) and name not in (*RESERVED, *PSEUDO) and not _unfit(name)


def _unfit(name: str) -> str:
    """Say why a name is not that of a part of a file, or nothing."""
    if "/" in name:
        return "results would take its '/' for a folder"
    if printable(name) != name or {*name} & {"\n", "\t"}:
        return "it holds line breaks or other control characters"
    if len(name.encode(errors="replace")) > LONGEST:
        return f"it is longer than {LONGEST} bytes"
    return ""


def _check_names(module: nn.Module, names: list[str], setting: str) -> None:
    if not names:
        raise ConfigError(f"{setting}: the list is empty. Name layers, or write auto.")
    known = [name for name, _ in module.named_modules() if name]
    for name in names:
        choose(setting, name, (*PSEUDO, *known))
        if not (name in PSEUDO or _keeps(name)):
            why = _unfit(name) or "results call something else by that name"
            shown = name if len(name) <= LONGEST else f"{name[:LONGEST]}..."
            raise ConfigError(
                f"{setting}: {shown!r} cannot name a layer: {why}. Name a module inside it, or "
                "rename it."
            )
        if names.count(name) > 1:
            raise ConfigError(f"{setting}: {name!r} is listed more than once. Keep one.")


def _check_namesakes(
    calls: list[Call], output: tuple[int, ...], names: list[str], setting: str
) -> None:
    """Refuse what the network returns where a module has its name and returns something else."""
    for name in (name for name in PSEUDO if name in names):
        runs = [place for place, call in enumerate(calls) if call.name == name]
        after = [call for place in runs for call in calls[place + 1 : -1] if not call.hands_on]
        if after or any(calls[place].shape != output for place in runs):
            raise _namesake(name, setting)


def _check_values(module: nn.Module, name: str, image_size: int, setting: str) -> None:
    """Refuse it, too, where functions that are no modules follow the module of that name."""
    values: list[Any] = []
    hook = module.get_submodule(name).register_forward_hook(lambda *run: values.append(run[-1]))
    try:
        output = first_pass(module, image_size, setting)
    finally:
        hook.remove()
    if not output.is_meta and not torch.equal(values[-1], output):
        raise _namesake(name, setting)


def _namesake(name: str, setting: str) -> ConfigError:
    return ConfigError(
        f"{setting}: {name!r} is what the network returns as a whole, and the module of "
        "that name returns something else. Rename the module, or name one inside it."
    )


def _arranged(
    module: nn.Module, calls: list[Call], image_size: int, said: str, wanted: Collection[str] = ()
) -> dict[str, Arrangement]:
    """Arrange what modules that run once return, by images of two sizes where it is in doubt."""
    runs = Counter(call.name for call in calls)
    single = [call for call in calls if runs[call.name] == 1 and not _fault(call)]
    larger = seen(module, 2 * image_size) if in_doubt(single, wanted) else []
    return arrange(single, larger, type(module).__name__, said)


def _one(
    name: str, calls: list[Call], found: Mapping[str, Arrangement], setting: str
) -> Arrangement:
    runs = [call for call in calls if call.name == name]
    if len(runs) != 1:
        raise ConfigError(
            f"{setting}: {name!r} runs {len(runs)} times for one image batch; only a module that "
            "runs exactly once can be recorded. Name the module around it, or one inside it."
        )
    if fault := _fault(runs[0]):
        raise ConfigError(f"{setting}: {name!r} {fault}")
    if not found[name].is_told:
        raise ConfigError(
            f"{setting}: {name!r} outputs {runs[0].shape} for {PROBES} images, and images of two "
            "sizes do not tell which of its axes is the channel. Set "
            f"{setting.removesuffix('layers')}layout to channels_first or channels_last, or name "
            "another module."
        )
    return found[name]


def _fault(call: Call) -> str:
    """Say why an output cannot be recorded, or nothing."""
    if call.flaw:
        return (
            f"outputs {call.flaw}; only one tensor of real numbers can be recorded. Name a module "
            "before or behind it."
        )
    if call.shape is None:
        return "does not output one tensor. Name a module inside it."
    if len(call.shape) < 2 or call.shape[0] != PROBES:
        return (
            f"outputs {call.shape} for {PROBES} images; the first axis must be the images and a "
            "second one the units. Name another module."
        )
    if not prod(call.shape):
        return f"outputs {call.shape} for {PROBES} images: no unit at all. Name another module."
    return ""
