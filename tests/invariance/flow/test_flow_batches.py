"""What a flow is trained on: checked when it is given, read in an order of the seed alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.invariance.flow import batches, data
from actsense.invariance.flow.batches import Batches
from actsense.invariance.flow.data import FlowData
from actsense.store.columns import ALONE, Column
from actsense.store.rows import Rows, write_rows

CPU = torch.device("cpu")
HELD = 2**30


class Stored:
    """Representations of a store, of which it is told how many were asked for at a time."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self.shape = rows, (len(rows), *rows.columns[ALONE].shape)
        self.asked: list[NDArray[np.int64]] = []

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        self.asked.append(rows)
        return self._rows.read(rows)


def numbered(count: int, shape: tuple[int, ...] = (3,)) -> FlowData:
    """Return images whose every number is the number of the image."""
    mean = np.arange(count, dtype=np.float32)[:, None] * np.ones((1, 4), np.float32)
    condition = np.broadcast_to(np.arange(count).reshape(-1, *[1] * len(shape)), (count, *shape))
    return FlowData(mean, -mean, condition.astype(np.float32))


@pytest.fixture
def stored(tmp_path: Path) -> FlowData:
    """Fifty maps of 8 numbers in a store."""
    plain = numbered(50, (2, 2, 2))
    with write_rows(tmp_path / "rows.zarr", {ALONE: Column((2, 2, 2), "float32")}) as writer:
        writer.append({ALONE: np.asarray(plain.conditions)})
    return FlowData(plain.mean, plain.log_variance, Stored(Rows(tmp_path / "rows.zarr")))


def of(given: FlowData, *, held: int = HELD, seed: int = 0) -> Batches:
    return Batches(given, 8, seed=seed, device=CPU, held_bytes=held)


@pytest.mark.parametrize("held", [HELD, 20 * 32])
def test_every_image_has_its_own_representation_and_comes_once(
    stored: FlowData, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PIECE_BYTES", 3 * 32)
    own = of(stored, held=held)
    assert own.steps == 6
    for epoch in range(2):
        seen = []
        for place in range(own.steps):
            mean, log_variance, condition = own.read(6 * epoch + place)
            assert condition is not None
            torch.testing.assert_close(mean[:, 0], condition[:, 0, 0, 0])
            torch.testing.assert_close(mean, -log_variance)
            seen += mean[:, 0].tolist()
        assert len({*seen}) == 48


def test_large_representations_are_read_in_windows(
    stored: FlowData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three batches fit into two windows of 16: no window is larger, none is read twice."""
    monkeypatch.setattr(batches, "PIECE_BYTES", 3 * 32)
    own = of(stored, held=20 * 32)
    for step in range(own.steps):
        own.read(step)
    asked = stored.conditions.asked  # type: ignore[union-attr]
    assert [len(rows) for rows in asked] == [16, 16, 16]
    assert len({*np.concatenate(asked).tolist()}) == 48


def test_windows_are_made_of_neighbours_from_all_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PIECE_BYTES", 3 * 12)
    order = of(numbered(96), held=48 * 12).order(0)
    window = np.sort(order[:48])
    assert np.array_equal(np.sort(order), np.arange(96))
    assert (np.diff(window) == 1).sum() >= 32  # of every piece of three, two steps
    assert window.max() - window.min() > 60
    assert (np.diff(order[:48]) == 1).sum() < 12  # but shuffled inside


@pytest.mark.parametrize("held", [HELD, 20 * 12])
def test_order_follows_from_seed_and_epoch(held: int) -> None:
    first, again, other = (of(numbered(50), held=held, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.order(3), again.order(3))
    assert not np.array_equal(first.order(3), other.order(3))
    assert not np.array_equal(first.order(3), first.order(4))


@pytest.mark.parametrize("held", [HELD, 20 * 12])
def test_a_step_is_the_same_whenever_it_is_asked_for(held: int) -> None:
    own, fresh = of(numbered(50), held=held), of(numbered(50), held=held)
    for step in range(9):
        own.read(step)
    for one, other in zip(own.read(4), fresh.read(4), strict=True):
        assert one is not None
        assert other is not None
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_few_images_are_one_batch() -> None:
    own = of(numbered(5))
    assert (own.size, own.steps) == (5, 1)


def test_parts_are_of_a_size_and_together_all(
    stored: FlowData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "PIECE_BYTES", 7 * 32)
    read = [stored.read(part) for part in stored.slices()]
    assert [0 if part is None else len(part) for part in read] == [7] * 7 + [1]
    whole = torch.cat([part for part in read if part is not None])
    torch.testing.assert_close(whole[:, 0, 0, 0], torch.arange(50.0))


def test_images_are_spread_evenly_and_chosen_with_their_representations() -> None:
    some = numbered(50).spread(5)
    assert some.mean[:, 0].tolist() == [0, 12, 24, 36, 49]
    read = some.chosen(np.array([4, 1])).read(slice(None))
    assert read is not None
    assert read[:, 0].tolist() == [49, 12]
    assert numbered(50).spread(50).condition_shape == (3,)


@pytest.mark.parametrize(("place", "name"), [(0, "mean"), (1, "log-variance")])
def test_latents_that_are_not_finite_are_refused(place: int, name: str) -> None:
    values = [np.zeros((9, 2), np.float32), np.zeros((9, 2), np.float32)]
    values[place][4, 1] = np.nan
    with pytest.raises(ConfigError, match=f"image 4 has a {name} that is not finite. Train"):
        FlowData(values[0], values[1], None)


@pytest.mark.parametrize("held", [HELD, 20 * 12])
def test_representations_that_are_not_finite_are_refused(held: int) -> None:
    plain = numbered(50)
    conditions = np.asarray(plain.conditions).copy()
    conditions[7, 1] = np.inf
    with pytest.raises(ConfigError, match=r"A representation is not finite, and cannot"):
        [of(FlowData(plain.mean, plain.mean, conditions), held=held).read(k) for k in range(12)]


def test_all_are_of_the_same_images() -> None:
    mean = np.zeros((9, 2), np.float32)
    with pytest.raises(ValueError, match="are of the same images; got"):
        FlowData(mean, mean, np.zeros((8, 3), np.float32))
    with pytest.raises(ValueError, match="are of the same images; got"):
        FlowData(mean, mean[:, :1], None)
