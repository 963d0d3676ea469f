"""The layers of a network as plain data, and where each lies on the flat axis of its units."""

__all__ = ["Layer", "place_layers", "read_layers", "unit_dimensions"]

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


def unit_dimensions(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return the names of a layer's axes: channel, row, col for maps, unit for vectors."""
    names = {1: ("unit",), 3: ("channel", "row", "col")}
    return names.get(len(shape), tuple(f"axis_{k}" for k in range(len(shape))))
