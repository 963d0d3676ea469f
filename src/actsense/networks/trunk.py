"""The trunk of a network: the chain of modules that its images pass one after another.

Containers are opened as far as they span several sizes of maps. A *block* is a module of two or
more convolutions or linear layers; depthwise convolutions do not count, they mix no channels.
"""

__all__ = ["Item", "Trunk", "mixing_weights", "steps"]

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2, prod

from torch import nn

from actsense.networks.arrangement import Arrangement
from actsense.networks.trace import Call

FEWEST = 8  # convolutions, linear layers and blocks that make a trunk
LEVELS = 3  # halvings of the size that no single block spans
# Modules whose output is what they are given, or a part of a step that nobody calls a layer.
ASIDE = ("drop", "flatten", "identity", "pad", "permute", "shuffle", "rearrange", "reshape")


@dataclass(frozen=True, eq=False)
class Item:
    """A module of the trunk.

    Attributes:
        call: Its run.
        shape: Of one image's activations, as recorded.
        level: How often the side of the image was halved, about; None for vectors.
        weights: Convolutions and linear layers inside.
    """

    call: Call
    shape: tuple[int, ...]
    level: int | None
    weights: int

    @property
    def name(self) -> str:
        """Name of the module."""
        return self.call.name

    @property
    def is_block(self) -> bool:
        """Tell whether there are several convolutions or linear layers."""
        return self.weights > 1

    @property
    def stage(self) -> tuple[int | None, int]:
        """What stays within a stage."""
        return self.level, self.shape[0]

    @property
    def only_normalises(self) -> bool:
        """Tell whether it scales and shifts, and does nothing else."""
        return not self.weights and _normalises(self.call)


@dataclass(frozen=True)
class Trunk:
    """What is known of the network whose trunk is looked for.

    Attributes:
        found: How the outputs are arranged that can be recorded, by name.
        outputs: Number of its outputs.
        side: Of the square images, pixels.
    """

    found: Mapping[str, Arrangement]
    outputs: int
    side: int

    def items(self, call: Call) -> list[Item]:
        """Return the modules that the images pass one after another.

        What happens between several maps side by side is left out, if there is enough beside it.
        """
        items = self._items(call, aside=True)
        return items if sum(item.weights > 0 for item in items) > FEWEST else self._items(call)

    def _items(self, call: Call, *, aside: bool = False) -> list[Item]:
        items: list[Item] = []
        for inner in call.inside:
            if aside and inner.side_by_side:
                continue
            if self._opens(inner):
                items += self._items(inner, aside=aside)
            elif inner.name in self.found and not _is_aside(inner):
                items.append(self._item(inner))
        return items

    def parts(self, item: Item) -> list[Item]:
        """Return the modules inside that follow each other, all with maps like the whole."""
        call = item.call
        while call.inside:
            alike = [
                self._item(inner)
                for inner in call.inside
                if self.found.get(inner.name) == self.found[item.name] and not _is_aside(inner)
            ]
            parts = steps(alike)
            # The inside of a block is no chain, but that of a sequence is one.
            if len(parts) > 1 and (
                parts[0].is_block or isinstance(item.call.module, nn.Sequential)
            ):
                return parts
            call = max(call.inside, key=mixing_weights)
        return [item]

    def _item(self, call: Call) -> Item:
        own, level = self.found[call.name], self._level(call)
        if level is None and not own.is_vector:
            level = 0  # tokens whose grid is not known
        return Item(call, own.shape, level, mixing_weights(call))

    def _level(self, call: Call) -> int | None:
        own = self.found.get(call.name)
        if own is None or not own.is_map or own.is_vector:
            return None
        return round(log2(self.side / own.shape[1]))

    def _opens(self, call: Call) -> bool:
        """Tell whether a module is a container of several parts of the trunk."""
        own = self.found.get(call.name)
        sequence = isinstance(call.module, nn.Sequential)
        if own is None or not call.inside:
            return bool(call.inside)
        if own.is_vector:
            return sequence or prod(own.shape) == self.outputs
        inside = call.inside if sequence else _descendants(call)
        levels = {level for inner in inside if (level := self._level(inner)) is not None}
        # A block may look at smaller maps on its way, but returns to its own size.
        goes_down = max(levels, default=0) == self._level(call)
        return len(levels) >= 2 if sequence else len(levels) >= LEVELS and goes_down


def steps(items: Sequence[Item]) -> list[Item]:
    """Return the blocks that have the shape of the last one, or else where smaller steps end."""
    blocks = [item for item in items if item.is_block]
    if blocks:
        return [item for item in blocks if item.shape == blocks[-1].shape]
    return [
        item for item in items if (item.call.inside if item.weights else not item.only_normalises)
    ]


def _descendants(call: Call) -> Iterator[Call]:
    for inner in call.inside:
        yield inner
        yield from _descendants(inner)


def mixing_weights(call: Call) -> int:
    """Count what mixes channels inside: convolutions that are not depthwise, linear layers."""
    own = call.module.parameters(recurse=False)
    by_channel = getattr(call.module, "groups", 1) == getattr(call.module, "in_channels", 0)
    mixes = any(sum(length > 1 for length in parameter.shape) > 1 for parameter in own)
    return int(mixes and not by_channel) + sum(map(mixing_weights, call.inside))


def _normalises(call: Call) -> bool:
    """Tell whether a module without weights scales and shifts, and has no activation function."""
    module = call.module
    if isinstance(module, nn.PReLU):
        return False
    if call.inside:
        return all(_is_aside(inner) or _normalises(inner) for inner in call.inside)
    own = (*module.parameters(recurse=False), *module.buffers(recurse=False))
    return bool(own) or "norm" in type(module).__name__.lower()


def _is_aside(call: Call) -> bool:
    kind = type(call.module).__name__.lower()
    return not mixing_weights(call) and any(word in kind for word in ASIDE)
