"""Interleaved timing, and the line that a measurement becomes."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

Work = Callable[[], object]


@dataclass(frozen=True)
class Measurement:
    """One line of the table: a value, what it had to reach, and how it was measured."""

    name: str
    value: float
    target: float
    aim: float
    unit: str
    how: str
    more_is_better: bool = False
    numbers: Mapping[str, object] = field(default_factory=dict)  # of a table behind the value

    def met(self) -> str:
        """Say which bound the value reached."""

        def reached(bound: float) -> bool:
            return self.value >= bound if self.more_is_better else self.value <= bound

        return "aim" if reached(self.aim) else "target" if reached(self.target) else "missed"

    def entry(self) -> dict[str, object]:
        """Return what bench.json holds of it."""
        fields = asdict(self)
        del fields["name"], fields["more_is_better"]
        if not self.numbers:
            del fields["numbers"]
        return fields | {"met": self.met()}


def seconds(work: Work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def processor_seconds(work: Work) -> float:
    """Return the processor time of a piece of work in this process, all threads together."""
    start = time.process_time()
    work()
    return time.process_time() - start


def interleaved(first: Work, second: Work, *, rounds: int = 5) -> tuple[float, float]:
    """Return the median seconds of two pieces of work, run in turn after one warm-up each."""
    first(), second()
    pairs = [(seconds(first), seconds(second)) for _ in range(rounds)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)
