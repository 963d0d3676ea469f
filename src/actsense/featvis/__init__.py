"""Pictures of what layers and units respond to.

`visualise` and `VisGeneration` are for anybody's modules.
"""

__all__ = ["VisGeneration", "visualise"]

from importlib import import_module
from typing import Any

HOMES = {"VisGeneration": "vis_generation.generation", "visualise": "visualisation"}


def __getattr__(name: str) -> Any:
    # The settings are read by every job of a workflow, before or without PyTorch.
    if name in HOMES:
        return getattr(import_module(f"actsense.featvis.{HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
