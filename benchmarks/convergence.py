"""How many evaluations an error costs: our estimates beside OpenTURNS and SALib."""

__all__ = ["measurements", "sketch"]

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from SALib.analyze import shapley as salib_shapley
from SALib.sample import shapley as salib_sample
from scipy.stats import qmc

from benchmarks.coverage import REPLICATES, TITLES, estimates
from benchmarks.functions import FACTORS, FUNCTIONS, evaluate
from benchmarks.measure import Measurement
from benchmarks.page import rewrite

Floats = NDArray[np.float64]
Estimates = dict[str, Floats]  # index: (factors, functions), NaN where undefined

REPETITIONS = 64
OWN_POINTS = (16, 32, 64, 128, 256)  # base points of each replicate
REFERENCE = 32  # of these: its error is what everybody has to reach
# Evaluations of a base point with two walks: all, and those that enter an index.
OWN_NODES = 2 + 2 * FACTORS + 2 * (FACTORS - 3)
USED = {"S1": 2 + 2 * FACTORS, "ST": 2 + 2 * FACTORS, "shapley": 2 + 2 * (FACTORS - 1)}
PEER_POINTS = (32, 64, 128, 256, 512, 1024, 2048, 4096)
# Ratios that are known at least to lie beyond, whatever the index.
PEER_LIMIT = PEER_POINTS[-1] * (FACTORS + 1) / (REPLICATES * REFERENCE * OWN_NODES)
PEER_FLOOR = PEER_POINTS[0] * (FACTORS + 2) / (REPLICATES * REFERENCE * USED["shapley"])
ALGORITHMS = ("Saltelli", "Jansen", "Martinez", "MauntzKucherenko")
MONTE_CARLO = "Monte Carlo"
REPLICATED = "replicated Sobol'"
SEQUENCE = "one Sobol' sequence"
DESIGNS = (MONTE_CARLO, REPLICATED, SEQUENCE)
TOGETHER = "all three"
PROBLEM = {
    "num_vars": FACTORS,
    "names": [f"x{j}" for j in range(FACTORS)],
    "bounds": [[0, 1]] * FACTORS,
}
MISSING = (
    "convergence: OpenTURNS is not installed, so nothing is measured. It is no part of the "
    "environment; install it with: sh envs/uv.sh pip install --python .venv --no-deps openturns"
)


def measurements() -> Iterator[Measurement]:
    """Compare evaluations at equal error over many seeds, and write the table into the page."""
    if _openturns_missing():
        return
    found = _Comparison(REPETITIONS)
    rewrite("convergence", found.table())
    yield from found.measurements()


def sketch() -> Iterator[Measurement]:
    """Compare an eighth of the repetitions; the page stays as it is."""
    if _openturns_missing():
        return
    yield from _Comparison(REPETITIONS // 8).measurements()


def _openturns_missing() -> bool:
    if missing := find_spec("openturns") is None:
        print(MISSING)
    return missing


@dataclass
class _Method:
    """Errors of one method: root mean square over factors, median over repetitions."""

    evaluations: list[int]
    errors: dict[str, list[list[Floats]]] = field(default_factory=dict)

    def add(self, size: int, estimates: Estimates) -> None:
        """Add a repetition at one of the sizes."""
        for index, values in estimates.items():
            exact = np.stack([f.exact[index] for f in FUNCTIONS], axis=1)
            error = np.sqrt(np.square(values - exact).mean(axis=0))
            sizes = self.errors.setdefault(index, [[] for _ in self.evaluations])
            sizes[size].append(np.where(np.isnan(error), np.inf, error))  # undefined: no use

    def curve(self, index: str, unit: int) -> Floats:
        """Return the error that is not exceeded from each size on, (sizes,)."""
        errors = [np.median([e[unit] for e in size]) for size in self.errors[index]]
        return np.maximum.accumulate(errors[::-1])[::-1]

    def needed(self, index: str, unit: int, error: float) -> float:
        """Return the evaluations that an error takes, 0 or infinite beyond the sizes tried."""
        curve = self.curve(index, unit)
        if error < curve[-1]:
            return np.inf
        if error >= curve[0]:
            return 0.0
        above = int(np.argmax(curve <= error))
        (x0, x1), (y0, y1) = (
            np.log(self.evaluations[above - 1 : above + 1]),
            curve[above - 1 :][:2],
        )
        if np.isinf(y0):
            return float(self.evaluations[above])
        share = np.log(y0 / error) / np.log(y0 / y1)
        return float(np.exp(x0 + share * (x1 - x0)))


class _Comparison:
    """Our method and all peers on all functions."""

    def __init__(self, repetitions: int) -> None:
        self.repetitions = repetitions
        self.own = _Method([REPLICATES * n * OWN_NODES for n in OWN_POINTS])
        # By design and algorithm.
        self.peers: dict[str, dict[str, _Method]] = {design: {} for design in DESIGNS}
        for seed in range(repetitions):
            self._add(seed)

    def _add(self, seed: int) -> None:
        for size, found in enumerate(estimates(seed, OWN_POINTS)):
            self.own.add(size, {index: found.values[index] for index in TITLES})
        for size, points in enumerate(PEER_POINTS):
            for pairs, design, name in _pairs(points, seed):
                for algorithm, values in _openturns(pairs):
                    self._peer(design, f"{algorithm}{name}", FACTORS + 2).add(size, values)
            for rows, design in _trajectories(points, seed):
                self._peer(design, "Goda", FACTORS + 1).add(size, _goda(rows))

    def _peer(self, design: str, name: str, nodes: int) -> _Method:
        new = _Method([n * nodes for n in PEER_POINTS])
        return self.peers[design].setdefault(name, new)

    def error(self, index: str, unit: int) -> float:
        """Return what everybody has to reach."""
        return float(self.own.curve(index, unit)[OWN_POINTS.index(REFERENCE)])

    def best(self, design: str, index: str, unit: int) -> tuple[float, str]:
        """Return the fewest evaluations of any algorithm over those we use, and its name."""
        peers = {name: p for name, p in self.peers[design].items() if index in p.errors}
        error = self.error(index, unit)
        # Where all need more than was tried, the one that came nearest.
        found = (
            (p.needed(index, unit, error), p.curve(index, unit)[-1], name)
            for name, p in peers.items()
        )
        needed, _, name = min(found)
        return needed / (REPLICATES * REFERENCE * USED[index]), name

    def together(self, design: str, unit: int) -> float:
        """Return the ratio for S1, ST and Shapley effects, of which the first two share theirs."""
        first, total, shapley = (
            self.best(design, index, unit)[0] * USED[index] / OWN_NODES for index in TITLES
        )
        return max(first, total) + shapley

    def ratios(self, design: str) -> dict[str, Floats]:
        """Return the ratios of all functions, by index and for all three together."""
        units = range(len(FUNCTIONS))
        found = {
            title: np.array([self.best(design, index, unit)[0] for unit in units])
            for index, title in TITLES.items()
        }
        return found | {TOGETHER: np.array([self.together(design, unit) for unit in units])}

    def measurements(self) -> Iterator[Measurement]:
        """Count for every design of the peers where we need fewer evaluations."""
        for design in DESIGNS:
            ratios = self.ratios(design)
            told = [
                f"{title} in {(ratio > 1).sum()} of {len(ratio)} functions, median ratio "
                f"{np.median(ratio):.2f}"
                for title, ratio in ratios.items()
            ]
            yield Measurement(
                f"fewer_evaluations_than_{'_'.join(re.findall('[a-z]+', design.lower()))}",
                float(sum((ratios[title] > 1).sum() for title in TITLES.values())),
                *(29, 33),
                f"of {len(TITLES) * len(FUNCTIONS)}",
                f"fewer evaluations than the peers' best algorithm at equal error: "
                f"{', '.join(told)}; {self.repetitions} repetitions",
                more_is_better=True,
                numbers={
                    title: {
                        function.name: _written(r, "").replace("*", "")
                        for function, r in zip(FUNCTIONS, ratio, strict=True)
                    }
                    for title, ratio in ratios.items()
                },
            )

    def table(self) -> str:
        """Return the table of the page."""
        lines = [
            f"{self.repetitions} repetitions; error: ours with {REPLICATES} replicates of "
            f"{REFERENCE} base points, {REPLICATES * REFERENCE * OWN_NODES} evaluations; "
            f"OpenTURNS {version('openturns')}, SALib {version('SALib')}.",
            "",
            f"| function | index | error | {' | '.join(DESIGNS)} |",
            "|---|---|---:|" + "---:|" * len(DESIGNS),
        ]
        together = [self.ratios(design)[TOGETHER] for design in DESIGNS]
        for unit, function in enumerate(FUNCTIONS):
            for index, title in TITLES.items():
                cells = [_written(*self.best(design, index, unit)) for design in DESIGNS]
                lines.append(
                    f"| {function.name} | {title} | {self.error(index, unit):.2g} "
                    f"| {' | '.join(cells)} |"
                )
            cells = [_written(ratio[unit], "") for ratio in together]
            lines.append(f"| {function.name} | {TOGETHER} | | {' | '.join(cells)} |")
        return "\n".join(lines)


def _written(ratio: float, name: str) -> str:
    """Write a ratio with the algorithm; losses are bold."""
    if np.isinf(ratio):
        return f"> {PEER_LIMIT:.1f} {name}".strip()
    text = f"{ratio:.2f}" if ratio else f"< {PEER_FLOOR:.2f}"
    return f"**{text}** {name}".strip() if ratio < 1 else f"{text} {name}".strip()


def _pairs(points: int, seed: int) -> Iterator[tuple[Floats, str, str]]:
    """Yield points a and b side by side, (points, 2 factors), their design and what it is."""
    import openturns as ot

    ot.RandomGenerator.SetSeed(seed)
    cube = ot.JointDistribution([ot.Uniform(0, 1)] * (2 * FACTORS))
    yield np.array(ot.MonteCarloExperiment(cube, points).generate()), MONTE_CARLO, ""
    sequence = ot.LowDiscrepancyExperiment(ot.SobolSequence(2 * FACTORS), cube, points, True)
    sequence.setRandomize(True)
    yield np.array(sequence.generate()), SEQUENCE, ", shifted"
    yield _scrambled(points, 1, seed), SEQUENCE, ", scrambled"
    yield _scrambled(points, REPLICATES, seed), REPLICATED, ""


def _scrambled(points: int, replicates: int, seed: int) -> Floats:
    """Return points of several scrambles, as our designs have them."""
    generators = np.random.default_rng(seed).spawn(replicates)
    parts = [qmc.Sobol(2 * FACTORS, rng=g).random(points // replicates) for g in generators]
    return np.concatenate(parts)


def _openturns(pairs: Floats) -> Iterator[tuple[str, Estimates]]:
    """Yield the indices of every algorithm, from the rows of `SobolIndicesExperiment`."""
    import openturns as ot

    points = len(pairs)
    a, b = np.split(pairs, 2, axis=1)
    one = np.eye(FACTORS, dtype=bool)
    rows = np.concatenate([a, b, *(np.where(one[j], b, a) for j in range(FACTORS))])
    responses = evaluate(rows)
    # OpenTURNS refuses constant responses.
    usable = (np.ptp(responses.reshape(-1, points, len(FUNCTIONS)), axis=1) > 0).all(axis=0)
    inputs, outputs = ot.Sample(rows), ot.Sample(responses[:, usable])
    for name in ALGORITHMS:
        algorithm = getattr(ot, f"{name}SensitivityAlgorithm")(inputs, outputs, points)
        found = {"S1": algorithm.getFirstOrderIndices, "ST": algorithm.getTotalOrderIndices}
        yield name, {index: _columns(get, usable) for index, get in found.items()}


def _columns(get: Callable[[int], Floats], usable: NDArray[np.bool_]) -> Floats:
    values = np.full((FACTORS, len(usable)), np.nan)
    for column, unit in enumerate(usable.nonzero()[0]):
        values[:, unit] = get(column)
    return values


def _trajectories(points: int, seed: int) -> Iterator[tuple[Floats, str]]:
    """Yield walks from a to b, (points (factors + 1), factors): SALib's, and from our points."""
    yield salib_sample.sample(PROBLEM, points, seed=seed), MONTE_CARLO
    position = np.random.default_rng(seed).random((points, 1, FACTORS)).argsort(axis=2)
    step = np.arange(FACTORS + 1)[:, None]
    for replicates, design in ((1, SEQUENCE), (REPLICATES, REPLICATED)):
        a, b = np.split(_scrambled(points, replicates, seed)[:, None], 2, axis=2)
        yield np.where(position < step, b, a).reshape(-1, FACTORS), design


def _goda(rows: Floats) -> Estimates:
    """Return Shapley effects by SALib."""
    found = [
        salib_shapley.analyze(PROBLEM, rows, response)["shapley_normalized"]
        for response in evaluate(rows).T
    ]
    return {"shapley": np.stack(found, axis=1)}
