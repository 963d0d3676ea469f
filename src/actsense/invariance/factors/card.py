"""What is told of trained factors."""

__all__ = ["describe_factors", "pair_correlations"]

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actsense.invariance.factors.factors import Factors
from actsense.invariance.factors.pairs import Pairs
from actsense.invariance.flow.card import describe_noise
from actsense.invariance.flow.course import FlowHistory

LOOKED_AT = 4096  # images whose noise is compared with a normal one, at most


def pair_correlations(
    factors: Factors, pairs: Pairs, *, device: torch.device
) -> dict[str, dict[str, float]]:
    """Return how much pairs that share a concept alone have in common in every part.

    Means of posteriors. A concept that is its own part has nearly 1 there, and nearly 0 in all
    others; NaN for a part that does not vary.

    Arguments:
        factors: The factors.
        pairs: Of every concept, two that share it alone at least.
        device: Where their flow runs.

    Returns:
        By concept, by part: covariance of both images over variance, summed over the numbers of
        the part.

    Raises:
        ConfigError: If fewer than two pairs share a concept alone.
    """
    found: dict[str, dict[str, float]] = {}
    e = _encoded(factors, pairs.latents.mean, device)
    for concept in pairs.concepts:
        own = pairs.alone(concept)
        first, second = e[own.first], e[own.second]
        centre = (first.mean(axis=0) + second.mean(axis=0)) / 2
        together = ((first - centre) * (second - centre)).sum(axis=0)
        variance = (np.square(first - centre) + np.square(second - centre)).sum(axis=0) / 2
        found[concept] = {}
        for name in factors.names:
            place, total = factors.place(name), variance[factors.place(name)].sum()
            share = together[place].sum() / total if total > 0 else np.nan
            found[concept][name] = float(share)
    return found


def describe_factors(
    factors: Factors,
    history: FlowHistory,
    train: Pairs,
    validation: Pairs,
    *,
    device: torch.device,
) -> dict[str, Any]:
    """Return the card of factors, plain values.

    Noise and correlations are those of the means of validation images.

    Arguments:
        factors: The factors.
        history: How their training went.
        train: Pairs that they were trained on.
        validation: Pairs that they were not trained on.
        device: Where their flow runs.

    Raises:
        ConfigError: If fewer than two validation pairs share a concept alone.
    """
    mean = validation.latents.spread(LOOKED_AT).mean
    return {
        "sizes": dict(factors.sizes),
        "pairs": {"train": len(train), "validation": len(validation)},
        "steps": history.steps[-1],
        "best_step": history.best,
        "nats": {"train": history.train[-1], "validation": min(history.validation)},
        "noise": describe_noise(torch.from_numpy(_encoded(factors, mean, device))),
        "correlations": pair_correlations(factors, validation, device=device),
    }


def _encoded(
    factors: Factors, mean: NDArray[np.float32], device: torch.device
) -> NDArray[np.float64]:
    starts = range(0, len(mean), LOOKED_AT)
    latents = [torch.from_numpy(mean[start : start + LOOKED_AT]).to(device) for start in starts]
    return np.asarray(torch.cat([factors.encode(part).double().cpu() for part in latents]))
