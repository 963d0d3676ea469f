"""Training of a flow on latents of images and on what a layer says of them."""

__all__ = ["train_flow"]

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.invariance.flow.batches import Batches
from actsense.invariance.flow.course import FlowHistory, fit_flow
from actsense.invariance.flow.data import FlowData
from actsense.invariance.flow.flow import Flow, build_flow
from actsense.invariance.flow.likelihood import evaluate, posterior_samples
from actsense.invariance.flow.settings import FlowSettings
from actsense.progress import Progress

MEASURED = 2048  # representations that tell mean and standard deviation of a channel
FIRST = 256  # images that set the normalisations, at least
TOLD = 16  # representations that tell one data set from another
HELD_BYTES = 2**30


def train_flow(
    train: FlowData,
    validation: FlowData,
    settings: FlowSettings,
    *,
    seed: int,
    device: torch.device,
    precision: str = "float32",
    origin: Mapping[str, Any] | None = None,
    state: Path | None = None,
    bar: Progress | None = None,
    held_bytes: int = HELD_BYTES,
) -> tuple[Flow, FlowHistory]:
    """Train a flow from latents to noise that is independent of the representations.

    Latents are drawn from their posteriors anew in every step, and for the validation images once.

    Arguments:
        train: Images to train on.
        validation: Images that tell when to stop.
        settings: See `FlowSettings`.
        seed: Seed of weights, permutations, the order of images, and all noise.
        device: Where to train.
        precision: What passes compute in, see `arithmetic`.
        origin: What else tells this training from others, plain values.
        state: File of the state, see `fit_flow`.
        bar: Told of every step.
        held_bytes: Representations up to this size are held on the device; of larger ones, as
            much in host memory. Decides their order, too.

    Returns:
        The flow with the best averaged weights, on the device, and how the training went.

    Raises:
        ConfigError: If the latent is odd, representations cannot be embedded or differ in shape
            between train and validation, or anything is not finite.
    """
    _check(train, validation)
    batches = Batches(
        *(train, settings.training.batch_size),
        **{"seed": seed, "device": device, "held_bytes": held_bytes},  # type: ignore[arg-type]
    )
    flow = build_flow(settings, train.latent, train.condition_shape, seed=seed).to(device)
    _standardise(flow, train, device)
    looked_at = validation.spread(settings.training.looked_at)
    flow.initialise(*_first(batches, seed))

    def loss(step: int) -> Tensor:
        mean, log_variance, condition = batches.read(step)
        latents = posterior_samples(mean, log_variance, _noise(mean, seed, step))
        return -flow.log_prob(latents, condition).mean()

    def validate(averaged: Flow) -> float:
        return -float(evaluate(averaged, looked_at, seed=seed).log_prob.mean())

    known = dict(origin or {}) | {
        "flow": settings.plain(),
        "held_bytes": held_bytes,
        "train": _told(train),
        "validation": _told(looked_at),
    }
    course: dict[str, Any] = {"seed": seed, "precision": precision, "state": state, "bar": bar}
    history = fit_flow(flow, loss, validate, settings.training, origin=known, **course)
    return flow, history


def _check(train: FlowData, validation: FlowData) -> None:
    if min(len(train), len(validation)) < 2:
        raise ConfigError(
            f"A flow is trained on two images or more, and judged on as many; got {len(train)} "
            f"and {len(validation)}."
        )
    own, other = ((data.latent, data.condition_shape) for data in (train, validation))
    if own != other:
        raise ConfigError(
            f"Latents and representations of train images have shapes {own}, those of validation "
            f"images {other}. Make both with one autoencoder and one network."
        )


@torch.no_grad()
def _standardise(flow: Flow, train: FlowData, device: torch.device) -> None:
    """Measure the channels of some representations, read in parts: float64 sums of parts."""
    if flow.embedding is None:
        return
    some = train.spread(MEASURED)
    count, total, squares = 0, torch.zeros(1).double(), torch.zeros(1).double()
    centre: Tensor | None = None
    for part in some.slices():
        read = some.read(part)
        assert read is not None
        values = read.double().transpose(0, 1).flatten(1)  # (channels, all else)
        # Around the mean of the first part: squares of large means would drown the rest.
        centre = values.mean(dim=1, keepdim=True) if centre is None else centre
        count += values.shape[1]
        total = total + (values - centre).sum(dim=1)
        squares = squares + (values - centre).square().sum(dim=1)
    assert centre is not None
    mean = total / count
    variance = (squares / count - mean.square()).clamp(min=0)
    flow.embedding.standardise_by((centre[:, 0] + mean).to(device), variance.sqrt().to(device))


def _first(batches: Batches, seed: int) -> tuple[Tensor, Tensor | None]:
    """Return latents and representations that set the normalisations."""
    enough = range(-(-FIRST // batches.size))  # few images more than once, drawn anew
    means, log_variances, conditions = zip(*map(batches.read, enough), strict=True)
    mean = torch.cat(means)
    noise = _noise(mean, seed, 0)
    known = [condition for condition in conditions if condition is not None]
    latents = posterior_samples(mean, torch.cat(log_variances), noise)
    return latents, torch.cat(known) if known else None


def _noise(like: Tensor, seed: int, step: int) -> Tensor:
    """Draw standard normal numbers, alike on every device."""
    draws = stream(seed, "noise of posteriors in the training of a flow", step)
    return torch.from_numpy(draws.standard_normal(like.shape, np.float32)).to(like.device)


def _told(data: FlowData) -> str:
    """Return what tells these images from others."""
    some = data.spread(TOLD)
    parts = [np.array(data.mean.shape), data.mean, data.log_variance]
    parts += [] if (read := some.read(slice(None))) is None else [read.numpy()]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
