"""What the units of the last layer stand for, remembered with the pages of their run."""

__all__ = ["unit_names"]

from actsense.explorer.shelf import Shelf
from actsense.inspection import RunResults
from actsense.inspection.output_names import output_names


def unit_names(shelf: Shelf[RunResults], layer: str) -> list[str]:
    """Return what `output_names` does, as a work of `Shelf.read_study`."""
    return output_names(shelf.study, shelf.held, layer)
