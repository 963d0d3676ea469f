"""Progress in a log and on a terminal."""

import logging
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TextIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actsense.progress import (
    BYTES,
    CLEAR,
    FIRST,
    LONGEST,
    REDRAW,
    Progress,
    TerminalHandler,
    progress,
)

SOURCE = Path(__file__).parents[1] / "src"
LOG = logging.getLogger("actsense.progress")


@dataclass
class Clock:
    """Seconds that pass when they are told to."""

    now: float = 1024.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="actsense.progress")


def work(known: Progress, clock: Clock, *, steps: int, seconds: float, count: int = 1) -> None:
    """Take steps of so many seconds; powers of two add up without roundings."""
    for _ in range(steps):
        clock.now += seconds
        known.update(count)


def test_lines_tell_amount_rate_and_what_is_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with Progress(5000, desc="masking", unit="image", clock=clock) as known:
        work(known, clock, steps=5000, seconds=1 / 32)
    first, *_, last = caplog.messages
    assert first == "masking: 320 of 5000 images (6 %), 32 images/s, 2 min 26 s left"
    assert last == "masking: 5000 images in 2 min 36 s, 32 images/s"


def test_bytes_are_told_in_larger_units_and_resumed_ones_are_not_in_the_rate(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    size = 168 * 10**9
    with Progress(size, desc="a.zip", unit=BYTES, initial=8 * 10**9, clock=clock) as known:
        work(known, clock, steps=1, seconds=16, count=8 * 10**8)
    line, last = caplog.messages
    assert line == "a.zip: 8.800 of 168.000 GB (5 %), 50 MB/s, 53 min 4 s left"
    assert last == "a.zip: 8.800 of 168.000 GB (5 %) in 16 s, 50 MB/s"


def test_slow_steps_are_told_by_their_time_and_notes_come_last(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with Progress(3, desc="correlations", unit="layer", clock=clock) as known:
        known.note = "loss 0.5"
        work(known, clock, steps=2, seconds=64)
    assert caplog.messages == [
        "correlations: 1 of 3 layers (33 %), 1 min 4 s per layer, 2 min 8 s left; loss 0.5",
        "correlations: 2 of 3 layers (66 %), 1 min 4 s per layer, 1 min 4 s left; loss 0.5",
        "correlations: 2 of 3 layers (66 %) in 2 min 8 s, 1 min 4 s per layer; loss 0.5",
    ]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1.25, "1.2 s"),
        (9.97, "10 s"),
        (59.7, "1 min 0 s"),
        (3725, "1 h 2 min"),
        (3 * 86400 + 7205, "3 d 2 h"),
    ],
)
def test_times_are_told_in_two_units_at_most(
    seconds: float, told: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with Progress(2, desc="x", unit="step", clock=clock) as known:
        work(known, clock, steps=1, seconds=seconds)
    assert caplog.messages[-1].startswith(f"x: 1 of 2 steps (50 %) in {told}, ")


def test_without_a_total_there_is_nothing_left_to_tell(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with Progress(0, desc="images", unit="image", clock=clock) as known:
        work(known, clock, steps=100, seconds=0.125)
    assert caplog.messages == [
        "images: 80 images, 8 images/s",
        "images: 100 images in 12 s, 8 images/s",
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.floats(0.001, 400), min_size=1, max_size=300))
def test_lines_are_sparse_whatever_the_steps(
    steps: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    clock, spoken = Clock(), []
    began = clock.now
    with Progress(len(steps), desc="x", unit="step", clock=clock) as known:
        for seconds in steps:
            before = len(caplog.messages)
            work(known, clock, steps=1, seconds=seconds)
            spoken += [clock.now] * (len(caplog.messages) - before)
    assert len(caplog.messages) == len(spoken) + 1  # one at the end
    times = [began, *spoken]
    assert all(later - earlier >= FIRST for earlier, later in pairwise(times))
    # None stays out longer than LONGEST and a step.
    longest = LONGEST + max(steps) + steps[-1]
    assert all(later - earlier <= longest for earlier, later in pairwise([*times, clock.now]))


def test_the_end_is_told_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with Progress(2, desc="x", unit="block", clock=clock) as known:
        work(known, clock, steps=2, seconds=16)
    assert caplog.messages == [
        "x: 1 of 2 blocks (50 %), 16 s per block, 16 s left",
        "x: 2 blocks in 32 s, 16 s per block",
    ]


def test_a_long_job_does_not_fill_its_log(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with Progress(24 * 3600, desc="x", unit="step", clock=clock) as known:
        work(known, clock, steps=24 * 3600, seconds=1)
    assert 24 * 12 < len(caplog.messages) < 24 * 12 + 15


def test_a_short_loop_has_one_line_and_an_empty_one_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert list(progress([], desc="empty", unit="map")) == []
    assert caplog.messages == []
    assert list(progress("ab", desc="maps", unit="map")) == ["a", "b"]
    (line,) = caplog.messages
    assert re.fullmatch(r"maps: 2 maps in 0\.\d s", line)


def test_items_count_what_they_hold_and_the_last_one_less(
    caplog: pytest.LogCaptureFixture,
) -> None:
    starts = range(0, 10, 4)
    assert [*progress(starts, total=10, desc="contrast", unit="image", each=4)] == [0, 4, 8]
    assert caplog.messages[0].startswith("contrast: 10 images in")


def test_items_are_taken_as_they_are_asked_for() -> None:
    source = iter(range(3))
    items = progress(source, total=3, desc="x", unit="step")
    assert (next(items), next(source)) == (0, 1)


def test_a_failure_leaves_behind_how_far_it_came(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Iterator[int]:
        yield from range(2)
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        list(progress(broken(), total=5, desc="images", unit="image"))
    assert caplog.messages[0].startswith("images: 2 of 5 images (40 %) in")


def test_outside_of_its_block_it_only_counts(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    known = Progress(5, desc="x", unit="step", clock=clock)
    work(known, clock, steps=5, seconds=100)
    assert known.done == 5
    assert caplog.messages == []


def test_files_get_no_carriage_return(tmp_path: Path) -> None:
    program = (
        "from actsense.job.log import logged\n"
        "from actsense.progress import Progress\n"
        "seconds = iter(range(0, 1000, 4))\n"
        f"with logged({str(tmp_path / 'job.log')!r}):\n"
        "    with Progress(99, desc='masking', unit='image', clock=seconds.__next__) as known:\n"
        "        for _ in range(99): known.update()\n"
    )
    with (tmp_path / "stderr").open("wb") as stderr:
        run = [sys.executable, "-c", program]
        subprocess.run(
            run, stderr=stderr, check=True, env=os.environ | {"PYTHONPATH": str(SOURCE)}
        )
    for name in ("stderr", "job.log"):
        content = (tmp_path / name).read_bytes()
        assert content.isascii()
        assert not set(content) & set(b"\r\x1b")
        lines = content.decode().splitlines()
        assert len(lines) == 9
        assert lines[0].endswith("masking: 3 of 99 images (3 %), 4.0 s per image, 6 min 24 s left")


@dataclass
class Terminal:
    """A terminal that can stand in for stderr, and gets the lines of the log."""

    stream: TextIO
    controller: int

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let it be stderr; pytest would undo what a fixture sets."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stderr", self.stream)
            yield

    def shown(self) -> str:
        """Return what was written since the last time."""
        self.stream.flush()
        os.set_blocking(self.controller, False)
        written = b""
        try:
            while part := os.read(self.controller, 2**16):
                written += part
        except BlockingIOError:
            return written.decode().replace("\r\n", "\n")
        return written.decode()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    controller, line = pty.openpty()
    with os.fdopen(line, "w") as stream:
        handler = TerminalHandler(stream)
        LOG.addHandler(handler)
        yield Terminal(stream, controller)
        LOG.removeHandler(handler)
    os.close(controller)


def test_a_terminal_shows_a_bar_in_one_line_and_then_clears_it(
    clock: Clock, terminal: Terminal
) -> None:
    with terminal.in_use(), Progress(8, desc="masking", unit="image", clock=clock) as known:
        known.note = "loss 0.5"
        work(known, clock, steps=4, seconds=2 * REDRAW)
        shown = terminal.shown()
        assert "\n" not in shown
        *_, last = shown.split("\r")
        assert len(last) == 80  # all of the line: what others print next wraps
        assert last.startswith("masking: 50 %|")
        assert "| 4/8 images, " in last
        assert last.endswith(" left, loss 0.5")
    cleared, line = terminal.shown().split(CLEAR)
    assert cleared == f"\r{' ' * 80}\r"
    assert line == "masking: 4 of 8 images (50 %) in 2.0 s, 2 images/s; loss 0.5\n"


def test_one_loop_at_a_time_has_the_bar_and_the_next_takes_over(
    clock: Clock, terminal: Terminal
) -> None:
    with terminal.in_use(), Progress(100, desc="second", unit="image", clock=clock) as second:
        with Progress(100, desc="first", unit="image", clock=clock) as first:
            work(first, clock, steps=1, seconds=1)
            assert "first: 1 %|" in terminal.shown()
            work(second, clock, steps=1, seconds=1)
            assert terminal.shown() == ""
        terminal.shown()
        work(second, clock, steps=1, seconds=1)
        assert "second: 2 %|" in terminal.shown()


def test_lines_do_not_run_into_a_bar_or_repeat_it(clock: Clock, terminal: Terminal) -> None:
    with terminal.in_use(), Progress(100, desc="masking", unit="image", clock=clock) as known:
        work(known, clock, steps=20, seconds=1)
        assert "\n" not in terminal.shown()
        LOG.warning("a warning")
        assert f"\r{CLEAR}a warning\n\rmasking: 20 %|" in terminal.shown()


def test_a_loop_without_the_bar_writes_its_lines(clock: Clock, terminal: Terminal) -> None:
    with (
        terminal.in_use(),
        Progress(100, desc="first", unit="image", clock=clock) as first,
        Progress(100, desc="second", unit="image", clock=clock) as second,
    ):
        work(first, clock, steps=1, seconds=1)
        work(second, clock, steps=20, seconds=1)
        assert f"{CLEAR}second: 9 of 100 images (9 %)" in terminal.shown()
