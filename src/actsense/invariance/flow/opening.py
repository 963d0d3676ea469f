"""Flows as files: weights, permutations and what the network was built from, never code."""

__all__ = ["open_flow", "save_flow"]

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from actsense.errors import ConfigError
from actsense.invariance.flow.flow import Flow, build_flow
from actsense.invariance.flow.settings import FlowSettings
from actsense.networks.state import fill, first_line, read_tensors, save_tensors


def save_flow(flow: Flow, path: Path, *, beside: Mapping[str, Any] | None = None) -> None:
    """Write a flow, beside the file and into place, with checksums.

    Arguments:
        flow: The flow.
        path: The file.
        beside: What else the file holds, plain values under names that a flow does not use.
    """
    described = {
        "settings": flow.settings.plain(),
        "latent": flow.latent,
        "condition_shape": flow.condition_shape and [*flow.condition_shape],
    }
    save_tensors({**(beside or {}), "model": flow.state_dict(), "flow": described}, path)


def open_flow(path: Path, *, device: torch.device) -> Flow:
    """Read a flow that `save_flow` wrote, to be evaluated.

    Raises:
        ConfigError: If the file is missing, damaged, or holds no flow.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no flow there. Run the rule that trains it.")
    try:
        held = read_tensors(path)
        described, state = held["flow"], held["model"]
        settings = FlowSettings.model_validate(described["settings"])
        shape = described["condition_shape"]
        flow = build_flow(settings, described["latent"], shape and tuple(shape))
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise ConfigError(
            f"{path}: not a flow, or damaged ({first_line(error)}). Delete it and train it again."
        ) from error
    fill(flow, state, str(path))
    return flow.to(device).eval()
