"""From a shard of evaluations, or of stored activations, to its moments."""

__all__ = ["accumulate_shard", "stream_shard"]

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from actsense.errors import ConfigError
from actsense.sampling.designs import Design
from actsense.sampling.shards import Sampling, evaluate_blocks
from actsense.sensitivity.accumulator import Accumulator
from actsense.sensitivity.moments import Moments
from actsense.sensitivity.moments_file import layer_slices
from actsense.store import read_blocks, read_shard_layers


def stream_shard(
    sampling: Sampling, replicate: int, numbers: range
) -> tuple[Moments, list[dict[str, Any]]]:
    """Evaluate some blocks and sum them up, writing no activation; return moments and layers."""
    accumulator = None
    for _, block, responses, place in evaluate_blocks(sampling, replicate, numbers):
        accumulator = accumulator or _accumulator(sampling.design, responses)
        accumulator.add(responses, place, block)
    layers = sampling.described_layers()
    return _finished(accumulator, layers), layers


def accumulate_shard(
    design: Design, replicate: int, numbers: range, path: Path
) -> tuple[Moments, list[dict[str, Any]]]:
    """Sum up a shard of stored activations; return moments and layers.

    Raises:
        CorruptFileError: If the shard is damaged or holds other blocks.
    """
    layers = read_shard_layers(path)
    accumulator = None
    for number, stored, place in read_blocks(path, numbers):
        responses = torch.from_numpy(stored)
        accumulator = accumulator or _accumulator(design, responses)
        accumulator.add(responses, place, design.block(replicate, number))
    return _finished(accumulator, layers), layers


def _accumulator(design: Design, responses: torch.Tensor) -> Accumulator:
    names = tuple(factor.name for factor in design.factors)
    return Accumulator(names, design.walks, responses.shape[1], responses.device)


def _finished(accumulator: Accumulator | None, layers: Sequence[Mapping[str, Any]]) -> Moments:
    """Return the moments, or refuse numbers that no index can be made of."""
    if accumulator is None:
        raise ValueError("A shard needs at least one block.")
    moments = accumulator.moments()
    for name, _, units in layer_slices(layers):
        if not np.isfinite(moments.sums[:, units]).all():
            raise ConfigError(
                f"Layer {name} gave activations that are infinite or not a number. "
                "Check the network's weights and normalization, or leave the layer out of "
                "`layers`."
            )
    return moments
