"""Closed forms of functions, and functions run through the real design and accumulators."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from actsense.sampling.designs import Design, Factor
from actsense.sensitivity.accumulator import Accumulator
from actsense.sensitivity.indices import Indices, estimate_indices
from actsense.sensitivity.moments import Moments
from benchmarks.functions import G_WEIGHTS

Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def moments_of(function: Function, design: Design, *, dtype: torch.dtype) -> list[Moments]:
    """Run a function of the unit cube through a design: (rows, coordinates) to (rows, units)."""
    replicates = []
    for replicate in range(design.replicates):
        accumulator = None
        for number in range(design.blocks):
            block = design.block(replicate, number)
            points, nodes, width = block.coordinates.shape
            responses = function(block.coordinates.reshape(-1, width))
            responses = responses.reshape(points * nodes, -1)
            if accumulator is None:
                names = tuple(factor.name for factor in design.factors)
                accumulator = Accumulator(names, design.walks, responses.shape[1])
            place = np.arange(points * nodes).reshape(points, nodes)
            accumulator.add(torch.from_numpy(responses).to(dtype), place, block)
        assert accumulator is not None
        replicates.append(accumulator.moments())
    return replicates


def indices_of(
    function: Function,
    factors: list[int],
    *,
    base_points: int = 256,
    replicates: int = 8,
    walks: int = 1,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Indices:
    """Estimate the indices of a function whose factors own so many coordinates each."""
    design = Design(
        "analytic",
        tuple(Factor(f"x{j}", width) for j, width in enumerate(factors)),
        base_points=base_points,
        replicates=replicates,
        walks=walks,
        seed=seed,
    )
    return estimate_indices(moments_of(function, design, dtype=dtype))


def ishigami_exact() -> dict[str, NDArray[np.float64]]:
    v1 = 0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2
    v2 = 7**2 / 8
    v13 = 0.1**2 * np.pi**8 * (1 / 18 - 1 / 50)
    v = v1 + v2 + v13
    return {
        "S1": np.array([v1, v2, 0]) / v,
        "ST": np.array([v1 + v13, v2, v13]) / v,
        "shapley": np.array([v1 + v13 / 2, v2, v13 / 2]) / v,
        "S13": np.array(v13 / v),
        "variance": np.array(v),
        "mean": np.array(3.5),
    }


def product_exact(single: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Decompose a product of functions of mean one: a subset holds the product of variances."""
    total = np.prod(1 + single) - 1
    shapley = np.zeros(len(single))
    for subset in range(1, 2 ** len(single)):
        members = [j for j in range(len(single)) if subset >> j & 1]
        shapley[members] += single[members].prod() / len(members)
    others = np.prod(1 + single) / (1 + single)
    return {
        "S1": single / total,
        "ST": single * others / total,
        "shapley": shapley / total,
        "S12": single[0] * single[1] / total,
        "variance": np.array(total),
        "mean": np.array(1.0),
    }


def g_exact() -> dict[str, NDArray[np.float64]]:
    return product_exact(1 / (3 * (1 + G_WEIGHTS) ** 2))
