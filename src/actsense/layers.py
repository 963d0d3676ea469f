"""The layers of a network as plain data, and where each lies on the flat axis of its units."""

__all__ = ["Layer", "cut_units", "place_layers", "read_layers", "unit_dimensions"]

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any


@dataclass(frozen=True)
class Layer:
    """One recorded layer.

    Attributes:
        name: Its name in the network.
        shape: Of one image's activations, such as (channel, row, col).
        offset: Where its units begin among those of the network.
        layout: How its module returns it, see `actsense.networks.arrangement`; files do not say.
    """

    name: str
    shape: tuple[int, ...]
    offset: int
    layout: str = "channels_first"

    @property
    def size(self) -> int:
        """Count the units."""
        return prod(self.shape)

    @property
    def stop(self) -> int:
        """Return where the units end."""
        return self.offset + self.size

    @property
    def units(self) -> slice:
        """Return where the units lie."""
        return slice(self.offset, self.stop)

    @property
    def is_map(self) -> bool:
        """Tell whether the units have positions, more than one."""
        return len(self.shape) == 3 and prod(self.shape[1:]) > 1

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Name the axes, see `unit_dimensions`."""
        return unit_dimensions(self.shape)

    def within(self, units: slice) -> slice:
        """Return which of some units of the network are those of the layer, counted from 0.

        Arguments:
            units: Consecutive units of the network.
        """
        first, last = max(units.start, self.offset), min(units.stop, self.stop)
        return slice(first - units.start, max(first, last) - units.start)

    @property
    def described(self) -> dict[str, Any]:
        """What files say of a layer; their order tells the rest, see `read_layers`."""
        return {"name": self.name, "shape": list(self.shape)}


def place_layers(shapes: Iterable[tuple[str, Sequence[int]]]) -> tuple[Layer, ...]:
    """Place layers one after another.

    Arguments:
        shapes: Name and shape of every layer, in the order of the units.
    """
    placed: list[Layer] = []
    for name, shape in shapes:
        placed.append(Layer(name, tuple(shape), placed[-1].stop if placed else 0))
    return tuple(placed)


def read_layers(described: Iterable[Mapping[str, Any]]) -> tuple[Layer, ...]:
    """Place layers as files describe them, see `Layer.described`."""
    return place_layers((layer["name"], layer["shape"]) for layer in described)


def cut_units(layers: Sequence[Layer], most: int) -> list[slice]:
    """Cut the units of a network into tiles: whole layers, or some channels of a large one.

    Arguments:
        layers: All layers.
        most: Units of a tile at most; but one channel at least.
    """
    ends = [0]
    for layer in layers:
        if layer.stop - ends[-1] <= most:
            continue
        if layer.offset > ends[-1]:
            ends.append(layer.offset)
        each = prod(layer.shape[1:])
        ends += range(
            layer.offset + max(1, most // each) * each, layer.stop, max(1, most // each) * each
        )
    ends.append(layers[-1].stop)
    return [slice(start, stop) for start, stop in pairwise(ends)]


def unit_dimensions(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return the names of a layer's axes: channel, row, col for maps, unit for vectors."""
    names = {1: ("unit",), 3: ("channel", "row", "col")}
    return names.get(len(shape), tuple(f"axis_{k}" for k in range(len(shape))))
