"""Segments behind the sampling engine: augmented images to colour channels to activations."""

__all__ = [
    "SegmentRecorder",
    "SegmentResults",
    "sample_segments",
    "segments_table",
    "write_segments",
]

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import torch
import xarray as xr
from torch import Tensor
from torch.nn import functional

from actsense.errors import ConfigError
from actsense.layers import Layer, place_layers
from actsense.networks.graph import LayerGraph
from actsense.networks.layers import lay_out
from actsense.networks.probes import probe_images
from actsense.networks.subject import Subject
from actsense.networks.taps import write_units
from actsense.networks.trace import trace
from actsense.sampling.opening import Inputs, Sampling, open_sampling
from actsense.sampling.sharding import Shard
from actsense.segments.channels import (
    IN_PLACE,
    SegmentUnits,
    indices_in_place,
    plan_segments,
    segment_name,
)
from actsense.segments.hsv import to_hsv
from actsense.segments.listed import read_units
from actsense.segments.plan import COLOURS
from actsense.segments.segment import Segment
from actsense.sensitivity.estimation import IndexSummary, estimate_results, index_tables
from actsense.sensitivity.moments_file import write_moments
from actsense.sensitivity.summing import stream_shard
from actsense.store import (
    Gathered,
    LeftOut,
    read_indices,
    write_facts,
    write_results,
    write_tables,
)

log = logging.getLogger(__name__)

TRIED = 2  # images that show whether the steps are the network
COLUMNS = [
    *("layer", "colour", "factor", "index", "value", "ci"),
    *("channels", "units", "dead_units", "rare_units"),
]


class SegmentRecorder:
    """Runs the colour channels of images through segments; used like a `Tap`.

    An image is averaged to the size that a segment sees in place, and then converted: hues are
    angles, which do not average. The segment gets hue, saturation or value as they are, in
    [0, 1]: it expects responses of the layer before, not images, so nothing is normalised.

    Arguments:
        subject: The network.
        planned: Segments and their channels. One that cannot be run alone is left out.

    Attributes:
        layers: The chosen channels of every segment behind every colour channel, as one layer.
        units: Length of the axis of units.
        planned: The segments that are run.
        skipped: Why others are not, by their last layer.
    """

    layers: tuple[Layer, ...]
    units: int
    planned: tuple[SegmentUnits, ...]
    skipped: Mapping[str, str]

    def __init__(self, subject: Subject, planned: Sequence[SegmentUnits]) -> None:
        segments: list[tuple[SegmentUnits, Segment]] = []
        skipped: dict[str, str] = {}
        names = [plan.layer for plan in planned]
        starts = [plan.start for plan in planned if plan.start and plan.start not in names]
        placed = lay_out(subject.network, [*names, *starts], subject.side) if planned else ()
        layouts = {layer.name: layer for layer in placed}
        try:
            graph = _graph(subject, [*layouts])
        except ConfigError as error:
            log.warning("No segments: %s", error)
            skipped, planned = dict.fromkeys(names, str(error)), []
        for plan in planned:
            ends, chosen = (plan.start, plan.layer), list(plan.channels)
            try:
                segment = Segment(graph, *ends, plan.inputs[0], chosen, layouts=layouts)
            except ConfigError as error:
                skipped[plan.layer] = str(error)
            else:
                segments.append((plan, segment))
        self.layers = place_layers(
            (segment_name(plan.layer, colour), (len(plan.channels), *plan.shape[1:]))
            for plan, _ in segments
            for colour in COLOURS
        )
        self.units = self.layers[-1].stop if self.layers else 0
        self.planned, self.skipped = tuple(plan for plan, _ in segments), skipped
        self._subject, self._segments = subject, segments

    @torch.inference_mode()
    def record(self, images: Tensor, out: Tensor, start: int = 0) -> None:
        """Write the activations of a batch into `out`.

        Arguments:
            images: Shape (batch, 3, height, width), float32 in [0, 1], on the device.
            out: Shape (batch, units), float32, on the device or in host memory.
            start: The first unit that is written; as many as `out` has follow it.
        """
        layers = iter(self.layers)
        channels: dict[tuple[int, ...], Tensor] = {}
        for plan, segment in self._segments:
            size = plan.inputs[1:]
            if size not in channels:
                small = functional.interpolate(images, size, mode="area")
                channels = {size: to_hsv(small)}  # what follows is smaller, or of the same size
            for number in range(len(COLOURS)):
                channel, layer = channels[size][:, number, None], next(layers)
                with self._subject.arithmetic():
                    output = segment(channel)
                write_units(layer, output, out, start)


@dataclass(frozen=True)
class SegmentResults:
    """What the segments of one network feel under one design.

    Attributes:
        groups: Datasets of an index store; a layer is a segment behind a colour channel, its
            `channel` coordinate the number of the channel in the network.
        facts: What the root of the store says about the sampling.
        units: The segments and their channels, as plain data.
        tables: `segments`, indices per segment and colour channel beside those in place, and
            `skipped`, layers at which no segment ends.
    """

    groups: dict[str, xr.Dataset]
    facts: dict[str, Any]
    units: list[dict[str, Any]]
    tables: dict[str, pd.DataFrame]


def sample_segments(
    inputs: Inputs,
    settings: Mapping[str, Any],
    indices: Path,
    *,
    channels: int,
    listed: Path | None = None,
    batch_size: int,
    device: torch.device,
    memory_gb: float = inf,
    beside: Path,
) -> SegmentResults:
    """Sample the segments of a network behind every colour channel, and estimate their indices.

    Images and augmentations are those of the network in place, as far as the base points go, so
    that both differ by what they see of them alone.

    Arguments:
        inputs: Paths of the image cache, its manifest and the network's weights.
        settings: Settings of the sampling, as for `open_sampling`.
        indices: Index store of the network in place.
        channels: Channels to choose for every factor and layer.
        listed: File of the channels that are to be looked at instead, see `read_units`.
        batch_size: Images per forward pass, at most.
        device: Where to run.
        memory_gb: Gigabytes that the job may take.
        beside: Where the results will be; moments are kept there meanwhile.
    """
    sampling = open_sampling(
        inputs, settings, batch_size=batch_size, device=device, memory_gb=memory_gb
    )
    subject, tree = sampling.subject, read_indices(indices)
    images = (3, subject.side, subject.side)
    layers = _in_order(subject, [str(layer) for layer in tree["layer"].to_numpy()])
    units = read_units(listed) if listed else None
    planned, without = plan_segments(tree, layers, images, count=channels, listed=units)
    recorder = SegmentRecorder(subject, planned)
    evaluate = replace(sampling.evaluate, recording=recorder)
    skipped = {
        layer: reason
        for layer in layers
        if (reason := (without | dict(recorder.skipped)).get(layer))
    }
    table = pd.DataFrame(skipped.items(), columns=["layer", "reason"])
    if not recorder.planned:
        empty = pd.DataFrame(columns=COLUMNS)
        return SegmentResults({}, {}, [], {"segments": empty, "skipped": table})
    groups = Gathered()
    sampled = replace(sampling, evaluate=evaluate)
    summary = _estimate(sampled, sampling.design.seed, beside, groups)

    def left_out(name: str) -> LeftOut:
        return LeftOut.count(groups[name])

    return SegmentResults(
        _numbered(groups, recorder.planned),
        summary.facts,
        [plan.described() for plan in recorder.planned],
        {"segments": segments_table(summary, left_out, tree, recorder.planned), "skipped": table},
    )


def write_segments(
    results: SegmentResults, outputs: Mapping[str, Path], *, attributes: Mapping[str, Any]
) -> None:
    """Write the index store, the units and the tables to the paths of their names.

    Arguments:
        results: What to write.
        outputs: Paths `indices`, `units`, `segments` and `skipped`.
        attributes: Where the results come from, for the root of the store.
    """
    write_tables(results.tables, outputs)
    write_facts(outputs["units"], results.units)
    facts = {**attributes, **results.facts}
    write_results(outputs["indices"], results.groups, attributes=facts)


def _graph(subject: Subject, layers: Sequence[str]) -> LayerGraph:
    """List the steps of a network, tried with images of noise."""
    images = probe_images(TRIED, subject.side).to(subject.device)
    with subject.arithmetic():
        return LayerGraph(subject.network, layers, subject.normalise(images))


def _in_order(subject: Subject, recorded: Sequence[str]) -> list[str]:
    """Return the recorded layers that are modules in the order of execution, others behind."""
    calls, _ = trace(subject.network.module, subject.side)
    place = {call.name: k for k, call in enumerate(calls)}
    layers = [layer for layer in recorded if layer != "network"]
    return sorted(layers, key=lambda layer: place.get(layer, len(calls)))


def _estimate(sampling: Sampling, seed: int, beside: Path, groups: Gathered) -> IndexSummary:
    design = sampling.design
    beside.parent.mkdir(parents=True, exist_ok=True)
    # Named like a half-written store: what a killed job leaves goes when the next one writes.
    with TemporaryDirectory(
        prefix=f".{beside.name}.", suffix=".partial", dir=beside.parent
    ) as folder:
        path = Path(folder) / "moments.zarr.zip"
        whole = Shard(range(design.replicates), range(design.blocks))
        write_moments(path, stream_shard(sampling, whole, {"seed": seed}))
        return estimate_results([path], groups)


def _numbered(groups: Gathered, planned: Sequence[SegmentUnits]) -> dict[str, xr.Dataset]:
    """Return the groups of the store, channels numbered as in the network."""
    numbered: dict[str, xr.Dataset] = {**groups}
    for plan in planned:
        numbers = list(plan.channels)
        for colour in COLOURS:
            name = segment_name(plan.layer, colour)
            for group in (name, f"{name}/by_channel"):
                numbered[group] = groups[group].assign_coords(channel=numbers)
    return numbered


def segments_table(
    summary: IndexSummary,
    left_out: Callable[[str], LeftOut],
    indices: xr.DataTree,
    planned: Sequence[SegmentUnits],
) -> pd.DataFrame:
    """Put the layer-level indices of all segments beside those of the same channels in place.

    Arguments:
        summary: Indices of all segments.
        left_out: Counts the dead and rare units of a segment behind a colour channel.
        indices: Index store of the network in place.
        planned: The segments and their channels.
    """
    tidy = index_tables(summary)["layers"]
    parts = []
    for plan in planned:
        for colour in COLOURS:
            name = segment_name(plan.layer, colour)
            part = tidy[tidy["layer"] == name].drop(columns="layer")
            parts.append(_labelled(part, plan, colour, left_out(name)))
        node = indices[plan.layer]
        chosen = node.to_dataset()[["dead", "rare"]].isel(channel=list(plan.channels))
        part = indices_in_place(node["by_channel"].to_dataset(), plan.channels)
        parts.append(_labelled(part, plan, IN_PLACE, LeftOut.count(chosen)))
    return pd.concat(parts, ignore_index=True)


def _labelled(
    part: pd.DataFrame, plan: SegmentUnits, colour: str, left_out: LeftOut
) -> pd.DataFrame:
    named = part.assign(layer=plan.layer, colour=colour, channels=len(plan.channels))
    return pd.DataFrame(named.assign(units=left_out.of, **left_out.columns), columns=COLUMNS)
