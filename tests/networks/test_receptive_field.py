"""What a unit sees is what the arithmetic of its layers says."""

import pytest
import torch
from opened import opened
from torch import nn

from actsense.networks.network import Network
from actsense.networks.receptive_field import receptive_fields
from actsense.networks.subject import Subject

SIDE = 24


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A network whose layers see 3, then 11 pixels, every second of them; then all of them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential()
        module.add_module("first", nn.Conv2d(3, 5, 3, stride=2, padding=1))
        module.add_module("second", nn.Sequential(nn.ReLU(), nn.Conv2d(5, 4, 5, padding=2)))
        module.add_module("head", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
        module.add_module("logits", nn.Linear(4, 3))
    module.eval().requires_grad_(False)
    return opened(Network("net", module, (0.0,) * 3, (1.0,) * 3, None, None), SIDE)


def within(start: int, length: int) -> tuple[int, int]:
    """Cut a stretch of pixels where the image ends."""
    return max(start, 0), min(start + length, SIDE)


@pytest.mark.parametrize(("layer", "before", "length"), [("first", 1, 3), ("second", 5, 11)])
def test_a_unit_of_a_convolution_sees_the_window_of_its_place(
    subject: Subject, layer: str, before: int, length: int
) -> None:
    places = [(0, 0), (4, 7), (11, 2)]
    for place, found in zip(places, receptive_fields(subject, layer, places), strict=True):
        (top, bottom), (left, right) = (within(2 * at - before, length) for at in place)
        assert found == (top, left, bottom, right)


def test_a_unit_behind_a_mean_sees_the_whole_image(subject: Subject) -> None:
    assert receptive_fields(subject, "logits", [()]) == [(0, 0, SIDE, SIDE)]
