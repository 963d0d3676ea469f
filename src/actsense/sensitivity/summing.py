"""From a shard of evaluations, or of stored activations, to the moments of its replicates."""

__all__ = ["accumulate_replicate", "accumulate_shard", "stream_replicate", "stream_shard"]

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from actsense.errors import ConfigError
from actsense.layers import Layer
from actsense.progress import Progress
from actsense.sampling.designs import Design
from actsense.sampling.opening import Sampling, evaluate_blocks
from actsense.sampling.sharding import Shard
from actsense.sensitivity.accumulator import Accumulator
from actsense.sensitivity.moments import Moments
from actsense.store import read_parts, read_shard_layers


def stream_shard(
    sampling: Sampling, shard: Shard, settings: Mapping[str, Any]
) -> Iterator[tuple[Moments, dict[str, Any]]]:
    """Yield the moments of every replicate of a shard with their identity; write no activation.

    Arguments:
        sampling: Where the activations come from.
        shard: Which blocks of which replicates.
        settings: What the moments are of, for their identity.
    """
    for replicate in shard.replicates:
        moments, layers = stream_replicate(sampling, replicate, shard.blocks)
        yield moments, _identity(settings, replicate, shard, layers)
        del moments  # makes room for those of the next replicate


def accumulate_shard(
    design: Design, shard: Shard, path: Path, settings: Mapping[str, Any]
) -> Iterator[tuple[Moments, dict[str, Any]]]:
    """Yield the moments of every replicate of a stored shard with their identity.

    Arguments:
        design: The design behind the shard.
        shard: Which blocks of which replicates it holds.
        path: Its file.
        settings: What the moments are of, for their identity.

    Raises:
        CorruptFileError: If the shard is damaged or holds other blocks.
    """
    for replicate in shard.replicates:
        moments, layers = accumulate_replicate(design, replicate, shard.blocks, path)
        yield moments, _identity(settings, replicate, shard, layers)
        del moments  # makes room for those of the next replicate


def stream_replicate(
    sampling: Sampling, replicate: int, numbers: range
) -> tuple[Moments, tuple[Layer, ...]]:
    """Evaluate some blocks of a replicate and sum them up; return moments and layers."""
    units, device = sampling.evaluate.recording.units, sampling.subject.device
    accumulator = _accumulator(sampling.design, units, device)
    for _, block, responses, place in evaluate_blocks(sampling, replicate, numbers):
        accumulator.add(responses, place, block)
        del responses  # makes room for those of the next block
    return _finished(accumulator, sampling.layers), sampling.layers


def accumulate_replicate(
    design: Design, replicate: int, numbers: range, path: Path
) -> tuple[Moments, tuple[Layer, ...]]:
    """Sum up some blocks of a replicate from a stored shard; return moments and layers.

    Raises:
        CorruptFileError: If the shard is damaged or holds other blocks.
    """
    layers = read_shard_layers(path)
    units = layers[-1].stop
    accumulator = _accumulator(design, units, torch.device("cpu"))
    desc, size = f"{design.name}, replicate {replicate}", design.points_per_block * design.nodes
    with Progress(len(numbers) * size, desc=desc, unit="evaluation") as bar:
        for part in read_parts(path, replicate, numbers):
            if not part.start:
                block = design.block(replicate, part.number)
            responses = torch.from_numpy(part.responses)
            accumulator.add(responses, part.place, block, start=part.start)
            bar.update(size * (part.start + responses.shape[1] == units))
    return _finished(accumulator, layers), layers


def _identity(
    settings: Mapping[str, Any], replicate: int, shard: Shard, layers: Sequence[Layer]
) -> dict[str, Any]:
    blocks, described = shard.ends["blocks"], [layer.described for layer in layers]
    return {**settings, "replicate": replicate, "blocks": blocks, "layers": described}


def _accumulator(design: Design, units: int, device: torch.device) -> Accumulator:
    names = tuple(factor.name for factor in design.factors)
    return Accumulator(names, design.walks, units, device, parts=design.parts)


def _finished(accumulator: Accumulator, layers: Sequence[Layer]) -> Moments:
    """Return the moments, or refuse numbers that no index can be made of."""
    if not accumulator.points:
        raise ValueError("A shard needs at least one block.")
    moments = accumulator.moments()
    for layer in layers:
        if not np.isfinite(moments.sums[:, layer.units]).all():
            raise ConfigError(
                f"Layer {layer.name} gave activations that are infinite or not a number. "
                "Check the network's weights and normalization, and `precision` (float16 ends "
                "at 65504), or leave the layer out of `layers`."
            )
    return moments
