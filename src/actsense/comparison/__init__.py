"""Two studies beside each other: one's own, published values, or one of each."""

__all__ = ["Comparison", "compare"]

from actsense.comparison.compare import Comparison, compare
