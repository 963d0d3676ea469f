"""Feature inversion: linear networks whose inversion is a linear system, and brute force."""

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import pytest
import torch
from opened import opened
from pydantic import ValidationError
from torch import nn

from actsense.invariance.kept.inversion import bound, grey_starts, invert_layer, variation
from actsense.invariance.kept.settings import Inversion
from actsense.networks.network import Network
from actsense.networks.subject import Subject

SIDE, SAID, ANCHORS = 4, 5, 3
PIXELS = 3 * SIDE**2
ROWS = np.array([5, 2, 40])
PLAIN = Inversion(bound=0, variation=0, iterations=150)


@pytest.fixture
def subject() -> Subject:
    said = nn.Linear(PIXELS, SAID)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        said.weight.copy_(torch.randn(SAID, PIXELS, generator=generator))
        said.bias.zero_()
    last = nn.Linear(SAID, 2)
    module = nn.Sequential(OrderedDict(flat=nn.Flatten(), said=said, last=last))
    network = Network(
        "linear", module.eval().requires_grad_(False), (0,) * 3, (1,) * 3, SIDE, None
    )
    return opened(network, SIDE, batch_size=6)


def anchors(subject: Subject) -> np.ndarray:
    """Return what the layer says of images near grey."""
    generator = torch.Generator().manual_seed(1)
    images = 0.5 + 0.1 * torch.randn(ANCHORS, 3, SIDE, SIDE, generator=generator)
    return subject.tap(["said"])(images)["said"].numpy()


def weight(subject: Subject) -> np.ndarray:
    return subject.network.module.said.weight.double().numpy()


def neighbours(axis: int) -> np.ndarray:
    """Return the matrix of differences to the next pixel along an axis, of flat images."""
    grid, rows = np.arange(PIXELS).reshape(3, SIDE, SIDE), []
    for place in np.ndindex(3, SIDE, SIDE):
        row = np.zeros(PIXELS)
        after = [*place]
        after[axis] += 1
        if after[axis] < SIDE:
            row[grid[place]], row[grid[tuple(after)]] = -1, 1
        rows.append(row)
    return np.stack(rows)


def test_of_a_linear_layer_it_is_the_solution_of_a_linear_system(subject: Subject) -> None:
    settings = Inversion(
        bound=0.5, bound_power=2, variation=0.1, iterations=300, learning_rate=0.03
    )
    said, a = anchors(subject), weight(subject)
    found = invert_layer(subject, "said", said, ROWS, starts=2, settings=settings, seed=0)
    right, down = neighbours(2), neighbours(1)
    rough = 0.1 / PIXELS * 6.5**2 * (right.T @ right + down.T @ down)
    grey = 0.5 / PIXELS * 4 * np.eye(PIXELS)
    for images, z in zip(found.images, said.astype(np.float64), strict=True):
        fit, scale = a.T @ a, z @ z
        x = np.linalg.solve(
            fit / scale + rough + grey, a.T @ z / scale + grey @ np.full(PIXELS, 0.5)
        )
        assert 0 < x.min() < x.max() < 1  # the bounds of pixels do nothing
        for image in images:
            np.testing.assert_allclose(image.flatten(), x, atol=2e-4)
    assert not torch.equal(found.images[:, 0], found.images[:, 1])


def test_without_penalties_the_layer_says_the_same_of_images_that_differ(
    subject: Subject,
) -> None:
    said = anchors(subject)
    found = invert_layer(subject, "said", said, ROWS, starts=3, settings=PLAIN, seed=0)
    again = subject.tap(["said"])(found.images.flatten(0, 1))["said"].view(ANCHORS, 3, SAID)
    expected = torch.from_numpy(said)[:, None].expand(-1, 3, -1)
    torch.testing.assert_close(again, expected, rtol=1e-3, atol=1e-3)
    assert found.images.std(dim=1).mean() > 0.05  # two of a pixel differ by the noise
    assert found.distance.shape == (ANCHORS, 3, PLAIN.iterations + 1)
    difference = (again - expected).square().sum(dim=2) / expected.square().sum(dim=2)
    np.testing.assert_allclose(found.distance[..., -1], difference, rtol=1e-3, atol=1e-9)
    start = subject.tap(["said"])(grey_starts(ROWS, 3, SIDE, PLAIN.noise, seed=0).flatten(0, 1))[
        "said"
    ].view(ANCHORS, 3, SAID)
    before = (start - expected).square().sum(dim=2) / expected.square().sum(dim=2)
    np.testing.assert_allclose(found.distance[..., 0], before, rtol=1e-4)


def test_an_image_does_not_depend_on_what_else_is_looked_for(subject: Subject) -> None:
    said = anchors(subject)
    settings = Inversion(iterations=20)
    all_of_them = invert_layer(subject, "said", said, ROWS, starts=3, settings=settings, seed=4)
    alone = invert_layer(
        subject, "said", said[1:2], ROWS[1:2], starts=2, settings=settings, seed=4
    )
    torch.testing.assert_close(alone.images[0], all_of_them.images[1, :2], rtol=1e-4, atol=1e-5)


def test_images_stay_in_their_range_where_no_image_is_said_so(subject: Subject) -> None:
    found = invert_layer(
        subject, "said", 50 * anchors(subject), ROWS, starts=1, settings=PLAIN, seed=0
    )
    assert found.images.min() == 0
    assert found.images.max() == 1


def test_steps_become_shorter_as_a_cosine(subject: Subject) -> None:
    """Adam's steps are as long as its rate where slopes stay as they are: far from the goal."""
    settings = PLAIN.replaced(iterations=4, learning_rate=0.01)
    said = 1000 * anchors(subject)
    found = invert_layer(subject, "said", said, ROWS, starts=1, settings=settings, seed=0)
    moved = found.images - grey_starts(ROWS, 1, SIDE, settings.noise, seed=0)
    expected = sum(0.005 * (1 + np.cos(np.pi * k / 4)) for k in range(4))
    np.testing.assert_allclose(moved.abs(), expected, rtol=0.01)


def test_of_an_anchor_of_which_nothing_is_said_the_distance_is_finite(subject: Subject) -> None:
    nothing = np.zeros((1, SAID), dtype=np.float32)
    found = invert_layer(subject, "said", nothing, ROWS[:1], starts=1, settings=PLAIN, seed=0)
    assert np.isfinite(found.distance).all()
    assert found.distance[..., -1] < 0.01 * found.distance[..., 0]


def test_starts_are_grey_noise_of_every_anchor_and_number() -> None:
    starts = grey_starts(np.arange(40), 5, 8, 0.1, seed=0)
    assert abs(float(starts.mean()) - 0.5) < 0.002
    assert abs(float(starts.std()) - 0.1) < 0.002
    assert np.abs(np.corrcoef(starts.flatten(2).flatten(0, 1)) - np.eye(200)).max() < 0.4
    assert len(starts[..., 0, 0, 0].unique()) == 200
    assert not torch.equal(starts, grey_starts(np.arange(40), 5, 8, 0.1, seed=1))
    wild = grey_starts(np.arange(9), 2, 8, 5.0, seed=0)
    assert wild.min() == 0
    assert wild.max() == 1


def loop_of_variation(image: np.ndarray, power: float) -> float:
    total, (_, rows, cols) = 0.0, image.shape
    for c, i, j in np.ndindex(*image.shape):
        right = image[c, i, j + 1] - image[c, i, j] if j + 1 < cols else 0
        down = image[c, i + 1, j] - image[c, i, j] if i + 1 < rows else 0
        total += ((6.5 * right) ** 2 + (6.5 * down) ** 2) ** (power / 2)
    return total / image.size


@pytest.mark.parametrize("power", [1.0, 2.0, 2.5])
def test_penalties_are_those_of_loops_over_pixels(power: float) -> None:
    images = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    images[0, :, :2, :2] = 0.3
    loops: tuple[tuple[Callable, Callable], ...] = (
        (variation, loop_of_variation),
        (bound, lambda image, p: np.mean([abs(2 * x - 1) ** p for x in image.flat])),
    )
    for ours, theirs in loops:
        expected = [theirs(image.double().numpy(), power) for image in images]
        np.testing.assert_allclose(ours(images, power), expected, rtol=1e-4)


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_the_slope_of_variation_is_finite_where_neighbours_are_equal(power: float) -> None:
    images = torch.full((1, 3, 4, 4), 0.4, requires_grad=True)
    variation(images, power).sum().backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()


@pytest.mark.parametrize(
    "wrong", [{"iterations": 0}, {"learning_rate": 0}, {"bound_power": 0.5}, {"variation": -1}]
)
def test_settings_without_meaning_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Inversion(**wrong)
