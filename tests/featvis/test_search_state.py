"""A search goes on where it was ended, and with its own state alone."""

import logging
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from searches import (
    BUSY,
    PICTURES,
    SIDE,
    Killed,
    assert_same,
    killed_after,
    made,
    photos,
    respond,
    targets,
)
from torch import Tensor

from actsense.featvis.pictures.statistics import ImageStatistics
from actsense.progress import Progress


@pytest.mark.parametrize(
    ("model", "optimiser", "busy"),
    [
        ("fourier", "adam", False),
        ("pixels", "sgd", True),
        ("pixels", "adam", True),
        ("maco", "adam", True),
    ],
)
def test_a_search_that_was_killed_goes_on_to_the_last_bit(
    model: str, optimiser: str, busy: bool, tmp_path: Path
) -> None:
    """Spec test 34: resumed at half of its iterations it equals an uninterrupted one."""
    options: dict[str, Any] = {"model": model, "optimiser": optimiser, **(BUSY if busy else {})}
    options["objective"] = {"penalty": "inner"}
    whole, state = made(**options), tmp_path / "state"
    every_iteration = {"state": state, "clock": count(0.0, 31.0).__next__}
    with pytest.raises(Killed):
        made(respond=killed_after(6), **every_iteration, **options)
    assert_same(made(respond=killed_after(6), **every_iteration, **options), whole)
    assert_same(made(respond=killed_after(0), **every_iteration, **options), whole)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_the_state_is_kept_every_half_minute_and_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    shown: list[Tensor] = []
    monkeypatch.setattr(
        "actsense.featvis.search.synthesis.save_tensors",
        lambda held, path: saved.append(held["done"]),
    )
    made(
        respond=lambda images: shown.append(images) or respond(images),
        **{"iterations": 20, "state": tmp_path / "state", "clock": lambda: 4.0 * len(shown)},
    )
    assert saved == [8, 16, 20]


def another(options: dict[str, Any]) -> dict[str, Any]:
    return {"iterations": 6, "learning_rate": 0.05} | options


@pytest.mark.parametrize(
    "other",
    [
        {"learning_rate": 0.06},
        {"keys": torch.arange(PICTURES) + 1},
        {"groups": torch.zeros(PICTURES, dtype=torch.int64)},
        {"starts": photos()[:PICTURES]},
        {"own": replace(targets(), std=targets().std * 2)},
        {"own": replace(targets(), layer="other")},
        {"objective": {"power": 2}},
        {"model": "fourier"},
        {"kept": 4},
        {"precision": "tf32"},
        {"statistics": replace(ImageStatistics.typical(SIDE), mean=torch.ones(3))},
    ],
    ids=lambda other: next(iter(other)),
)
def test_the_state_of_another_search_is_not_used(
    other: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = tmp_path / "state"
    made(state=state, **another({}))
    with caplog.at_level(logging.INFO):
        found = made(state=state, **another(other))
    assert "kept by another search, begins anew" in caplog.text
    assert_same(found, made(**another(other)))


def test_the_state_of_another_pytorch_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(state=tmp_path / "state", iterations=2)
    monkeypatch.setattr(torch, "__version__", "0.1")
    made(state=tmp_path / "state", iterations=2)
    assert "kept by another search, begins anew" in caplog.text


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", None])
def test_a_broken_state_is_not_used(
    content: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = tmp_path / "state"
    made(state=state)
    whole = state.read_bytes()
    middle = len(whole) // 2  # a flipped bit among the numbers
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    state.write_bytes(flipped if content is None else content)
    with caplog.at_level(logging.INFO):
        assert_same(made(state=state), made())
    assert "damaged" in caplog.text


def test_progress_counts_iterations_with_the_activation_as_its_note() -> None:
    with Progress(12, desc="pictures", unit="iteration") as bar:
        found = made(bar=bar)
    assert bar.done == 12
    assert bar.note == f"activation {found.curves['activation'][:, -1].median():.2f}"
