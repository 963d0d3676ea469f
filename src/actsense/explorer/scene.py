"""What is chosen in the sidebar: where the rest of the page looks."""

__all__ = ["Scene"]

from dataclasses import dataclass

from actsense.explorer.shelf import Shelf
from actsense.inspection import RunResults


@dataclass(frozen=True)
class Scene:
    """One unit of one layer, one factor, one index.

    Attributes:
        shelf: Network and design.
        layer: Name of the layer.
        factor: Name of the factor.
        index: `S1`, `ST`, `shapley` or `contrast`.
        at: Place of the unit on every axis of the layer, the channel (or unit) first.
        sizes: Length of these axes.
        names: Class of every unit, where the layer is the output and they are known.
    """

    shelf: Shelf[RunResults]
    layer: str
    factor: str
    index: str
    at: dict[str, int]
    sizes: dict[str, int]
    names: tuple[str, ...] = ()

    @property
    def run(self) -> RunResults:
        """Network and design."""
        return self.shelf.held

    @property
    def axis(self) -> str:
        """What a row of the ranking is: `channel` or `unit`."""
        return next(iter(self.at))

    @property
    def number(self) -> int:
        """Number of the channel, or of the unit of a vector."""
        return self.at[self.axis]

    @property
    def position(self) -> tuple[int, int] | None:
        """Row and column of the unit in its map, or nothing in a vector."""
        places = list(self.at.values())[1:]
        if not places:
            return None
        return (0, places[0]) if len(places) == 1 else (places[0], places[1])

    @property
    def unit_name(self) -> str:
        """The unit in words."""
        place = ", ".join(f"{axis} {k}" for axis, k in self.at.items())
        named = f" ({self.names[self.number]})" if self.names else ""
        return f"{self.layer}, {place}{named}"
