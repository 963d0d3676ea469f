"""Optimiser and schedule of a training, by its settings."""

__all__ = ["build_optimiser", "build_schedule"]

from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, MultiStepLR, OneCycleLR

from actsense.networks.settings import Trained


def build_optimiser(chosen: Trained, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Return the optimiser of some parameters; the decay of weights is that of all of them."""
    if chosen.optimizer == "adamw":
        return AdamW(parameters, chosen.learning_rate, weight_decay=chosen.weight_decay)
    return SGD(
        parameters,
        chosen.learning_rate,
        momentum=chosen.momentum,
        weight_decay=chosen.weight_decay,
        nesterov=chosen.nesterov,
    )


def build_schedule(chosen: Trained, optimiser: Optimizer, steps: int) -> LRScheduler:
    """Return what sets the learning rate after every step.

    Arguments:
        chosen: The settings of the training.
        optimiser: Its optimiser.
        steps: Batches of an epoch.
    """
    if chosen.schedule == "steps":
        milestones = [epoch * steps for epoch in chosen.milestones]
        return MultiStepLR(optimiser, milestones, gamma=chosen.decay)
    return OneCycleLR(
        optimiser,
        chosen.learning_rate,
        total_steps=chosen.epochs * steps,
        cycle_momentum=chosen.optimizer == "adamw",  # that of `sgd` is a setting
    )
