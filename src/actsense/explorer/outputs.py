"""What the units of the last layer stand for."""

__all__ = ["output_names"]

from actsense.errors import ConfigError
from actsense.explorer.shelf import Shelf
from actsense.inspection import RunResults


def output_names(shelf: Shelf[RunResults], layer: str) -> list[str]:
    """Return the class of every unit of a layer, nothing if it is not the output or not known.

    Masks name the outputs; those of a network that was trained here are the classes in order.
    """
    run = shelf.held
    if layer != run.layers[-1]:
        return []
    data = run.layer(layer)
    count = data.sizes.get("unit")
    try:
        if run.has("masking") and "class" in run.masking.coords:
            named = [str(name) for name in run.masking.coords["class"].to_numpy()]
        elif shelf.study[run.network].card["settings"]["kind"] == "trained":
            named = list(shelf.study.images.class_names)
        else:
            named = []
    except (ConfigError, KeyError):  # no card, or one of published values
        return []
    return named if len(named) == count else []
