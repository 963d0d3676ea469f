"""Colors and marks of factors, which may all meet in one figure."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.markers import MarkerStyle
from numpy.typing import NDArray

from actsense.augment import AUGMENTATIONS
from actsense.drawing.style import FACTOR_COLORS, FACTOR_MARKERS

# Ottosson (2020), OKLab: from linear sRGB to cones, and from their cube roots to lightness, a, b.
CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
LAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]
# Machado, Oliveira & Fernandes (2009): eyes without the pigment for red, and for green.
EYES = {
    "all pigments": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                 [-0.011820, 0.042940, 0.968881]],
}  # fmt: skip


def seen(color: str, eye: str) -> NDArray[np.float64]:
    """Return lightness, a and b, per cent."""
    encoded = np.array(to_rgb(color))
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    light = np.clip(np.array(EYES[eye]) @ linear, 0, 1)
    return np.asarray(100 * np.array(LAB) @ np.cbrt(np.array(CONES) @ light))


def test_seen_colors_are_those_of_oklab() -> None:
    np.testing.assert_allclose(seen("white", "all pigments"), [100, 0, 0], atol=0.01)
    np.testing.assert_allclose(seen("red", "all pigments"), [62.8, 22.5, 12.6], atol=0.05)


@pytest.mark.parametrize(
    ("eye", "names", "least"),
    [
        ("all pigments", FACTOR_COLORS, 10),
        *((eye, [n for n in AUGMENTATIONS if "patch" not in n], 5) for eye in EYES),
    ],
)
def test_factors_that_meet_have_colors_apart(eye: str, names: list[str], least: float) -> None:
    places = {name: seen(FACTOR_COLORS[name], eye) for name in names}
    near = {
        pair: float(np.linalg.norm(places[pair[0]] - places[pair[1]]))
        for pair in combinations(names, 2)
    }
    assert {pair: gap for pair, gap in near.items() if gap < least} == {}


def test_marks_are_filled_so_that_small_ones_show() -> None:
    assert all(MarkerStyle(mark).is_filled() for mark in FACTOR_MARKERS.values())
    assert set(AUGMENTATIONS) < set(FACTOR_MARKERS)
