"""Figures of made-up results of many layers with long names, none of them by running a network."""

from collections.abc import Callable
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from actsense.correlation.figures import across_panels, variation_panels
from actsense.correlation.matrix_figures import within_matrices
from actsense.correlation.pair_figures import pair_lines
from actsense.drawing.network_cards import network_cards
from actsense.layers import place_layers
from actsense.masking.profile_figures import place_maps
from actsense.recognition.figures import accuracy_profile
from actsense.segments.figures import segment_patterns, segment_profile
from actsense.segments.matrix_figures import segment_likeness
from actsense.sensitivity.figures.bars import channel_bars
from actsense.sensitivity.figures.contrasts import contrast_bars
from actsense.sensitivity.figures.depth import depth_profile
from actsense.sensitivity.figures.pairs import pair_maps

AUGMENTATIONS = ["hue", "gaussian_blur"]
FACTORS = [*AUGMENTATIONS, "order", "content", "partition", "class", "image"]
INDICES = ["S1", "ST", "shapley"]
COLOURS = ["hue", "saturation", "value"]
TITLE = "network, design"


def layer_names(count: int) -> list[str]:
    """Return names as DenseNets have them, and the probabilities."""
    inside = [
        f"features.denseblock{1 + number // 8}.denselayer{1 + number % 8}.relu2"
        for number in range(count - 1)
    ]
    return [*inside, "probabilities"]


def _table(**names: list[str]) -> pd.DataFrame:
    return pd.DataFrame(list(product(*names.values())), columns=list(names))


def _interval(table: pd.DataFrame, name: str) -> pd.DataFrame:
    values = np.random.default_rng(0).uniform(0.05, 0.9, len(table))
    return table.assign(**{name: values, "low": values - 0.05, "high": values + 0.05})


def _indices(**dimensions: int) -> xr.Dataset:
    rng, shape = np.random.default_rng(0), tuple(dimensions.values())
    data: dict[str, Any] = {}
    for suffix, scale in (("", 1.0), ("_ci", 0.1)):
        for name in INDICES:
            drawn = rng.uniform(0, scale, (len(FACTORS), *shape))
            data[name + suffix] = ("factor", *dimensions), drawn
        pairs = rng.uniform(-0.1, 0.1, (len(FACTORS), len(FACTORS), *shape))
        data[f"S2{suffix}"] = ("factor", "factor_2", *dimensions), abs(pairs) if suffix else pairs
    data["variance"] = tuple(dimensions), np.ones(shape)
    for flag in ("dead", "rare"):
        data[flag] = tuple(dimensions), np.zeros(shape, dtype=bool)
    return xr.Dataset(data, coords={"factor": FACTORS, "factor_2": FACTORS})


def _totals(layers: list[str]) -> xr.Dataset:
    data = _indices(layer=len(layers) + 1).drop_vars(["dead", "rare"])
    counts = {n: ("layer", [7] * (len(layers) + 1)) for n in ("units", "dead_units", "rare_units")}
    return data.assign(counts).assign_coords(layer=[*layers, "network"])


def _contrast(layers: list[str]) -> pd.DataFrame:
    table = _table(layer=layers, augmentation=AUGMENTATIONS).assign(images=100)
    for name in ("rank_biserial", "standardized_difference"):
        table = _interval(table, f"mean_abs_{name}")
    return _interval(table, "significant_share")


def _correlations(layers: list[str], **names: list[str]) -> pd.DataFrame:
    counts = {"n_units": 48.0, "n_positions": 16, "undefined": 0, "dead_units": 2, "rare_units": 1}
    return _interval(_table(layer=layers, **names), "rho").assign(**counts, p_adjusted=0.01)


def _within(layers: list[str]) -> pd.DataFrame:
    pairs = [f"{one}|{other}" for one, other in combinations(FACTORS, 2)]
    table = _correlations(layers, value=[*INDICES, "contrast"], pair=pairs)
    table[["variable_1", "variable_2"]] = table["pair"].str.split("|", expand=True)
    return table


def _across(layers: list[str]) -> pd.DataFrame:
    table = _correlations(layers, value_1=["S1"], value_2=["ST"], variable_1=FACTORS)
    return table.assign(variable_2=table["variable_1"])


def _accuracy(layers: list[str]) -> pd.DataFrame:
    table = _table(layer=layers, design=["d"], value=INDICES, variant=["raw", "normalized"])
    constant = {"chance": 0.1, "null_high": 0.2, "channels": 64, "left_out": 1}
    return _interval(table, "accuracy").assign(**constant, dead_units=2, rare_units=3)


def _effects(layers: list[str]) -> pd.DataFrame:
    table = _table(
        level=["activation", "channel"],
        layers=layers,
        value=["S1", "shapley"],
        scale=["0"],
        factor=AUGMENTATIONS,
    ).astype({"scale": float})
    constant = {"fractions": 2, "images": 40, "random_masks": 5, "resamples": 100}
    return _interval(table, "effect").assign(**constant, input="original", first_place=True)


def _segments(layers: list[str]) -> pd.DataFrame:
    table = _table(layer=layers, colour=[*COLOURS, "in place"], factor=FACTORS, index=INDICES)
    counts = {"channels": 7, "units": 10, "dead_units": 1, "rare_units": 2}
    return _interval(table, "value").assign(ci=0.05, **counts)


def _patterns(layers: list[str]) -> pd.DataFrame:
    names = {"colour": COLOURS, "index": INDICES, "layer": layers}
    patterns = _table(against=["segments", "in place"], **names, layer_2=layers).assign(pairs=6)
    order = {layer: number for number, layer in enumerate(layers)}
    upper = patterns["layer"].map(order) < patterns["layer_2"].map(order)
    return _interval(patterns[upper | (patterns["against"] == "in place")], "rho")


def _cards(layers: list[str]) -> Figure:
    card = {"settings": {"kind": "torchvision", "model": "densenet"}, "parameters": 1234}
    card |= {"weights": {"source": "random", "seed": 0}}
    placed = place_layers((name, (64, 16, 16)) for name in layers)
    names = ("one", "two")
    return network_cards(dict.fromkeys(names, card), dict.fromkeys(names, placed), title="study")


FIGURES: dict[str, Callable[[list[str]], Figure | None]] = {
    "depth_profile": lambda layers: depth_profile(_totals(layers), title=TITLE),
    "pairs": lambda layers: pair_maps(_totals(layers), title=TITLE),
    "channels": lambda layers: channel_bars(
        dict.fromkeys(layers, _indices(channel=8)), title=TITLE, shown=6
    ),
    "contrast": lambda layers: contrast_bars(_contrast(layers), title=TITLE),
    "within": lambda layers: within_matrices(_within(layers), title=TITLE),
    "pair_lines": lambda layers: pair_lines(_within(layers), title=TITLE, augmentations=False),
    "across": lambda layers: across_panels(_across(layers), title=TITLE),
    "variation": lambda layers: variation_panels(
        _correlations(layers, value=INDICES, variable=FACTORS), title=TITLE
    ),
    "lda_accuracy": lambda layers: accuracy_profile(_accuracy(layers), title=TITLE),
    "masking_layers": lambda layers: place_maps(_effects(layers), title=TITLE),
    "segment_profile": lambda layers: segment_profile(_segments(layers), title=TITLE),
    "segment_patterns": lambda layers: segment_patterns(_patterns(layers), title=TITLE),
    "segment_likeness": lambda layers: segment_likeness(_patterns(layers), title=TITLE),
    "networks": _cards,
}
