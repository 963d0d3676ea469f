"""Layers follow each other on one axis, and files say as much of them as is needed."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from actsense.layers import Layer, place_layers, read_layers

SHAPES = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=1, max_size=6)


@given(shapes=SHAPES)
def test_units_are_those_of_the_joined_activations(shapes: list[list[int]]) -> None:
    layers = place_layers((str(number), shape) for number, shape in enumerate(shapes))
    parts = [np.full(shape, number) for number, shape in enumerate(shapes)]
    flat = np.concatenate([part.ravel() for part in parts])
    for layer, part in zip(layers, parts, strict=True):
        np.testing.assert_array_equal(flat[layer.units].reshape(layer.shape), part)
        assert layer.size == part.size
    assert layers[-1].stop == len(flat)


@given(shapes=SHAPES)
def test_layers_come_back_from_what_a_file_says(shapes: list[list[int]]) -> None:
    layers = place_layers((str(number), shape) for number, shape in enumerate(shapes))
    text = json.dumps([layer.described for layer in layers])
    assert read_layers(json.loads(text)) == layers


def test_axes_of_maps_and_vectors_have_their_names() -> None:
    assert Layer("a", (2, 3, 4), 0).dimensions == ("channel", "row", "col")
    assert Layer("a", (2,), 0).dimensions == ("unit",)
    assert Layer("a", (2, 3), 0).dimensions == ("axis_0", "axis_1")


def test_a_map_has_positions() -> None:
    maps = [Layer("a", shape, 0).is_map for shape in ((2, 3, 1), (2, 1, 1), (6,), (2, 3))]
    assert maps == [True, False, False, False]
