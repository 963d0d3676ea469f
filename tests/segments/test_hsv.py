"""Hue, saturation and value of single colours and of augmented images."""

import colorsys

import numpy as np
import pytest
import torch
from torch import Tensor

from actsense.augment import augment
from actsense.segments.hsv import to_hsv
from actsense.segments.plan import COLOURS


def images(seed: int = 0, side: int = 8) -> Tensor:
    return torch.rand(4, 3, side, side, generator=torch.Generator().manual_seed(seed))


def channel(name: str, batch: Tensor) -> Tensor:
    return to_hsv(batch)[:, COLOURS.index(name)]


def test_every_colour_is_what_the_standard_library_says() -> None:
    # Chroma from 1 to 1/255, the least that photographs hold.
    levels = torch.tensor([0, 1, 2, 77, 128, 254, 255]) / 255
    colours = torch.cartesian_prod(levels, levels, levels)
    expected = [colorsys.rgb_to_hsv(*map(float, colour)) for colour in colours]
    got = to_hsv(colours[:, :, None, None])[:, :, 0, 0]
    torch.testing.assert_close(got.double(), torch.tensor(expected).double(), rtol=0, atol=3e-7)


@pytest.mark.parametrize(
    ("colour", "hue"), [((1, 0, 0), 0), ((0, 1, 0), 1 / 3), ((0, 0, 1), 2 / 3)]
)
def test_primaries_are_thirds_of_a_turn_apart(colour: tuple[int, ...], hue: float) -> None:
    found = to_hsv(torch.tensor(colour).float().view(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(found, torch.tensor([hue, 1.0, 1.0]))


def test_grey_and_black_have_neither_hue_nor_saturation() -> None:
    grey = torch.linspace(0, 1, 64).view(1, 1, 8, 8).expand(1, 3, 8, 8)
    converted = to_hsv(grey)
    assert (converted[:, :2] == 0).all()
    assert torch.equal(converted[:, 2], grey[:, 0])


def test_hue_stays_below_one() -> None:
    almost_red = torch.tensor([1.0, 0.0, 6e-8]).view(1, 3, 1, 1)
    assert channel("hue", almost_red) == 0
    converted = to_hsv(images(side=64))
    assert ((converted >= 0) & (converted <= 1)).all()
    assert (converted[:, 0] < 1).all()


@pytest.mark.parametrize("name", ["hue", "saturation"])
def test_dimming_changes_value_alone(name: str) -> None:
    batch = images()
    torch.testing.assert_close(channel(name, 0.3 * batch), channel(name, batch))
    torch.testing.assert_close(channel("value", 0.3 * batch), 0.3 * channel("value", batch))


def test_grayscaling_leaves_a_constant_saturation_whatever_follows_it() -> None:
    names = ("grayscaling", "brightness", "contrast", "saturation", "hue")
    values = torch.tensor([[1.7, 0.4, 2.0, 0.3]]).repeat(4, 1)
    order = torch.from_numpy(np.tile(np.arange(len(names)), (4, 1)))
    grey = augment(images(), order, values, names)
    assert (channel("saturation", grey) == 0).all()
    assert channel("value", grey).std() > 0.05
