"""From shards to moments, and from the moments of shards to those of a replicate."""

__all__ = ["accumulate_shard", "merge_shards", "stream_shard"]

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from actsense.errors import ConfigError
from actsense.sampling import Design, Sampling, evaluate_blocks
from actsense.sensitivity.moments import Accumulator, Moments
from actsense.sensitivity.moments_file import MomentsFile, layer_slices
from actsense.store import CorruptFileError, read_blocks, read_shard_layers


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


def merge_shards(paths: Sequence[Path], *, blocks: int) -> tuple[Moments, dict[str, Any]]:
    """Add the moments of all shards of a replicate, in the order of their blocks.

    Arguments:
        paths: Files of the shards' moments.
        blocks: Blocks that the replicate must have.

    Returns:
        The replicate's moments and the identity its shards share.

    Raises:
        CorruptFileError: If a shard belongs elsewhere, or blocks are missing or doubled.
    """
    merged: Moments | None = None
    shared: dict[str, Any] | None = None
    reached = 0
    for path in paths:
        with MomentsFile.open(path) as file:
            identity = dict(file.identity)
            start, stop = identity.pop("blocks")
            if start != reached or (shared is not None and identity != shared):
                raise CorruptFileError(
                    path, f"holds blocks {start} to {stop} of {identity}, not the next ones"
                )
            moments = file.read()
        merged = moments if merged is None else merged + moments
        shared, reached = identity, stop
    if merged is None or shared is None or reached != blocks:
        raise ValueError(f"A replicate has {blocks} blocks; its shards end at {reached}.")
    return merged, shared


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
