"""The training loop of a flow: clipped steps of AdamW, a moving average, an early end.

What a step computes follows from the state and from the number of the step alone, as in
`actsense.networks.fitting`: a training that goes on from a file it kept ends with the same bits
as one that was never stopped.
"""

__all__ = ["FlowHistory", "fit_flow"]

import copy
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from math import cos, inf, isfinite, pi
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from actsense.device.precision import arithmetic, deterministic
from actsense.draws import stream
from actsense.draws.global_state import seed_steps
from actsense.errors import ConfigError
from actsense.invariance.flow.descent import Descent, joined
from actsense.invariance.flow.flow import Flow
from actsense.invariance.flow.settings import FlowTraining
from actsense.networks.state import read_tensors, save_tensors
from actsense.progress import Progress

KEPT_EVERY = 60.0  # seconds of work that a kill may cost

log = logging.getLogger(__name__)


@dataclass
class FlowHistory:
    """How a training went, at every look at the validation images.

    Attributes:
        steps: Steps taken until then.
        train: Mean loss of the batches since the look before, nats.
        validation: Loss of the averaged weights on validation images, nats.
        best: Step whose averaged weights were kept.
    """

    steps: list[int] = field(default_factory=list)
    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best: int = 0

    def record(self, step: int, train: float, validation: float) -> bool:
        """Add a look, and return whether it is the best so far."""
        better = validation < min(self.validation, default=inf)
        self.steps.append(step)
        self.train.append(train)
        self.validation.append(validation)
        self.best = step if better else self.best
        return better

    def idle(self) -> int:
        """Return how many looks there have been since the best."""
        return sum(step > self.best for step in self.steps)


def fit_flow(
    flow: Flow,
    loss: Callable[[int], Tensor],
    validate: Callable[[Flow], float],
    settings: FlowTraining,
    *,
    seed: int,
    precision: str = "float32",
    origin: Mapping[str, Any] | None = None,
    state: Path | None = None,
    bar: Progress | None = None,
) -> FlowHistory:
    """Train a flow, and leave it with the averaged weights that were best, to be evaluated.

    Arguments:
        flow: The flow, on its device, normalisations set.
        loss: Mean loss of the batch of a step, (), nats; runs the flow.
        validate: Loss of a flow on validation images, nats.
        settings: See `FlowTraining`.
        seed: Seed of what the flow draws while it trains.
        precision: What forward and backward passes compute in, see `arithmetic`.
        origin: What decides the numbers beside settings and seed, plain values.
        state: File of the state, kept every minute. A later call that finds one of the same
            training goes on from there. To be removed once what was trained is safe.
        bar: Told of every step.

    Raises:
        ConfigError: If the loss is not finite.
    """
    described = {"settings": settings.plain(), "seed": seed, "precision": precision}
    course = _Course(flow, settings, json.dumps([described, dict(origin or {})], sort_keys=True))
    course.resume(state)
    device = course.total.device
    if bar is not None:
        bar.update(course.step)
    flow.train()
    kept = time.monotonic()
    with (
        deterministic(),
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
    ):
        while course.step < settings.steps and not course.ended():
            seed_steps(_step_seed(seed, course.step), device)
            with arithmetic(precision, device):
                course.descend(loss(course.step))
            if course.step % settings.check_every == 0 or course.step == settings.steps:
                with arithmetic(precision, device):
                    course.look(validate)
            if bar is not None:
                bar.note = course.note
                bar.update()
            if state is not None and time.monotonic() - kept >= KEPT_EVERY:
                course.keep(state)
                kept = time.monotonic()
    flow.load_state_dict(course.best)
    flow.eval()
    return course.history


class _Course:
    """All that a step changes."""

    def __init__(self, flow: Flow, settings: FlowTraining, described: str) -> None:
        self.flow, self._settings, self._described = flow, settings, described
        self.average = copy.deepcopy(flow).eval().requires_grad_(requires_grad=False)
        self.averaged = joined(self.average)
        self.descent = Descent(
            flow, betas=settings.betas, decay=settings.weight_decay, clip=settings.clip
        )
        self.step, self.history, self.note = 0, FlowHistory(), ""
        self.best: dict[str, Tensor] = {}
        # Since the last look; read there alone, for that waits for the device.
        self.total = torch.zeros((), device=self.averaged.device)
        self._since = 0

    def ended(self) -> bool:
        """Tell whether there have been too many looks without a better one."""
        patience = self._settings.patience
        return patience is not None and self.history.idle() >= patience

    def descend(self, loss: Tensor) -> None:
        """Take a step, and move the average after it."""
        self.descent.step(loss, _rate(self._settings, self.step))
        self.step += 1
        # At first the average forgets faster: it would else remember the start for long.
        memory = min(self._settings.average, self.step / (10 + self.step))
        self.averaged.lerp_(self.descent.values, 1 - memory)
        self.total += loss.detach()
        self._since += 1

    def look(self, validate: Callable[[Flow], float]) -> None:
        """Look at the validation images, and remember the best weights."""
        with torch.no_grad():
            found = self.total.item() / self._since, validate(self.average)
        if not all(isfinite(value) for value in found):
            raise ConfigError(
                f"The likelihood of a flow is not finite after step {self.step}. Try a smaller "
                "`learning_rate`, a smaller `clip`, or `precision: float32`."
            )
        if self.history.record(self.step, *found):
            self.best = {key: x.clone() for key, x in self.average.state_dict().items()}
        self.note = "nats {:.3f}, validation {:.3f}".format(*found)
        self.total.zero_()
        self._since = 0

    def keep(self, path: Path) -> None:
        """Write the state, beside the file and into place, with checksums."""
        content = {
            "flow": self.flow.state_dict(),
            "average": self.average.state_dict(),
            "best": self.best,
            "descent": self.descent.state(),
            "history": asdict(self.history),
            "total": self.total,
            "counts": [self.step, self._since],
            "training": self._described,
        }
        save_tensors(content, path)

    def resume(self, path: Path | None) -> None:
        """Go on from a kept state, if there is one of this training."""
        if path is None or not path.exists():
            return
        try:
            held = read_tensors(path)
            own = held["training"] == self._described
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s: damaged (%s). Begins anew.", path, error)
            return
        if not own:
            log.warning("%s: kept by another training, ignored", path)
            return
        self.flow.load_state_dict(held["flow"])
        self.average.load_state_dict(held["average"])
        self.descent.restore(held["descent"])
        self.best, self.history = held["best"], FlowHistory(**held["history"])
        self.total.copy_(held["total"])
        self.step, self._since = held["counts"]
        log.info("Going on after step %d, kept in %s", self.step, path)


def _rate(settings: FlowTraining, step: int) -> float:
    """Return the learning rate of a step: half a cosine, down to what is left in the last one."""
    share = step / max(1, settings.steps - 1)
    fallen = settings.final_rate + (1 - settings.final_rate) * (1 + cos(pi * share)) / 2
    return settings.learning_rate * fallen


def _step_seed(seed: int, step: int) -> int:
    return int(stream(seed, "what a flow draws in a training step", step).integers(2**63))
