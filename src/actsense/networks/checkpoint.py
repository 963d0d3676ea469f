"""The state of a training in one file, from which it goes on to the last bit."""

__all__ = ["Learner", "load_checkpoint", "save_checkpoint"]

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from actsense.networks.state import read_tensors, save_tensors
from actsense.store import CorruptFileError


@dataclass
class Learner:
    """All that a step of a training changes.

    Attributes:
        module: What is trained.
        optimiser: The optimiser of its parameters.
        schedule: Sets the learning rate after every step.
        step: Steps taken so far, counted over all epochs.
        beside: What is trained along and dropped in the end, if anything.
    """

    module: nn.Module
    optimiser: Optimizer
    schedule: LRScheduler
    step: int = 0
    beside: nn.Module | None = None

    def state(self) -> dict[str, Any]:
        """Return the state as tensors and plain values, without copying."""
        beside = {} if self.beside is None else {"beside": self.beside.state_dict()}
        return {
            "model": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "step": self.step,
            **beside,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state of the same module, optimiser and schedule."""
        self.module.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.step = state["step"]
        if self.beside is not None:
            self.beside.load_state_dict(state["beside"])


def save_checkpoint(path: Path, learner: Learner, training: Mapping[str, Any]) -> None:
    """Write the state of a training, beside the file and into place, with checksums.

    Arguments:
        path: The file to make; `read_state` finds the module's weights in it.
        learner: The state.
        training: What decides the numbers of the training, plain values that JSON can hold.
    """
    save_tensors(learner.state() | {"training": _text(training)}, path)


def load_checkpoint(path: Path, learner: Learner, training: Mapping[str, Any]) -> bool:
    """Take over the state of a training, if the file holds one of this training.

    Arguments:
        path: File written by `save_checkpoint`.
        learner: Module, optimiser and schedule, made as for the training that wrote it.
        training: What decides the numbers of the training, as when it was written.

    Returns:
        Whether the state was taken over; if not, the learner is as it was.

    Raises:
        CorruptFileError: If the file is damaged.
    """
    try:
        held = read_tensors(path)
        own = bool(held["training"] == _text(training))
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFileError(path, error) from error
    if own:
        learner.restore(held)
    return own


def _text(training: Mapping[str, Any]) -> str:
    return json.dumps(training, sort_keys=True)
