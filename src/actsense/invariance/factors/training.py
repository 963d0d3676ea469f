"""Training of factors on pairs of latents."""

__all__ = ["train_factors"]

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.invariance.factors.factors import Factors
from actsense.invariance.factors.loss import image_nats, pair_nats
from actsense.invariance.factors.pairs import Pairs
from actsense.invariance.factors.settings import FactorSettings
from actsense.invariance.factors.sizes import checked_sizes, factor_sizes
from actsense.invariance.flow.course import FlowHistory, fit_flow
from actsense.invariance.flow.flow import Flow, build_flow
from actsense.invariance.flow.likelihood import posterior_samples
from actsense.progress import Progress

FIRST = 256  # pairs that set the normalisations, at most

Batch = tuple[Tensor, Tensor, Tensor]  # latents of both images, what numbers they share


def train_factors(
    train: Pairs,
    validation: Pairs,
    settings: FactorSettings,
    *,
    seed: int,
    device: torch.device,
    sizes: Mapping[str, int] | None = None,
    precision: str = "float32",
    origin: Mapping[str, Any] | None = None,
    state: Path | None = None,
    bar: Progress | None = None,
) -> tuple[Factors, FlowHistory]:
    """Train a flow that splits latents into the concepts that pairs share.

    Latents are drawn from their posteriors anew in every step, and for the validation pairs once.

    Arguments:
        train: Pairs to train on.
        validation: Pairs that tell when to stop, of the same concepts.
        settings: See `FactorSettings`.
        seed: Seed of weights, permutations, the order of pairs, and all noise.
        device: Where to train.
        sizes: Numbers of every part, the residual last, in place of the rule of the settings.
        precision: What passes compute in, see `arithmetic`.
        origin: What else tells this training from others, plain values.
        state: File of the state, see `fit_flow`.
        bar: Told of every step.

    Returns:
        The factors with the best averaged weights, on the device, and how the training went:
        nats of a pair, or of an image if it is not supervised.

    Raises:
        ConfigError: If pairs are not of the same concepts and latents, sizes do not fit, the
            latent is odd, or anything is not finite.
    """
    latent = _check(train, validation)
    numbers = checked_sizes(sizes or factor_sizes(train, settings.sizes), latent)
    if tuple(numbers) != train.parts:
        raise ConfigError(
            f"Sizes are of the factors {', '.join(numbers)}, pairs of {', '.join(train.parts)}. "
            "Give one size for each of these, in their order."
        )
    flow = build_flow(settings.flow, latent, None, seed=seed).to(device)
    looked_at = validation.spread(settings.flow.training.looked_at)
    own = _Drawn(train, numbers, device, seed, settings.flow.training.batch_size)
    other = _Drawn(looked_at, numbers, device, seed, settings.flow.training.batch_size)
    some = own.batch(own.order(0)[:FIRST], "start", 0)
    flow.initialise(torch.cat(some[:2]), None)
    nats = _nats(settings)

    def validate(averaged: Flow) -> float:
        return other.mean(lambda batch: nats(averaged, batch))

    known = dict(origin or {}) | {
        "factors": settings.plain(),
        "sizes": [[*pair] for pair in numbers.items()],
        "train": _told(train),
        "validation": _told(looked_at),
    }
    history = fit_flow(
        *(flow, lambda step: nats(flow, own.read(step)).mean(), validate, settings.flow.training),
        **{"seed": seed, "precision": precision, "origin": known, "state": state, "bar": bar},  # type: ignore[arg-type]
    )
    return Factors(flow, numbers), history


def _check(train: Pairs, validation: Pairs) -> int:
    told = [(pairs.latents.latent, pairs.parts) for pairs in (train, validation)]
    if told[0] != told[1]:
        raise ConfigError(
            f"Train pairs are of {told[0][0]} numbers and {', '.join(told[0][1])}, validation "
            f"pairs of {told[1][0]} and {', '.join(told[1][1])}. Make both alike."
        )
    if min(len(train), len(validation)) < 2:
        raise ConfigError(
            f"Factors are trained on two pairs or more, and judged on as many; got {len(train)} "
            f"and {len(validation)}."
        )
    return told[0][0]


def _nats(settings: FactorSettings) -> Callable[[Flow, Batch], Tensor]:
    """Return what tells likelihoods of a batch, (pairs,) or (images,)."""
    if not settings.supervised:
        return lambda flow, batch: image_nats(flow, torch.cat(batch[:2]))
    return lambda flow, batch: pair_nats(flow, *batch, settings.correlation)


class _Drawn:
    """Batches of pairs whose latents are drawn, in an order that follows from the seed alone."""

    def __init__(
        self, pairs: Pairs, sizes: Mapping[str, int], device: torch.device, seed: int, size: int
    ) -> None:
        self._pairs, self._seed, self._device = pairs, seed, device
        self._size = min(size, len(pairs))
        self._mean = torch.from_numpy(pairs.latents.mean).to(device)
        self._log_variance = torch.from_numpy(pairs.latents.log_variance).to(device)
        self._numbers = np.array([*sizes.values()])
        self._epoch, self._order = -1, np.arange(0)

    def read(self, step: int) -> Batch:
        """Return the batch of a step, counted from 0; the same whenever it is asked for."""
        epoch, place = divmod(step, len(self._pairs) // self._size)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self.order(epoch)
        return self.batch(self._order[place * self._size : (place + 1) * self._size], "step", step)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Return the pairs in the order of an epoch, (pairs,)."""
        draws = stream(self._seed, "order of pairs in the training of factors", epoch)
        return draws.permutation(len(self._pairs))

    def batch(self, pairs: NDArray[np.int64], *use: str | int) -> Batch:
        """Return some pairs, with the noise of one use of them."""
        places = np.concatenate([self._pairs.first[pairs], self._pairs.second[pairs]])
        rows = torch.from_numpy(places).to(self._device)
        mean, log_variance = self._mean[rows], self._log_variance[rows]
        draws = stream(self._seed, "noise of posteriors in the training of factors", *use)
        noise = torch.from_numpy(draws.standard_normal(mean.shape, np.float32))
        first, second = posterior_samples(mean, log_variance, noise.to(self._device)).chunk(2)
        shared = self._pairs.shared[pairs].repeat(self._numbers, axis=1)
        return first, second, torch.from_numpy(shared).to(self._device)

    @torch.no_grad()
    def mean(self, nats: Callable[[Batch], Tensor]) -> float:
        """Return the mean over all pairs, with the same noise at every call."""
        parts = np.array_split(np.arange(len(self._pairs)), -(-len(self._pairs) // self._size))
        batches = (self.batch(part, "look", number) for number, part in enumerate(parts))
        return float(torch.cat([nats(batch).double() for batch in batches]).mean())


def _told(pairs: Pairs) -> str:
    """Return what tells these pairs from others."""
    latents = pairs.latents.mean, pairs.latents.log_variance
    arrays: list[NDArray[Any]] = [*latents, pairs.first, pairs.second, pairs.shared]
    digest = hashlib.sha256(repr((pairs.parts, [x.shape for x in arrays])).encode())
    for values in arrays:
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
