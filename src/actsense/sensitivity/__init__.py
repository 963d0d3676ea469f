"""Accumulators, indices, contrasts and their intervals."""

from actsense.sensitivity.contrast import ContrastAccumulator, contrast_table, estimate_contrast
from actsense.sensitivity.indices import INDICES, Indices, estimate_indices, total_over_units
from actsense.sensitivity.intervals import ratio_with_interval
from actsense.sensitivity.moments import Accumulator, Moments
from actsense.sensitivity.moments_file import MomentsFile, write_moments
from actsense.sensitivity.results import IndexResults, estimate_results, index_tables
from actsense.sensitivity.shards import accumulate_shard, merge_shards, stream_shard

__all__ = [
    "INDICES",
    "Accumulator",
    "ContrastAccumulator",
    "IndexResults",
    "Indices",
    "Moments",
    "MomentsFile",
    "accumulate_shard",
    "contrast_table",
    "estimate_contrast",
    "estimate_indices",
    "estimate_results",
    "index_tables",
    "merge_shards",
    "ratio_with_interval",
    "stream_shard",
    "total_over_units",
    "write_moments",
]
