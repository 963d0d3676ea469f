"""The training loop: any module, any loss of a batch, any optimiser, seeded batches.

What a step computes follows from the state of the `Learner` and from the number of the step
alone: it decides the batch, and the random numbers that module and loss draw. A training that
goes on from a file it kept therefore ends with the same bits as one that was never stopped.
"""

__all__ = ["Batches", "FitSettings", "fit"]

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from actsense.device.precision import arithmetic, deterministic
from actsense.draws import stream
from actsense.draws.global_state import seed_steps
from actsense.networks.checkpoint import Learner, load_checkpoint, save_checkpoint
from actsense.progress import Progress
from actsense.store import CorruptFileError

KEPT_EVERY = 60.0  # seconds of work that a kill may cost; writing the state takes far less

Batch = tuple[Tensor, ...]  # (examples, ...) each, on the device

log = logging.getLogger(__name__)


class Batches(Protocol):
    """Batches that follow from the numbers of epoch and step, and from nothing before them."""

    @property
    def steps(self) -> int:
        """Batches of an epoch."""

    @property
    def examples(self) -> int:
        """Examples in all batches of an epoch."""

    @property
    def unit(self) -> str:
        """What an example is, in the singular, for the log."""

    def read(self, epoch: int, step: int) -> Batch:
        """Return one batch, both counted from 0; the loop asks for them in order."""


@dataclass(frozen=True)
class FitSettings:
    """What decides the numbers of a training, beside the objects that `fit` is given.

    Arguments:
        epochs: Passes over the examples in the whole training.
        seed: Seed of what module and loss draw while they train.
        precision: What forward and backward passes compute in, see `arithmetic`.
        origin: What module, loss, optimiser, schedule and batches were made from, plain values:
            a training goes on from files of the same origin only.
    """

    epochs: int
    seed: int
    precision: str = "float32"
    origin: Mapping[str, Any] = field(default_factory=dict)


def fit(
    learner: Learner,
    loss: Callable[[Batch], Tensor],
    batches: Batches,
    settings: FitSettings,
    *,
    until: int | None = None,
    position: Path,
) -> None:
    """Train from where the learner stands to the end of an epoch.

    Every minute the state is kept in a file. A later call that finds one of the same training
    goes on from there; any other is ignored.

    Arguments:
        learner: What is trained; left in training mode, at the end of the epoch.
        loss: Mean loss of a batch, (); runs the learner's module.
        batches: What it is trained on.
        settings: See `FitSettings`.
        until: Epochs after which to stop, counted from the beginning; default: all.
        position: File of the state, of this call alone. To be removed once what was trained is
            safe.
    """
    until = settings.epochs if until is None else until
    last = until * batches.steps
    kept_as = asdict(settings) | {"until": until}
    _resume(learner, position, kept_as)
    device = next(learner.module.parameters()).device
    learner.module.train()
    kept = time.monotonic()
    with (
        deterministic(),
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        _told(batches, learner.step, last) as known,
    ):
        for step in range(learner.step, last):
            epoch, place = divmod(step, batches.steps)
            seed_steps(_step_seed(settings.seed, step), device)
            # Entered anew: autocast holds its narrow copies of the weights until it is left.
            with arithmetic(settings.precision, device):
                value = loss(batches.read(epoch, place))
                learner.optimiser.zero_grad()
                value.backward()  # type: ignore[no-untyped-call]
            learner.optimiser.step()
            learner.schedule.step()
            learner.step = step + 1
            known.update(_seen(learner.step, batches) - known.done)
            if learner.step % batches.steps == 0:
                known.note = f"loss {value.item():.3f} after epoch {epoch + 1}"
            if time.monotonic() - kept >= KEPT_EVERY:
                save_checkpoint(position, learner, kept_as)
                kept = time.monotonic()


def _resume(learner: Learner, position: Path, training: Mapping[str, Any]) -> None:
    """Go on from a kept state, if there is one of this training."""
    if not position.exists():
        return
    try:
        if load_checkpoint(position, learner, training):
            log.info("Going on after step %d, kept in %s", learner.step, position)
        else:
            log.warning("%s: kept by another training, ignored", position)
    except CorruptFileError as error:
        log.warning("%s Begins anew.", error)


def _told(batches: Batches, done: int, last: int) -> Progress:
    seen, whole = _seen(done, batches), _seen(last, batches)
    return Progress(whole, desc="training", unit=batches.unit, initial=seen)


def _seen(step: int, batches: Batches) -> int:
    """Count the examples of the first steps."""
    return step * batches.examples // batches.steps


def _step_seed(seed: int, step: int) -> int:
    return int(stream(seed, "what module and loss draw in a training step", step).integers(2**63))
