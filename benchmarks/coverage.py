"""How often intervals hold the exact value: twelve functions, many seeds, nominal 95 %."""

__all__ = ["BASE_POINTS", "estimates", "measurements", "sketch"]

import re
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from actsense.sampling.designs import Design, Factor
from actsense.sensitivity.accumulator import Accumulator
from actsense.sensitivity.indices import Indices, estimate_indices
from actsense.sensitivity.moments import Moments
from benchmarks.functions import FACTORS, FUNCTIONS, evaluate
from benchmarks.measure import Measurement
from benchmarks.page import rewrite

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

REPLICATES = 8
BASE_POINTS = (32, 128, 512)
JUDGED = 128  # base points at which the targets count
REPETITIONS = 400
TITLES = {"S1": "S1", "ST": "ST", "shapley": "Shapley"}
RATES = ("coverage", "not_flagged_only", "half_width")
INERT = 1e-9  # total index below which a factor moves nothing, and its interval is certain
# Of a kind: target and aim.
TARGETS = {"rare": (0.9, 0.93), "heavy": (0.9, 0.93)}
SMOOTH_TARGET, SMOOTH_LIMIT = (0.93, 0.94), (0.97, 0.96)


def measurements() -> Iterator[Measurement]:
    """Measure coverage over many seeds, and write its table into the page."""
    found = _Coverage(REPETITIONS)
    rewrite("coverage", found.table())
    yield from found.measurements()


def sketch() -> Iterator[Measurement]:
    """Measure a quarter of the repetitions; the page stays as it is."""
    yield from _Coverage(REPETITIONS // 4).measurements()


def estimates(
    seed: int, base_points: Sequence[int], *, replicates: int = REPLICATES
) -> Iterator[Indices]:
    """Estimate all functions from the first so many base points of one design, in turn.

    Arguments:
        seed: Seed of the design.
        base_points: Powers of two, ascending, the last at least as large as a block.
        replicates: Replicates of the design.
    """
    factors = tuple(Factor(f"x{j}", 1) for j in range(FACTORS))
    design = Design(
        "coverage", factors, base_points=base_points[-1], replicates=replicates, seed=seed
    )
    sums: list[Moments | None] = [None] * replicates
    done = 0
    for points in base_points:
        ends = done, points // design.points_per_block
        for replicate in range(replicates):
            more = _moments(design, replicate, range(*ends))
            before = sums[replicate]
            sums[replicate] = more if before is None else before + more
        done = ends[1]
        yield estimate_indices([moments for moments in sums if moments is not None])


def _moments(design: Design, replicate: int, numbers: Sequence[int]) -> Moments:
    """Evaluate the functions on some blocks of a replicate."""
    blocks = [design.block(replicate, number) for number in numbers]
    points, nodes, width = blocks[0].coordinates.shape
    coordinates = np.concatenate([block.coordinates for block in blocks])
    responses = evaluate(coordinates.reshape(-1, width)).reshape(len(blocks), points * nodes, -1)
    names = tuple(factor.name for factor in design.factors)
    accumulator = Accumulator(names, design.walks, len(FUNCTIONS))
    place = np.arange(points * nodes).reshape(points, nodes)
    for block, response in zip(blocks, responses, strict=True):
        accumulator.add(torch.from_numpy(response), place, block)
    return accumulator.moments()


def flagged(found: Indices) -> Bools:
    """Return the units of which nothing is claimed, (units,)."""
    return found.dead | found.rare


class _Coverage:
    """Coverage, half-widths and flags of all functions at all numbers of base points."""

    def __init__(self, repetitions: int) -> None:
        self.repetitions = repetitions
        shape = (repetitions, len(BASE_POINTS), len(FUNCTIONS))
        self.flagged = np.zeros(shape, dtype=bool)
        self.covered = {index: np.empty((*shape, FACTORS), dtype=bool) for index in TITLES}
        self.width = {index: np.empty((*shape, FACTORS)) for index in TITLES}
        self.moves = np.stack([f.exact["ST"] > INERT for f in FUNCTIONS])  # (functions, factors)
        exact = {index: np.stack([f.exact[index] for f in FUNCTIONS]) for index in TITLES}
        for seed in range(repetitions):
            for size, found in enumerate(estimates(seed, BASE_POINTS)):
                self.flagged[seed, size] = flagged(found)
                for index in TITLES:
                    width = found.half_widths[index].T
                    error = abs(found.values[index].T - exact[index])
                    self.covered[index][seed, size] = error <= width + 1e-12  # False if NaN
                    self.width[index][seed, size] = width

    def rates(self, index: str, unit: int) -> tuple[Floats, Floats, Floats]:
        """Return coverage, coverage where not flagged, mean half-width, each (base points,)."""
        moves = self.moves[unit]
        covered = self.covered[index][:, :, unit][..., moves].mean(axis=2)
        trusted = ~self.flagged[:, :, unit]
        with np.errstate(invalid="ignore"):
            alone = (covered * trusted).sum(axis=0) / trusted.sum(axis=0)
        width = np.nanmean(self.width[index][:, :, unit][..., moves], axis=(0, 2))
        return covered.mean(axis=0), alone, width

    def measurements(self) -> Iterator[Measurement]:
        """Judge every function at one number of base points."""
        at = BASE_POINTS.index(JUDGED)
        highest = 0.0
        for unit, function in enumerate(FUNCTIONS):
            flags = self.flagged[:, :, unit].mean(axis=0)
            rates = {name: self.rates(index, unit) for index, name in TITLES.items()}
            safe = [
                flags[at] + (1 - flags[at]) * np.nan_to_num(alone[at])
                for _, alone, _ in rates.values()
            ]
            if function.kind not in TARGETS:
                highest = max(highest, *(covered[at] for covered, *_ in rates.values()))
            told = ", ".join(f"{name} {_row(covered)}" for name, (covered, *_) in rates.items())
            yield Measurement(
                f"coverage_{'_'.join(re.findall('[a-z0-9]+', function.name.lower()))}",
                min(safe),
                *TARGETS.get(function.kind, SMOOTH_TARGET),
                "share",
                f"lowest of S1, ST, Shapley at {JUDGED} base points, covered or flagged; at "
                f"{', '.join(map(str, BASE_POINTS))}: {told}; flagged {_row(flags)}; "
                f"{self.repetitions} repetitions of {REPLICATES} replicates",
                more_is_better=True,
                numbers={"base_points": BASE_POINTS, "flagged": _listed(flags)}
                | {
                    name: dict(zip(RATES, map(_listed, found), strict=True))
                    for name, found in rates.items()
                },
            )
        yield Measurement(
            "coverage_highest_of_easy",
            highest,
            *SMOOTH_LIMIT,
            "share",
            f"highest of S1, ST, Shapley at {JUDGED} base points among functions that are neither "
            "rare nor heavy-tailed",
        )

    def table(self) -> str:
        """Return the table of the page."""
        points = ", ".join(map(str, BASE_POINTS))
        lines = [
            f"{self.repetitions} repetitions; three numbers in a cell: {points} base points in "
            f"each of {REPLICATES} replicates.",
            "",
            "| function | index | coverage | not flagged only | mean half-width | flagged |",
            "|---|---|---:|---:|---:|---:|",
        ]
        for unit, function in enumerate(FUNCTIONS):
            flags = _row(self.flagged[:, :, unit].mean(axis=0))
            for index, name in TITLES.items():
                covered, alone, width = self.rates(index, unit)
                lines.append(
                    f"| {function.name} | {name} | {_row(covered)} | {_row(alone)} "
                    f"| {' '.join(f'{w:.2g}' for w in width)} | {flags} |"
                )
        return "\n".join(lines)


def _row(values: Floats) -> str:
    return " ".join("-" if np.isnan(v) else f"{v:.2f}" for v in values)


def _listed(values: Floats) -> list[float | None]:
    """Return numbers for JSON, which knows no NaN."""
    return [None if np.isnan(v) else float(v) for v in values]
