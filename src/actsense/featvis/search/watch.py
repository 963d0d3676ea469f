"""What a layer says of pictures, and what another module is given, with a way back to them.

A layer is read as everywhere in this house: channels first, whatever the order of its module, and
`logits` and `probabilities` are layers, too. The forward pass ends at the last thing that is
needed. Of a ReLU, silent channels can be woken, see `rectified`.
"""

__all__ = ["Respond", "Watch"]

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, Self

import torch
from torch import Tensor, nn

from actsense.errors import ConfigError, choose
from actsense.featvis.search.rectifier import rectified
from actsense.layers import Layer
from actsense.networks.arrangement import arrange, in_doubt, recorded
from actsense.networks.first_pass import PROBES
from actsense.networks.layers import lay_out
from actsense.networks.network import normalise
from actsense.networks.subject import Subject
from actsense.networks.trace import Call, seen

Respond = Callable[[Tensor], tuple[Tensor, Tensor | None]]
Handle = torch.utils.hooks.RemovableHandle

VECTOR, MAPS = 1, 3  # axes of a layer with channels


class Watch:
    """A layer of a network, and the input of a module, read while pictures pass.

    Hooks are there while pictures pass, and never after.

    Arguments:
        run: Lets images in [0, 1] pass through the module, and returns what it returns.
        module: The network's module, in evaluation mode.
        layer: The layer.
        penalty: Name of the module whose input is read, or None.
        runs: How often modules run for a batch, by name; of a layer the last run is read.
        ends: From what `run` returns to the layer, where the layer is no module.

    Raises:
        ConfigError: If the layer has no channels, or a module does not run.
    """

    def __init__(
        self,
        run: Callable[[Tensor], Tensor],
        module: nn.Module,
        layer: Layer,
        penalty: str | None,
        runs: Counter[str],
        *,
        ends: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        if len(layer.shape) not in (VECTOR, MAPS):
            raise ConfigError(
                f"layer {layer.name!r} outputs {layer.shape} for an image: it has no channels "
                "that a picture could drive. Name a layer with maps, or a vector."
            )
        self.layer = layer
        self._run, self._ends, self._penalty, self._runs = run, ends, penalty, runs
        self._modules = dict(module.named_modules())
        self._relu = None if ends is not None else _last_relu(self._modules[layer.name])

    @classmethod
    def of_subject(cls, subject: Subject, layer: str, penalty: str | None = None) -> Self:
        """Watch a network of a study; what runs more than once is refused.

        Arguments:
            subject: The network.
            layer: Name of a layer, `logits` and `probabilities` included.
            penalty: Name of the module whose input is read, or None.
        """
        module = subject.network.module
        with subject.arithmetic():
            (placed,) = lay_out(subject.network, [layer], subject.side)
            calls = seen(module, subject.side) if penalty else []
        named = {"penalty": penalty} if penalty else {}
        runs = _count_runs(module, calls, named) | Counter([layer])
        if penalty and runs[penalty] > 1:
            raise ConfigError(
                f"penalty: {penalty!r} runs {runs[penalty]} times for one image batch. Name the "
                "module around it, or one inside it."
            )
        ends = {"logits": lambda logits: logits, "probabilities": subject.as_probabilities}
        return cls(subject, module, placed, penalty, runs, ends=ends.get(layer))

    @classmethod
    def of_module(
        cls,
        module: nn.Module,
        layer: str,
        penalty: str | None = None,
        *,
        side: int,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        std: Sequence[float] = (1.0, 1.0, 1.0),
    ) -> Self:
        """Watch any module, whatever it returns; of what runs more than once, the last run.

        A residual block may use one ReLU several times: its last run is the block's output.

        Arguments:
            module: The module, in evaluation mode.
            layer: Name of a module in it.
            penalty: Name of the module whose input is read, or None.
            side: Side of the square images, pixels.
            mean: What images in [0, 1] are normalised by, a number per colour.
            std: Like it.
        """
        calls = seen(module, side)
        named = {"target": layer, **({"penalty": penalty} if penalty else {})}
        runs = _count_runs(module, calls, named)
        placed = _placed(module, layer, calls, side)
        return cls(
            lambda images: module(normalise(images, mean, std)),
            *(module, placed, penalty, runs),
        )

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Read layer and penalty, float32 or wider, differentiable with respect to the images.

        They are copies: no operation in place that comes after changes them.

        Arguments:
            images: Images in [0, 1], (batch, 3, height, width).

        Returns:
            The activations, (batch, channels, rows, cols) or (batch, channels), and the input of
            the penalty's module or None.

        Raises:
            ConfigError: If what runs, or its shape, depends on the images.
        """
        found: dict[str, Tensor] = {}
        with ExitStack() as hooks, suppress(_EnoughSeen):
            for handle in self._hooks(found):
                hooks.callback(handle.remove)
            returned = self._run(images)
            if self._ends is not None:
                found["layer"] = _copied(self._ends(returned))
        if len(found) < 1 + bool(self._penalty):
            raise ConfigError(
                f"layer {self.layer.name!r}: what the network runs depends on its images. Name "
                "another module."
            )
        maps = recorded(self.layer, found["layer"])
        if maps.shape != (len(images), *self.layer.shape):
            raise ConfigError(
                f"layer {self.layer.name!r} changed its shape: expected {self.layer.shape} per "
                f"image, got {tuple(maps.shape)} in all. Name another module."
            )
        return rectified(maps) if self._relu is not None else maps, found.get("penalty")

    def _hooks(self, found: dict[str, Tensor]) -> list[Handle]:
        """Hang hooks on the modules that are read, which end the pass at the last of them."""
        names = {"penalty": self._penalty, "layer": self.layer.name if not self._ends else None}
        wanted = {key: name for key, name in names.items() if name is not None}
        counts, before = dict.fromkeys(wanted, 0), dict[str, Tensor]()

        def take(key: str, tensor: Any) -> None:
            counts[key] += 1
            if counts[key] == self._runs[wanted[key]]:
                found[key] = before[key] if key in before else _copied(tensor)
                if self._ends is None and len(found) == len(wanted):
                    raise _EnoughSeen

        def enter(key: str, _: nn.Module, held: tuple[Any, ...], named: dict[str, Any]) -> None:
            first = (*held, *named.values())[0]
            if key == "penalty":
                take(key, first)
            else:
                before[key] = _copied(first)

        def leave(_: nn.Module, __: Any, output: Any) -> None:
            take("layer", output)

        entered = {"penalty": self._modules.get(self._penalty or ""), "layer": self._relu}
        handles = [
            module.register_forward_pre_hook(partial(enter, key), with_kwargs=True)
            for key, module in entered.items()
            if module is not None and key in wanted
        ]
        if "layer" in wanted:
            handles.append(self._modules[wanted["layer"]].register_forward_hook(leave))
        return handles


class _EnoughSeen(BaseException):
    """Ends a forward pass behind the last module that is needed; no code catches it by chance."""


def _last_relu(module: nn.Module) -> nn.ReLU | None:
    """Return the ReLU whose output is that of a module, if that can be told."""
    while type(module) is nn.Sequential and len(module):
        module = module[-1]
    return module if type(module) is nn.ReLU else None


def _copied(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32), copy=True)


def _count_runs(
    module: nn.Module, calls: Sequence[Call], named: Mapping[str, str]
) -> Counter[str]:
    """Count the runs of modules; refuse a name that is none's, or a module that does not run.

    Arguments:
        module: The network's module.
        calls: All runs for a batch.
        named: What modules are to be read for, and their names.
    """
    runs = Counter(call.name for call in calls)
    known = [name for name, _ in module.named_modules() if name]
    for setting, name in named.items():
        if not runs[choose(setting, name, known)]:
            raise ConfigError(
                f"{setting}: {name!r} does not run for images of that size. Name another module, "
                "or change the size."
            )
    return runs


def _placed(module: nn.Module, name: str, calls: Sequence[Call], side: int) -> Layer:
    """Tell the shape of a layer at its last run, and which of its axes are channels."""
    last = _recordable(calls)
    if name not in last:
        raise ConfigError(
            f"target: {name!r} does not output one tensor of real numbers with a row per image. "
            "Name another module."
        )
    runs = list(last.values())
    larger = seen(module, 2 * side) if in_doubt(runs, [name]) else []
    found = arrange(runs, list(_recordable(larger).values()), type(module).__name__, "auto")[name]
    if not found.is_told:
        raise ConfigError(
            f"target: images of two sizes do not tell which axis of the output of {name!r}, "
            f"{found.shape}, is the channel. Name another module."
        )
    return Layer(name, found.shape, 0, found.layout)


def _recordable(calls: Sequence[Call]) -> dict[str, Call]:
    """Return the last run of every module whose output is a tensor with a row per image."""
    last = {call.name: call for call in calls if call.name}
    return {
        name: call
        for name, call in last.items()
        if not call.flaw and call.shape and call.shape[0] == PROBES and len(call.shape) > 1
    }
