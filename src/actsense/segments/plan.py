"""What the segments of networks take, said before anything is run."""

__all__ = ["COLOURS", "work"]

from dataclasses import replace

from actsense.layers import Layer, place_layers
from actsense.sampling.plan import SampledDesign
from actsense.segments.settings import Segments
from actsense.sensitivity.cuts import ESTIMATED_BYTES, cut_moments
from actsense.sensitivity.moments import row_count
from actsense.sensitivity.plan import ESTIMATES, LAYER_ARRAYS, NETWORK_ARRAYS, index_bytes
from actsense.work import Facts, Work, store_files, table_files

COLOURS = ("hue", "saturation", "value")
MADE = 2  # times all indices
TABLES = 2  # values, skipped
COMPARISONS = 3  # correlations, differences, patterns
FIGURES = 2  # profile, patterns
KINDS = 2  # of figures of a layer: maps and correlations, in folders


def work(facts: Facts) -> list[Work]:
    """Return what segments take, for every network and design."""
    return [own for names in facts.runs for own in _run(facts, *names)]


def segment_units(facts: Facts, network: str, design: str) -> int:
    """Return the most units that are chosen in segments, all colour channels together.

    Arguments:
        facts: What is known of the study.
        network: Name of the network.
        design: Name of the design.
    """
    return sum(layer.size for layer in _recorded(facts, network, design))


def _recorded(facts: Facts, network: str, design: str) -> tuple[Layer, ...]:
    """Return what is recorded of segments at most."""
    chosen = facts.settings.segments.channels * len(facts.settings.designs[design].factors)
    own = facts.networks[network]
    shapes: list[tuple[int, ...]] = [
        (min(channels, chosen), rows, cols) for channels, rows, cols in own.maps
    ]
    if own.listed is not None:
        layers = {layer.name: layer.shape for layer in own.layers}
        shapes = [(count, *layers[name][1:]) for name, count in own.listed.items()]
    return place_layers(
        (f"{number} {colour}", shape) for number, shape in enumerate(shapes) for colour in COLOURS
    )


def _run(facts: Facts, network: str, design: str) -> list[Work]:
    segments: Segments = facts.settings.segments
    own = facts.networks[network]
    counted = SampledDesign.of(facts.settings, network, design, own)
    built = replace(counted.design, base_points=segments.base_points)
    factors, parts = len(built.factors), len(built.parts)
    units, maps = segment_units(facts, network, design), len(own.maps)
    share = facts.different.get((network, design), 1.0)
    groups = len(COLOURS) * maps * 2  # channels of a layer, and their units
    names = (network, design, int(facts.analysed(network, design)))
    # Indices are put together in memory, and once more as they are written.
    moments = built.replicates * units * row_count(factors, parts) * 8
    held: float = MADE * units * index_bytes(factors + parts)
    held += ESTIMATES * min(ESTIMATED_BYTES, moments)
    if recorded := _recorded(facts, network, design):
        batch, room = facts.batch(network), facts.room(network)
        cut = cut_moments(recorded, built, blocks=built.blocks, batch=batch, room=room)
        held = max(held, cut.holds)
    return [
        Work(
            *("sample_segments", *names),
            passes=round(built.evaluations * share),
            holds=held / 1e6,
            kept=units * index_bytes(factors + parts),
            files=store_files(NETWORK_ARRAYS + groups * (LAYER_ARRAYS + 1), 1 + groups)
            + table_files(TABLES + 1),  # and why each channel was chosen
        ),
        Work(*("compare_segments", *names), files=table_files(COMPARISONS)),
        Work(*("plot_segments", *names), files=FIGURES + KINDS * (1 + maps)),
    ]
