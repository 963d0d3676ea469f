"""How visual patterns emerge over depth, over training, and under attack.

`SampleEmbedding`, `ImportanceWeight` and `RegionEmbedding` are for anybody's features.
"""

__all__ = ["ImportanceWeight", "RegionEmbedding", "SampleEmbedding"]

from importlib import import_module
from typing import Any

HOMES = {
    "ImportanceWeight": "importance",
    "RegionEmbedding": "region_embedding",
    "SampleEmbedding": "sample_embedding",
}


def __getattr__(name: str) -> Any:
    # The settings are read by every job of a workflow, before or without PyTorch.
    if name in HOMES:
        return getattr(import_module(f"actsense.patterns.{HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
