"""Pictures against a bare forward and backward pass, and against the published way in plain form.

The bare pass is that of the network up to the target, of the same batch, with the activation
alone as its loss.
"""

from collections.abc import Iterator
from functools import partial
from math import exp, log
from sys import float_info
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actsense.featvis.pictures.statistics import ImageStatistics
from actsense.featvis.search.smoothing import gradient_mask
from actsense.featvis.search.synthesis import synthesise
from actsense.featvis.search.watch import Watch
from actsense.featvis.settings import Objective, Picture, Search
from actsense.featvis.targets.targets import Targets
from actsense.networks.compact import CompactNetwork
from benchmarks.measure import Measurement, interleaved, seconds
from benchmarks.spatial import SIDE, alexnet

FACETS, LAYER, CUT = 8, "features.11", 12  # modules of AlexNet's features until the target
STEPS = 4  # iterations whose time is taken apart from what comes before the first
SMALL, CHANNELS, ITERATIONS = 32, 64, 256
PUBLISHED = 512  # side of the published pictures, pixels


def measurements() -> Iterator[Measurement]:
    """Measure AlexNet and the demo's network with random weights on the CPU."""
    yield _iteration()
    yield _whole_layer()
    yield _together()
    yield _mask()


def _targets(layer: str, direction: Tensor, *, response: bool) -> Targets:
    none = torch.full_like(direction, torch.nan)
    return Targets(
        *(layer, direction, torch.zeros_like(direction), torch.ones_like(direction)),
        torch.full((len(direction), 2), -1),
        torch.rand(direction.shape) if response else none,
    )


def _made(watch: Watch, targets: Targets, starts: Tensor, **search: Any) -> None:
    numbers = torch.arange(len(targets))
    synthesise(
        *(watch, targets, starts, ImageStatistics.typical(starts.shape[-1])),
        keys=numbers,
        groups=numbers,
        objective=Objective(),
        picture=Picture(),
        search=Search(**search),
        kept=2,
    )


def _iteration() -> Measurement:
    own = alexnet()
    watch = Watch.of_subject(own, LAYER)
    starts, cut = torch.rand(FACETS, 3, SIDE, SIDE), own.network.module.features[:CUT]
    targets = _targets(LAYER, torch.rand(FACETS, 256), response=True)
    own.network.module.requires_grad_(False)

    def bare() -> None:
        for _ in range(STEPS):
            z = starts.clone().requires_grad_()
            response = cut(own.normalise(z)).mean(dim=(2, 3))
            torch.autograd.grad((targets.direction * response).sum(), z)

    def made(iterations: int) -> None:
        _made(watch, targets, starts, iterations=iterations)

    made(1), bare()
    # Twice as long less once: what is done before the first iteration, and in it alone, is left.
    works = (partial(made, STEPS), partial(made, 2 * STEPS), bare)
    rounds = [tuple(map(seconds, works)) for _ in range(5)]
    taken = float(np.median([long - short for short, long, _ in rounds])) / STEPS
    alone = float(np.median([last for *_, last in rounds])) / STEPS
    return Measurement(
        "featvis_iteration_over_bare_pass",
        taken / alone,
        1.25,
        1.1,
        "ratio",
        f"{FACETS} facets of {LAYER} of AlexNet at {SIDE}x{SIDE}, waves, moved, zoomed and "
        f"turned: {taken * 1e3:.0f} ms an iteration; bare pass {alone * 1e3:.0f} ms",
    )


def _small() -> tuple[Watch, Targets, Tensor]:
    module = CompactNetwork(10).eval().requires_grad_(False)
    watch = Watch.of_module(module, "stage4", side=SMALL)
    targets = _targets("stage4", torch.eye(CHANNELS), response=False)
    return watch, targets, torch.rand(CHANNELS, 3, SMALL, SMALL)


def _whole_layer() -> Measurement:
    watch, targets, starts = _small()
    _made(watch, targets, starts, iterations=2)
    taken = seconds(lambda: _made(watch, targets, starts, iterations=ITERATIONS))
    return Measurement(
        "featvis_pictures_per_minute",
        CHANNELS / taken * 60,
        60,
        240,
        "pictures/min",
        f"all {CHANNELS} channels of the last stage of the demo's network at {SMALL}x{SMALL}, "
        f"{ITERATIONS} iterations each: {taken:.1f} s",
        more_is_better=True,
    )


def _together() -> Measurement:
    watch, targets, starts = _small()
    few, steps = 8, 16

    def published() -> None:
        """One picture at a time, with an optimiser of its own in every iteration."""
        for own in range(few):
            pixels = starts[own : own + 1].clone()
            for _ in range(steps):
                leaf = pixels.clone().requires_grad_()
                optimiser = torch.optim.SGD([leaf], lr=0.5, momentum=0.9, nesterov=True)
                maps, _ = watch(leaf)
                (-targets[own : own + 1].activation(maps.mean(dim=(2, 3)))).sum().backward()
                optimiser.step()
                pixels = leaf.detach().mul(255).round().clamp(0, 255).div(255)

    def ours() -> None:
        _made(watch, targets[:few], starts[:few], iterations=steps)

    one, other = interleaved(ours, published)
    return Measurement(
        "featvis_batch_over_one_at_a_time",
        one / other,
        0.7,
        0.5,
        "ratio",
        f"{few} pictures of {SMALL}x{SMALL}, {steps} iterations in one batch, moved, zoomed and "
        f"turned: {one * 1e3:.0f} ms; bare steps, one picture at a time {other * 1e3:.0f} ms",
    )


def _mask() -> Measurement:
    side = 128  # the published loop takes 16 times as long at 512

    def published() -> np.ndarray:
        """Return the published window: two loops over pixels, a power of machine epsilon."""
        mask = np.zeros((side, side))
        for row in range(side):
            for col in range(side):
                r = ((row - side / 2) ** 2 + (col - side / 2) ** 2) ** 0.5
                mask[row, col] = exp(log(float_info.epsilon) * ((r - 1) / 105) ** 2 / 2)
        return (mask - mask.min()) / (mask.max() - mask.min())

    sigmas = iter(np.linspace(17.5, 14, 1000).tolist())  # another one in every iteration
    one, other = interleaved(lambda: gradient_mask(side, next(sigmas)), published)
    return Measurement(
        "featvis_window_over_loop",
        one / other,
        0.1,
        0.02,
        "ratio",
        f"a window of {side}x{side} in closed form {one * 1e3:.2f} ms, in two loops over pixels "
        f"{other * 1e3:.1f} ms; pictures of {PUBLISHED} have {(PUBLISHED // side) ** 2} times as "
        "many",
    )
