"""Intervals that may be unknown: values published elsewhere have none, and are drawn without."""

__all__ = ["WITHOUT", "are_known", "bars_note", "reach"]

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

WITHOUT = "no intervals were published"


def are_known(widths: ArrayLike) -> bool:
    """Tell whether any half-width is known."""
    return bool(np.isfinite(np.asarray(widths, dtype=np.float64)).any())


def bars_note(widths: ArrayLike, words: str = "bars are 95 % intervals over replicates") -> str:
    """Say what the bars are, or that there are none.

    Arguments:
        widths: Half-widths of what is drawn.
        words: What to say where they are known.
    """
    return words if are_known(widths) else WITHOUT


def reach(widths: Any) -> NDArray[np.float64]:
    """Return how far bars go beyond a value where an axis must hold them: 0 where unknown."""
    return np.nan_to_num(np.asarray(widths, dtype=np.float64), nan=0.0)
