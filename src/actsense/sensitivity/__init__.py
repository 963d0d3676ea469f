"""Accumulators, indices, contrasts and their intervals."""

from actsense.sensitivity.indices import INDICES, Indices, estimate_indices, total_over_units
from actsense.sensitivity.intervals import ratio_with_interval
from actsense.sensitivity.moments import Accumulator, Moments

__all__ = [
    "INDICES",
    "Accumulator",
    "Indices",
    "Moments",
    "estimate_indices",
    "ratio_with_interval",
    "total_over_units",
]
