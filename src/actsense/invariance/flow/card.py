"""What is told of a trained flow: likelihoods, and whether its noise is normal."""

__all__ = ["describe_flow", "describe_noise"]

from typing import Any

import numpy as np
import torch
from torch import Tensor

from actsense.draws import stream
from actsense.invariance.flow.course import FlowHistory
from actsense.invariance.flow.data import FlowData
from actsense.invariance.flow.flow import Flow
from actsense.invariance.flow.likelihood import Evaluated, bits_per_dimension, evaluate

LOOKED_AT = 4096  # images of a partition, at most


def describe_flow(
    flow: Flow, history: FlowHistory, train: FlowData, validation: FlowData, *, seed: int
) -> dict[str, Any]:
    """Return the card of a flow, plain values.

    Likelihoods are negative, of a latent, drawn once from its posterior. `gap_nats` is what
    validation images have more than train images. `shuffled_nats` is what validation images have
    with the representation of another one: the difference is what the flow has learned from
    representations. `inverse_error` is the largest difference of a latent after both ways.

    Arguments:
        flow: The flow, to be evaluated.
        history: How its training went.
        train: Images that it was trained on.
        validation: Images that it was not trained on.
        seed: Seed of the noise of posteriors, and of who gets whose representation.
    """
    own, other = (data.spread(LOOKED_AT) for data in (train, validation))
    seen, unseen = (evaluate(flow, data, seed=seed) for data in (own, other))
    nats = {name: _nats(found) for name, found in (("train", seen), ("validation", unseen))}
    return {
        "latent": flow.latent,
        "condition_shape": flow.condition_shape and [*flow.condition_shape],
        "settings": flow.settings.plain(),
        "parameters": sum(weight.numel() for weight in flow.parameters()),
        "images": {"train": len(train), "validation": len(validation)},
        "steps": history.steps[-1],
        "best_step": history.best,
        "nats": nats,
        "bits_per_dimension": {
            name: bits_per_dimension(value, flow.latent) for name, value in nats.items()
        },
        "gap_nats": nats["validation"] - nats["train"],
        "shuffled_nats": _shuffled(flow, other, seed),
        "noise": {"train": describe_noise(seen.v), "validation": describe_noise(unseen.v)},
        "inverse_error": _inverse_error(flow, other),
    }


def describe_noise(v: Tensor) -> dict[str, float]:
    """Compare noise with independent standard normal numbers.

    Arguments:
        v: Noise, (images, latent).

    Returns:
        Mean square, which should be 1; lowest and highest standard deviation of a number; the
        largest distance of Kolmogorov and Smirnov, and its p-value, times as many as there are
        numbers (Bonferroni) and 1 at most; and the largest correlation of two numbers.
    """
    from scipy.stats import kstest  # slow to import, and needed here alone

    values = v.double().numpy()
    tests = [kstest(column, "norm") for column in values.T]
    stds = values.std(axis=0, ddof=1)
    correlations = np.corrcoef(values.T) - np.eye(len(tests))
    return {
        "mean_square": float(np.square(values).mean()),
        "std_lowest": float(stds.min()),
        "std_highest": float(stds.max()),
        "ks": float(max(test.statistic for test in tests)),
        "ks_p": float(min(1.0, len(tests) * min(test.pvalue for test in tests))),
        "correlation": float(np.abs(correlations).max()),
    }


def _nats(found: Evaluated) -> float:
    return -float(found.log_prob.mean())


def _shuffled(flow: Flow, data: FlowData, seed: int) -> float | None:
    """Give every image the representation of another one; each is used once."""
    if data.conditions is None:
        return None
    ring = stream(seed, "whose representation an image gets").permutation(len(data))
    others = np.empty_like(ring)
    others[ring] = np.roll(ring, 1)
    strange = FlowData(data.mean, data.log_variance, data.chosen(others).conditions)
    return _nats(evaluate(flow, strange, seed=seed))


@torch.no_grad()
def _inverse_error(flow: Flow, data: FlowData) -> float:
    device = next(flow.parameters()).device
    part = data.slices()[0]
    condition = data.read(part)
    embedded = flow.embed(None if condition is None else condition.to(device))
    latents = torch.from_numpy(data.mean[part]).to(device)
    v, _ = flow.transform(latents, embedded)
    return float((flow.restore(v, embedded) - latents).abs().max())
