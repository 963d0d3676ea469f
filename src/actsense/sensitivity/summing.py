"""From a shard of evaluations, or of stored activations, to the moments of its replicates."""

__all__ = ["accumulate_replicate", "accumulate_shard", "stream_replicate", "stream_shard"]

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from actsense.errors import ConfigError
from actsense.layers import Layer
from actsense.progress import Progress
from actsense.sampling.blocks import evaluate_blocks
from actsense.sampling.designs import Design, node_count
from actsense.sampling.opening import Sampling
from actsense.sampling.sharding import Shard
from actsense.sensitivity.accumulator import Accumulator
from actsense.sensitivity.cuts import SUMMED_BYTES, cut_moments
from actsense.sensitivity.moments import Moments, TiledMoments, row_count
from actsense.sensitivity.moments_file import tile_units
from actsense.store import part_starts, read_parts, read_shard_layers


def stream_shard(
    sampling: Sampling, shard: Shard, settings: Mapping[str, Any]
) -> Iterator[tuple[TiledMoments, dict[str, Any]]]:
    """Yield the moments of every replicate of a shard with their identity; write no activation.

    Arguments:
        sampling: Where the activations come from.
        shard: Which blocks of which replicates.
        settings: What the moments are of, for their identity.
    """
    for replicate in shard.replicates:
        moments = stream_replicate(sampling, replicate, shard.blocks)
        yield moments, _identity(settings, sampling.design, replicate, shard, sampling.layers)


def accumulate_shard(
    design: Design, shard: Shard, path: Path, settings: Mapping[str, Any]
) -> Iterator[tuple[TiledMoments, dict[str, Any]]]:
    """Yield the moments of every replicate of a stored shard with their identity.

    Arguments:
        design: The design behind the shard.
        shard: Which blocks of which replicates it holds.
        path: Its file.
        settings: What the moments are of, for their identity.

    Raises:
        CorruptFileError: If the shard is damaged or holds other blocks.
    """
    layers = read_shard_layers(path)
    for replicate in shard.replicates:
        moments = accumulate_replicate(design, replicate, shard.blocks, path)
        yield moments, _identity(settings, design, replicate, shard, layers)


def stream_replicate(sampling: Sampling, replicate: int, numbers: range) -> TiledMoments:
    """Evaluate some blocks of a replicate and sum them up.

    Where units do not fit into the room of the sampling, all images pass for every tile of them.
    """
    design, layers, subject = sampling.design, sampling.layers, sampling.subject
    cut = cut_moments(
        layers, design, blocks=len(numbers), batch=subject.batch_size, room=sampling.room
    )

    # One function for every tile: it lets go of all that it held before the next one begins.
    def summed(units: slice) -> Moments:
        accumulator = _accumulator(design, units, subject.device)
        for piece in evaluate_blocks(sampling, replicate, numbers, units, most=cut.rows):
            accumulator.add(piece.responses, piece.place, piece.block, fresh=piece.fresh)
        return _finished(accumulator, units, layers)

    return TiledMoments(layers[-1].stop, map(summed, cut.tiles))


def accumulate_replicate(
    design: Design, replicate: int, numbers: range, path: Path
) -> TiledMoments:
    """Sum up some blocks of a replicate from a stored shard.

    Raises:
        CorruptFileError: If the shard is damaged or holds other blocks.
    """
    layers = read_shard_layers(path)
    rows = row_count(len(design.factors), len(design.parts))
    starts = part_starts(path, replicate, numbers)
    cut = _joined([*starts, layers[-1].stop], tile_units(rows, SUMMED_BYTES))
    desc, size = f"{design.name}, replicate {replicate}", design.points_per_block * design.nodes

    def summed(units: slice, bar: Progress) -> Moments:
        accumulator = _accumulator(design, units, torch.device("cpu"))
        for part in read_parts(path, replicate, numbers, units):
            if part.start == units.start:
                block = design.block(replicate, part.number)
            responses = torch.from_numpy(part.responses)
            accumulator.add(responses, part.place, block, start=part.start - units.start)
            bar.update(size * (part.start + responses.shape[1] == units.stop))
        return _finished(accumulator, units, layers)

    def tiles() -> Iterator[Moments]:
        total = len(cut) * len(numbers) * size
        with Progress(total, desc=desc, unit="evaluation") as bar:
            for units in cut:
                yield summed(units, bar)

    return TiledMoments(layers[-1].stop, tiles())


def _joined(ends: Sequence[int], most: int) -> list[slice]:
    """Join consecutive ranges while they have no more than so many units."""
    joined = [ends[0]]
    for start, stop in pairwise(ends):
        if stop - joined[-1] > most and start > joined[-1]:
            joined.append(start)
    return [slice(*pair) for pair in pairwise([*joined, ends[-1]])]


def _identity(
    settings: Mapping[str, Any],
    design: Design,
    replicate: int,
    shard: Shard,
    layers: Sequence[Layer],
) -> dict[str, Any]:
    blocks, described = shard.ends["blocks"], [layer.described for layer in layers]
    usual = node_count(len(design.factors), len(design.parts), design.walks)
    nodes = {} if design.nodes == usual else {"nodes": design.nodes}
    return {**settings, "replicate": replicate, "blocks": blocks, "layers": described, **nodes}


def _accumulator(design: Design, units: slice, device: torch.device) -> Accumulator:
    names = tuple(factor.name for factor in design.factors)
    count = units.stop - units.start
    return Accumulator(names, design.walks, count, device, parts=design.parts)


def _finished(accumulator: Accumulator, units: slice, layers: Sequence[Layer]) -> Moments:
    """Return the moments of some units, or refuse numbers that no index can be made of."""
    if not accumulator.points:
        raise ValueError("A shard needs at least one block.")
    moments = accumulator.moments()
    for layer in layers:
        if not np.isfinite(moments.sums[:, layer.within(units)]).all():
            raise ConfigError(
                f"Layer {layer.name} gave activations that are infinite or not a number. "
                "Check the network's weights and normalization, and `precision` (float16 ends "
                "at 65504), or leave the layer out of `layers`."
            )
    return moments
