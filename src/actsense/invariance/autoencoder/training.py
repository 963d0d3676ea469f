"""Training of an autoencoder on the images of a study."""

__all__ = ["train_autoencoder"]

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from actsense.draws import stream
from actsense.invariance.autoencoder.architectures import Autoencoder, build_autoencoder
from actsense.invariance.autoencoder.loss import AutoencoderLoss
from actsense.invariance.autoencoder.perceptual import Features, Perceptual
from actsense.invariance.autoencoder.settings import AutoencoderSettings
from actsense.networks.checkpoint import Learner
from actsense.networks.fitting import Batch, FitSettings, fit

Read = Callable[[NDArray[np.int64]], Tensor]  # rows to images in [0, 1], on the device

MEASURED = 512  # images that tell how much features vary
BETAS = (0.9, 0.99)  # of Adam: a short training has no time for longer memories


def train_autoencoder(
    read: Read,
    rows: NDArray[np.int64],
    features: Features | None,
    settings: AutoencoderSettings,
    *,
    seed: int,
    device: torch.device,
    state: Path,
    precision: str = "float32",
    origin: Mapping[str, Any] | None = None,
) -> Autoencoder:
    """Train an autoencoder; a training that was killed goes on to the same bits.

    Arguments:
        read: Gives images by row, (rows, 3, side, side) in [0, 1], on the device.
        rows: Rows of the training images, (images,), two at least.
        features: What another network sees, none of those that are analysed; None for a training
            on pixels alone.
        settings: Its settings.
        seed: Seed of weights, order and noise.
        device: Where to train.
        state: File of the state on the way. To be removed once what was trained is safe.
        precision: What it computes in, see `arithmetic`.
        origin: What else decides the numbers, plain values: digests of the images and of the
            network behind the features. A state of another origin is not gone on from.

    Returns:
        The autoencoder, in evaluation mode, its weights without gradients.

    Raises:
        ConfigError: If there is no such autoencoder for images of that size.
        ValueError: If there are fewer than two images.
    """
    if len(rows) < 2:
        raise ValueError(f"An autoencoder is trained on two images at least; got {len(rows)}.")
    batches = _ImageBatches(read, rows, settings.batch_size, seed)
    learner, loss = _begun(batches, features, settings, device)
    course = FitSettings(
        epochs=settings.epochs,
        seed=seed,
        precision=precision,
        origin={
            "settings": settings.plain(),
            "rows": hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest(),
            "features": features is not None,
            "device": device.type,
            **(origin or {}),
        },
    )
    fit(learner, lambda batch: loss(*batch), batches, course, position=state)
    trained = learner.module.eval().requires_grad_(requires_grad=False)
    assert isinstance(trained, Autoencoder)
    return trained


def _begun(
    batches: "_ImageBatches",
    features: Features | None,
    settings: AutoencoderSettings,
    device: torch.device,
) -> tuple[Learner, AutoencoderLoss]:
    """Draw the weights."""
    first = batches.read_rows(batches.rows[:MEASURED])
    perceptual = None if features is None else Perceptual.measured(features, first)
    steps = settings.epochs * batches.steps
    with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU
        drawn = stream(batches.seed, "weights of the autoencoder and its critic")
        torch.manual_seed(int(drawn.integers(2**63)))
        autoencoder = build_autoencoder(settings, first.shape[-1])
        loss = AutoencoderLoss(autoencoder, perceptual, settings, steps=steps)
    # Channels last: convolutions need no other order of their own.
    autoencoder.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss.to(device)
    trained = [*autoencoder.parameters(), loss.scale]
    rate = settings.learning_rate
    decay = settings.weight_decay
    optimiser = AdamW(trained, rate, betas=BETAS, weight_decay=decay, fused=True)
    schedule = OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.2, cycle_momentum=False)
    return Learner(autoencoder, optimiser, schedule, beside=loss), loss


@dataclass(frozen=True)
class _ImageBatches:
    """Batches of shuffled images."""

    read_rows: Read
    rows: NDArray[np.int64]
    batch_size: int
    seed: int
    unit: str = "image"

    @property
    def steps(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    @property
    def examples(self) -> int:
        return len(self.rows)

    def read(self, epoch: int, step: int) -> Batch:
        return (self.read_rows(self._order(epoch)[step]),)

    @cached_property
    def _order(self) -> Callable[[int], list[NDArray[np.int64]]]:
        return lru_cache(maxsize=1)(self._drawn)

    def _drawn(self, epoch: int) -> list[NDArray[np.int64]]:
        """Shuffle the rows of an epoch, and part them into batches of nearly the same size."""
        draw = stream(self.seed, "order of the autoencoder's images", epoch)
        return np.array_split(draw.permutation(self.rows), self.steps)
