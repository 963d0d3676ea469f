"""How far a long loop is: a bar on a terminal, sparse lines in the log of the job.

Jobs that run side by side share a terminal. One loop at a time draws a bar there, on a line of
its own that is cleared in the end; all others write their lines, and the next takes over.
"""

__all__ = ["BYTES", "Progress", "TerminalHandler", "progress"]

import fcntl
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from math import inf
from operator import length_hint
from typing import TYPE_CHECKING, NoReturn, Self, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

FIRST = 10.0  # seconds until the first line
GROWTH = 0.5  # the next one comes after this share of the time that passed until then
LONGEST = 300.0  # seconds between two lines, at most
SHORT = 1.0  # seconds; of a shorter loop the rate says little
COLUMNS, LINES = 80, 24  # of a terminal that does not tell
REDRAW = 0.25  # seconds between two pictures of the bar
CLEAR = "\r\x1b[K"  # empties the line of the terminal, whoever has drawn on it
BYTES = "B"
FORMAT = (
    "{desc}: {percentage:.0f} %|{bar}| {n_fmt}/{total_fmt}{unit}, {rate_fmt}, "
    "{remaining} left{postfix}"
)

T = TypeVar("T")
log = logging.getLogger(__name__)


class Progress:
    """Progress of a loop that says itself what it has done.

    It speaks inside of a `with` block alone, and otherwise only counts.

    Arguments:
        total: What there is to do, in units; 0 if that is not known.
        desc: What the loop does, in a word or two.
        unit: What is counted, in the singular; `B` for bytes.
        initial: What was done before, and does not count for the rate.
        clock: Returns seconds.

    Attributes:
        done: What has been done, in units.
        note: What else lines say, such as a loss.
    """

    def __init__(
        self,
        total: int,
        *,
        desc: str,
        unit: str,
        initial: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.done, self.note = initial, ""
        self._total, self._desc, self._unit, self._initial = total, desc, unit, initial
        self._clock, self._started = clock, 0.0
        self._line = self._picture = self._due = inf
        self._terminal: int | None = None
        self._bar: tqdm[NoReturn] | None = None

    def __enter__(self) -> Self:
        self._started = self._clock()
        self._line = self._started + FIRST
        if sys.stderr.isatty():
            self._picture = self._started + REDRAW
        self._due = min(self._line, self._picture)
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._terminal is not None:
            os.close(self._terminal)  # and with it the lock
        if self.done > self._initial:
            log.info("%s", self._told(self._clock() - self._started, ended=True))

    def update(self, count: int = 1) -> None:
        """Say that so many units more have been done."""
        self.done += count
        # All that most steps of a loop pay for.
        if (now := self._clock()) >= self._due:
            self._report(now)

    def _report(self, now: float) -> None:
        if now >= self._picture:
            self._draw()
            self._picture = now + REDRAW
        if now >= self._line:
            elapsed = now - self._started
            if self.done != self._total:  # the last line is about to come
                # A terminal shows the bar instead.
                log.info("%s", self._told(elapsed), extra={"drawn": self._bar is not None})
            self._line = now + min(max(GROWTH * elapsed, FIRST), LONGEST)
        self._due = min(self._line, self._picture)

    def _draw(self) -> None:
        if self._bar is None:
            self._terminal = _take_terminal()
            if self._terminal is None:
                return
            self._bar = self._make_bar()
        self._bar.set_postfix_str(self.note, refresh=False)
        # The whole line: what others print next wraps to a line of its own.
        self._bar.ncols = os.get_terminal_size(sys.stderr.fileno()).columns or COLUMNS
        self._bar.update(self.done - self._bar.n)

    def _make_bar(self) -> "tqdm[NoReturn]":
        from tqdm import tqdm  # most jobs have no terminal

        in_bytes = self._unit == BYTES
        bar = tqdm(
            desc=self._desc,
            total=self._total or None,
            initial=self._initial,
            unit=BYTES if in_bytes else f" {self._unit}s",
            unit_scale=in_bytes,
            bar_format=FORMAT if self._total else None,
            leave=False,
            nrows=LINES,
            mininterval=0,
            miniters=1,
            delay=1e-9,  # no picture before something is known
        )
        bar.start_t = bar.last_print_t = bar.start_t - (self._clock() - self._started)
        return bar

    def _told(self, elapsed: float, *, ended: bool = False) -> str:
        """Return a line of the log."""
        rate = (self.done - self._initial) / max(elapsed, 1e-9)
        parts = [f"{self._desc}: {self._amount(ended)}"]
        if ended:
            parts[0] += f" in {_span(elapsed)}"
        if rate and elapsed >= SHORT:
            parts.append(self._speed(rate))
            if not ended and self._total > self.done:
                parts.append(f"{_span((self._total - self.done) / rate)} left")
        return ", ".join(parts) + (f"; {self.note}" if self.note else "")

    def _amount(self, ended: bool) -> str:
        partly = self._total and not (ended and self.done == self._total)
        share = f" ({100 * self.done // self._total} %)" if partly else ""
        if self._unit == BYTES:
            whole = f" of {self._total / 1e9:.3f}" if partly else ""
            return f"{self.done / 1e9:.3f}{whole} GB{share}"
        counted = self._total if partly else self.done
        whole = f"{self.done} of " if partly else ""
        return f"{whole}{counted} {self._unit}{'s' * (counted != 1)}{share}"

    def _speed(self, rate: float) -> str:
        if self._unit == BYTES:
            return f"{_digits(rate / 1e6)} MB/s"
        if rate < 1:
            return f"{_span(1 / rate)} per {self._unit}"
        digits = _digits(rate)
        return f"{digits} {self._unit}{'s' * (digits != '1')}/s"


def progress(
    items: Iterable[T], *, desc: str, unit: str, total: int | None = None, each: int = 1
) -> Iterator[T]:
    """Yield items, and tell how far the loop over them is.

    Arguments:
        items: What the loop is over.
        desc: What the loop does, in a word or two.
        unit: What is counted, in the singular.
        total: How many units there are; default: as many as the items hold, if they can say.
        each: Units in an item; the last item may hold fewer.
    """
    total = length_hint(items) * each if total is None else total
    with Progress(total, desc=desc, unit=unit) as known:
        for item in items:
            yield item
            known.update(min(each, total - known.done) if total else each)


class TerminalHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to stderr; on a terminal so that no line runs into the bar of any job."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless it repeats what a bar shows."""
        if not self.stream.isatty():
            super().emit(record)
        elif not getattr(record, "drawn", False):
            from tqdm import tqdm

            with tqdm.external_write_mode(file=self.stream):
                self.stream.write(CLEAR)
                super().emit(record)


def _take_terminal() -> int | None:
    """Return a descriptor that reserves the terminal until it is closed, None if another does."""
    error = sys.stderr.fileno()
    try:
        # Opened anew: what is inherited shares its lock with all jobs.
        terminal = os.open(os.ttyname(error), os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return os.dup(error)  # as in some containers: no way to know of the others
    try:
        fcntl.flock(terminal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(terminal)
        return None
    return terminal


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _span(seconds: float) -> str:
    """Say how long something takes, in two units at most."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
