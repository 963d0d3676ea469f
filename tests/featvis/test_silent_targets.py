"""Targets that do not respond: waited for, marked, or refused where none does."""

from itertools import count
from pathlib import Path

import pytest
import torch
from searches import (
    BUSY,
    Killed,
    assert_same,
    dead,
    killed_after,
    made,
    respond,
    targets,
    unit_targets,
)
from torch import Tensor

from actsense.errors import ConfigError


def test_targets_that_never_respond_are_one_clear_line() -> None:
    with pytest.raises(ConfigError, match="not one of its targets responds") as told:
        made(respond=dead, own=unit_targets(9, 10, 11), iterations=40)
    assert "\n" not in str(told.value)


def test_beside_others_they_are_left_at_their_start_and_marked() -> None:
    found = made(respond=dead, own=unit_targets(0, 10, 1), iterations=30, **BUSY)
    assert found.silent.tolist() == [False, True, False]
    assert (found.images[:, 1] == found.images[0, 1]).all()
    assert not found.transparency[1].any()
    moved = (found.images[-1] - found.images[0]).abs().flatten(1).amax(dim=1)
    assert (moved[[0, 2]] > 0.05).all()


def test_a_target_that_responds_a_little_later_is_waited_for() -> None:
    passes = count(1)

    def late(images: Tensor) -> tuple[Tensor, None]:
        maps, _ = respond(images)
        return (maps if next(passes) > 4 else maps * 0), None

    # Smoothness alone moves nothing until then.
    found = made(respond=late, iterations=20, kept=21, objective={"variation": 1.0})
    assert not found.silent.any()
    assert found.balance.isfinite().all()
    moved = (found.images - found.images[0]).abs().flatten(1).amax(dim=1)
    assert (moved > 0).tolist() == [False] * 5 + [True] * 16


def test_balances_stay_while_others_are_waited_for() -> None:
    own = targets()
    own.direction[1] = torch.eye(12)[10]  # a dead channel
    first, later = (made(respond=dead, own=own, iterations=last) for last in (1, 4))
    assert first.balance.isnan().tolist() == [False, True, False]
    torch.testing.assert_close(later.balance, first.balance, rtol=0, atol=0, equal_nan=True)


def test_a_kill_while_targets_are_waited_for_loses_nothing(tmp_path: Path) -> None:
    options = {"own": unit_targets(0, 10, 1), "iterations": 24, "clock": count(0.0, 31).__next__}
    whole, state = made(respond=dead, **options), tmp_path / "state"
    left = killed_after(10)
    with pytest.raises(Killed):
        made(respond=lambda x: dead(x) if left(x) else None, state=state, **options)
    assert_same(made(respond=dead, state=state, **options), whole)
