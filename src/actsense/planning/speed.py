"""How fast this machine evaluates a study, before there are images or weights."""

__all__ = ["StandIn", "measured_speed"]

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from actsense.data.digits import digit_blends
from actsense.data.pool import ImagePool
from actsense.data.settings import Digits
from actsense.draws import stream
from actsense.networks.network import Network
from actsense.networks.subject import Subject
from actsense.sampling.designs import Design
from actsense.sampling.evaluator import Evaluator
from actsense.sampling.law import InputLaw
from actsense.sensitivity.accumulator import Accumulator
from actsense.study.study import Study

log = logging.getLogger(__name__)

SECONDS = 2.0  # of work behind one measurement
WARMING = 4  # images that are evaluated first, without looking at the clock
SMALLEST = 32  # images that are timed: fewer would not fill a processor
DIFFERENT_IMAGES = 64  # as pixels; what they show does not change the time
ASSUMED = (100, 25)  # train and validation images of a class where only the folder knows


@dataclass(frozen=True)
class StandIn:
    """Random images in the place of a study's, as many of every class and partition."""

    study: Study

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Images of every partition and class; assumed where only the files would tell."""
        dataset = self.study.settings.dataset
        if isinstance(dataset, Digits):
            blends = digit_blends(dataset, self.study.settings.seed)
            validation = [int(blend.partition == "validation") for blend in blends]
            counts = np.zeros((2, self.study.survey["classes"]), dtype=np.int64)
            np.add.at(counts, (validation, [blend.label for blend in blends]), 1)
            return counts
        wanted = dataset.samples_per_class
        each = (wanted.train, wanted.validation) if wanted else ASSUMED
        return np.repeat(np.array(each)[:, None], self.study.survey["classes"], axis=1)

    @property
    def known(self) -> bool:
        """Whether the numbers of images are the study's."""
        dataset = self.study.settings.dataset
        return isinstance(dataset, Digits) or dataset.samples_per_class is not None

    @cached_property
    def pool(self) -> ImagePool:
        """Rows of images that do not exist."""
        rows = np.split(np.arange(self.counts.sum()), self.counts.ravel().cumsum()[:-1])
        classes = self.counts.shape[1]
        return ImagePool((tuple(rows[:classes]), tuple(rows[classes:])))

    def law(self, design: str) -> InputLaw:
        """Return the input law of a design over these images."""
        described = self.study.settings.designs[design]
        return InputLaw.of_design(described, size=self.image_size, pool=self.pool)

    @property
    def class_names(self) -> list[str]:
        """Numbers in the place of names."""
        return [str(number) for number in range(self.study.survey["classes"])]

    @property
    def image_size(self) -> int:
        """Side of the square images, pixels."""
        return self.study.settings.dataset.image_size

    def read(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Return random pixels, as `ImageCache.read` returns images."""
        return np.asarray(self._pixels[np.asarray(rows) % DIFFERENT_IMAGES])

    @cached_property
    def _pixels(self) -> NDArray[np.uint8]:
        side, generator = self.image_size, stream(0, "pixels of no image")
        return generator.integers(0, 256, (DIFFERENT_IMAGES, 3, side, side), dtype=np.uint8)


def measured_speed(images: StandIn, network: str, design: str, device: torch.device) -> float:
    """Measure the images per second that pass augmentations and network.

    With `activations: stream` the moments are summed up as well. Reading images and writing
    activations are left out.

    Arguments:
        images: Stands in for those of the study.
        network: Name of the network.
        design: Name of the design.
        device: Where to run.
    """
    log.info("Measuring the speed of %s with %s", network, design)
    settings = images.study.settings
    opened = _with_random_weights(images.study.outline(network), device)
    batch = images.study.facts.batch(network)
    subject = Subject(opened, images, images.pool, device, batch, settings.precision)
    tap = subject.tap(settings.networks[network].layers)
    law = images.law(design)
    evaluate = Evaluator(subject, tap, law.augmentations, stretch=settings.designs[design].stretch)
    built = images.study.design(network, design)
    accumulator = None
    if not images.study.stores_activations:
        names = tuple(factor.name for factor in built.factors)
        accumulator = Accumulator(names, built.walks, tap.units, device, parts=built.parts)
    return _rate(built, law, evaluate, accumulator)


def _rate(
    built: Design, law: InputLaw, evaluate: Evaluator, accumulator: Accumulator | None
) -> float:
    device = evaluate.subject.device
    block = built.block(0, 0)
    shape = block.coordinates.shape
    evaluations, place = law.decode(block.coordinates.reshape(-1, shape[-1])).distinct()
    responses: Tensor = evaluate(evaluations[:WARMING])

    # Parts of the block, growing to the whole of it where that takes no longer than wanted.
    images, taken, size = 0, 0.0, SMALLEST
    while taken < SECONDS:
        part = evaluations[slice(size)]
        responses, seconds = _timed(device, partial(evaluate, part))
        if seconds < SECONDS and len(part) < len(evaluations):
            size *= 2
        else:
            images, taken = images + len(part), taken + seconds
    each = taken / images
    if accumulator:
        rows = place.reshape(shape[:2]) % len(responses)  # a part stands for the whole block
        accumulator.add(responses, rows, block)
        _, seconds = _timed(
            evaluate.subject.device, lambda: accumulator.add(responses, rows, block)
        )
        each += seconds / len(evaluations)
    return 1 / each


def _timed(device: torch.device, work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what the work returns, and its seconds."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    result = work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return result, time.perf_counter() - start


def _with_random_weights(network: Network, device: torch.device) -> Network:
    """Give an outline weights that keep numbers finite: no number is special to a processor."""
    if any(parameter.is_meta for parameter in network.module.parameters()):
        network.module.to_empty(device=device)
        for parameter in network.module.parameters():
            nn.init.normal_(parameter, std=0.02)
        for buffer in network.module.buffers():
            buffer.fill_(1 if buffer.is_floating_point() else 0)
    return network
