"""What pictures are to drive, against loops over pictures and channels."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.draws import stream
from actsense.featvis.targets.targets import Targets, direction_targets

PICTURES, CHANNELS, ROWS, COLS = 3, 4, 2, 5
NUMBERS = stream(0, "numbers in a test of targets")


def numbers(*shape: int) -> Tensor:
    return torch.from_numpy(NUMBERS.normal(size=shape).astype(np.float32))


def made(**other: Tensor | None) -> Targets:
    parts = {
        "direction": numbers(PICTURES, CHANNELS),
        "mean": numbers(PICTURES, CHANNELS),
        "std": numbers(PICTURES, CHANNELS).exp(),
        "place": torch.tensor([[-1, -1], [1, 4], [0, 0]]),
        "response": numbers(PICTURES, CHANNELS),
    }
    return Targets("conv", **(parts | other))


def test_a_picture_is_read_at_its_place_or_in_the_mean() -> None:
    maps = numbers(PICTURES, CHANNELS, ROWS, COLS)
    read = made().read(maps)
    torch.testing.assert_close(read[0], maps[0].flatten(1).mean(dim=1))
    assert torch.equal(read[1], maps[1, :, 1, 4])
    assert torch.equal(read[2], maps[2, :, 0, 0])


def test_a_vector_is_read_as_it_is() -> None:
    vector = numbers(PICTURES, CHANNELS)
    assert torch.equal(made(place=torch.full((PICTURES, 2), -1)).read(vector), vector)


def test_the_way_back_reaches_the_places_that_are_read_alone() -> None:
    maps = numbers(PICTURES, CHANNELS, ROWS, COLS).requires_grad_()
    made().read(maps).sum().backward()
    reached = maps.grad
    assert reached is not None
    torch.testing.assert_close(reached[0], torch.full_like(reached[0], 1 / (ROWS * COLS)))
    single = torch.zeros(CHANNELS, ROWS, COLS)
    single[:, 1, 4] = 1
    assert torch.equal(reached[1], single)


def test_activations_are_sums_of_standardised_responses() -> None:
    targets, response = made(), numbers(PICTURES, CHANNELS)
    expected = [
        sum(
            float(targets.direction[k, c])
            * (float(response[k, c]) - float(targets.mean[k, c]))
            / float(targets.std[k, c])
            for c in range(CHANNELS)
        )
        for k in range(PICTURES)
    ]
    np.testing.assert_allclose(targets.activation(response), expected, rtol=1e-5)


@pytest.mark.parametrize("with_sorted", [True, False])
def test_some_targets_are_those_of_all(with_sorted: bool) -> None:
    targets = made(sorted=numbers(PICTURES, CHANNELS, 10) if with_sorted else None)
    for which, kept in ((slice(1, 3), [1, 2]), (torch.tensor([2, 2, 0, 1]), [2, 2, 0, 1])):
        part = targets[which]
        assert (len(part), part.layer) == (len(kept), "conv")
        for own in fields(Targets):
            whole = getattr(targets, own.name)
            if isinstance(whole, Tensor):
                assert torch.equal(getattr(part, own.name), whole[kept]), own.name
            else:
                assert getattr(part, own.name) == whole


def test_targets_move_with_all_their_parts() -> None:
    moved = made(sorted=numbers(PICTURES, CHANNELS, 2)).to("meta")
    parts = [getattr(moved, own.name) for own in fields(Targets)]
    assert {part.device.type for part in parts if isinstance(part, Tensor)} == {"meta"}


def test_a_direction_is_measured_in_spreads_of_natural_images() -> None:
    features = NUMBERS.normal(5, 3, (40, CHANNELS)).astype(np.float32)
    features[:, 2] = 0.5  # answers all images alike
    directions = np.array([[0, 1, 0, 0], [0.5, 0, -2, 1]])
    targets = direction_targets("conv", directions, features)
    along = targets.activation(torch.from_numpy(features[:2]))
    assert targets.direction.tolist() == directions.tolist()
    np.testing.assert_allclose(targets.mean[1], features.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(targets.std[1, :2], features.std(axis=0)[:2], rtol=1e-5)
    second = features[:, 1]
    assert along[0] == pytest.approx((second[0] - second.mean()) / second.std(), rel=1e-5)
    assert (targets.std > 0).all()
    assert targets.place.tolist() == [[-1, -1]] * 2
    assert targets.response.isnan().all()
    assert targets.sorted is None
    kinds = {own.name: getattr(targets, own.name).dtype for own in fields(Targets)[1:6]}
    assert kinds.pop("place") == torch.int64
    assert set(kinds.values()) == {torch.float32}


@pytest.mark.parametrize(
    ("directions", "message"),
    [
        (np.ones(CHANNELS), r"\(targets, 4\), got \(4,\)"),
        (np.ones((1, 3)), r"\(targets, 4\), got \(1, 3\)"),
        (np.zeros((1, CHANNELS)), "have a channel that counts"),
        (np.array([[1, np.nan, 0, 0]]), "must be finite"),
    ],
)
def test_no_direction_is_refused(directions: NDArray[np.float64], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        direction_targets("conv", directions, np.ones((5, CHANNELS)))
