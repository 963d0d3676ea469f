"""The libraries that do the nearest thing, each in its best mode, on the same numbers."""

import contextlib
import io
import logging
from collections.abc import Iterator

import numpy as np
from SALib.analyze import sobol

from actsense.sensitivity.accumulator import Accumulator
from actsense.sensitivity.indices import estimate_indices
from actsense.sensitivity.moments import row_count
from benchmarks.alexnet import random_block
from benchmarks.measure import Measurement, interleaved, seconds

FACTORS = 8
UNITS = 205_672  # AlexNet
NAMES = tuple(f"x{j}" for j in range(FACTORS))


def measurements() -> Iterator[Measurement]:
    """Measure time against peers, and the size of the state."""
    yield per_unit_against_salib()
    yield per_row_against_iterative_stats()
    size = row_count(FACTORS, parts=3) * 8
    yield Measurement(
        "moments_state",
        size / 1000,
        0.8,
        0.7,
        "kB per unit",
        f"float64 sums of one replicate at D = {FACTORS} factors, the last one of three parts: "
        "first, second and total order, Shapley, support, mean, variance",
    )


def per_unit_against_salib() -> Measurement:
    """Compare S1 and ST with intervals from 1024 base points, per unit."""
    base_points, replicates = 1024, 8
    _, block, responses, place = random_block(FACTORS, UNITS)
    accumulator = Accumulator(NAMES, 1, UNITS)
    rows = np.random.default_rng(0).normal(size=base_points * (FACTORS + 2))
    problem = {"num_vars": FACTORS, "names": list(NAMES), "bounds": [[0, 1]] * FACTORS}
    own, theirs = interleaved(
        lambda: accumulator.add(responses, place, block),
        lambda: sobol.analyze(problem, rows, calc_second_order=False, print_to_console=False),
    )
    moments = accumulator.moments()
    part = moments.units(slice(UNITS // 8))
    estimate = 8 * seconds(lambda: estimate_indices([part] * replicates))
    per_unit = (own * base_points / len(place) + estimate) / UNITS
    return Measurement(
        "times_faster_than_salib_per_unit",
        theirs / per_unit,
        1000,
        2000,
        "times",
        f"N = {base_points}, D = {FACTORS}: {per_unit * 1e6:.1f} us per unit for S1, ST, S2, "
        f"Shapley and intervals; SALib 1.6 {theirs * 1e3:.1f} ms per output for S1, ST and "
        "bootstrap intervals",
        more_is_better=True,
    )


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Log nothing, and leave the root logger as it was: a peer sends all to it when imported."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        root.setLevel(level)
        root.handlers[:] = handlers


@silent()
def per_row_against_iterative_stats() -> Measurement:
    """Compare one row of the design (a base point with its nodes), all of AlexNet's units."""
    from iterative_stats.sensitivity.sensitivity_martinez import IterativeSensitivityMartinez

    _, block, responses, place = random_block(FACTORS, UNITS)
    accumulator = Accumulator(NAMES, 1, UNITS)
    peer = IterativeSensitivityMartinez(dim=UNITS, nb_parms=FACTORS)
    row = responses[: FACTORS + 2].double().numpy()

    def theirs() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            peer.increment(row)

    own, other = interleaved(lambda: accumulator.add(responses, place, block), theirs)
    own /= len(place)
    return Measurement(
        "times_faster_than_iterative_stats_per_row",
        other / own,
        10,
        50,
        "times",
        f"{UNITS} units, D = {FACTORS}: {own * 1e3:.2f} ms per row with second order and Shapley; "
        f"iterative-stats 0.1.2 (Martinez, logging off) {other * 1e3:.1f} ms for S1 and ST",
        more_is_better=True,
    )
