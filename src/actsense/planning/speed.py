"""How fast this machine evaluates a study, before there are images or weights."""

__all__ = ["StandIn", "device_name", "measured_speed", "measured_speeds"]

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from actsense.data.digits import digit_blends
from actsense.data.folder import plan_folder
from actsense.data.manifest import PARTITIONS
from actsense.data.pool import ImagePool
from actsense.data.settings import Digits, ImageFolder
from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.networks.network import Network
from actsense.networks.subject import Subject
from actsense.networks.taps import Tap
from actsense.sampling.designs import Block, Design
from actsense.sampling.evaluator import Evaluator
from actsense.sampling.law import Evaluations, InputLaw
from actsense.sensitivity.accumulator import Accumulator
from actsense.study.study import Study

log = logging.getLogger(__name__)

SECONDS = 0.5  # of work behind one measurement, at least
WARMING = 1  # images that are evaluated first, without looking at the clock
SMALLEST = 4  # images that are timed, and more where they take no longer than wanted
SUMMED = 2**14  # units whose moments are timed
DIFFERENT_IMAGES = 64  # as pixels; what they show does not change the time
ASSUMED = (100, 25)  # train and validation images of a class where only an archive knows


@dataclass(frozen=True)
class StandIn:
    """Random images in the place of a study's, as many of every class and partition."""

    study: Study

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Images of every partition and class; assumed where nothing tells."""
        dataset = self.study.settings.dataset
        if isinstance(dataset, Digits):
            blends = digit_blends(dataset, self.study.settings.seed)
            validation = [int(blend.partition == "validation") for blend in blends]
            counts = np.zeros((2, self.study.survey["classes"]), dtype=np.int64)
            np.add.at(counts, (validation, [blend.label for blend in blends]), 1)
            return counts
        wanted = dataset.samples_per_class
        if not wanted and self._listed is not None:
            return self._listed
        each = (wanted.train, wanted.validation) if wanted else ASSUMED
        return np.repeat(np.array(each)[:, None], self.study.survey["classes"], axis=1)

    @property
    def known(self) -> bool:
        """Whether the numbers of images are the study's."""
        dataset = self.study.settings.dataset
        known = isinstance(dataset, Digits) or dataset.samples_per_class is not None
        return known or self._listed is not None

    @cached_property
    def _listed(self) -> NDArray[np.int64] | None:
        """The same of a folder, counted file by file; None of anything else, or if it is gone."""
        dataset = self.study.settings.dataset
        if not isinstance(dataset, ImageFolder):
            return None
        try:
            planned = plan_folder(dataset, self.study.settings.seed)
        except ConfigError:  # a finished cache needs it no longer
            return None
        counts = np.zeros((len(PARTITIONS), len(planned.classes)), dtype=np.int64)
        for group in planned.groups:
            counts[PARTITIONS.index(group.partition), group.label] = group.wanted
        return counts

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
    return measured_speeds(images, {network: [design]}, device)[network, design]


def measured_speeds(
    images: StandIn, runs: Mapping[str, Sequence[str]], device: torch.device
) -> dict[tuple[str, str], float]:
    """Measure the same for several networks and designs, every part of the work once.

    One network is in memory at a time.

    Arguments:
        images: Stands in for those of the study.
        runs: The designs of each network; an empty name stands for images as they are.
        device: Where to run.
    """
    known, passing = images.study.facts.networks, {}
    opened: tuple[Subject, Tap] | None = None
    largest_first = sorted(runs, key=lambda network: -known[network].weights)
    for network in largest_first:  # before anything else is in memory
        shown = ", ".join(filter(None, runs[network])) or "images as they are"
        log.info("Measuring the speed of %s with %s", network, shown)
        opened = None  # the one before leaves its room
        opened = _opened(images, network, device)
        passing[network] = _passing(*opened)
    networks = {design: network for network, designs in runs.items() for design in designs}
    augmenting = {
        design: _augmenting(_Block.of(images, network, design), images, design, *opened)
        for design, network in networks.items()
        if opened and design
    }
    speeds = {}
    for network, design in ((n, d) for n, designs in runs.items() for d in designs):
        seconds = passing[network] + augmenting.get(design, 0.0)
        if design and not images.study.stores_activations:
            block = _Block.of(images, network, design)
            seconds += _summing(block, known[network].units, device)
        speeds[network, design] = 1 / seconds
    return speeds


@dataclass(frozen=True)
class _Block:
    """The first block of a design, with its different evaluations and where each occurs."""

    built: Design
    block: Block
    evaluations: Evaluations
    place: NDArray[np.int64]

    @classmethod
    def of(cls, images: StandIn, network: str, design: str) -> "_Block":
        built = images.study.design(network, design)
        block = built.block(0, 0)
        shape = block.coordinates.shape
        decoded = images.law(design).decode(block.coordinates.reshape(-1, shape[-1]))
        evaluations, place = decoded.distinct()
        return cls(built, block, evaluations, place.reshape(shape[:2]))


def _opened(images: StandIn, network: str, device: torch.device) -> tuple[Subject, Tap]:
    settings = images.study.settings
    opened = _with_random_weights(images.study.outline(network), device)
    batch = images.study.facts.batch(network)
    subject = Subject(opened, images, images.pool, device, batch, settings.precision)
    return subject, subject.tap(settings.networks[network].layers)


def _passing(subject: Subject, tap: Tap) -> float:
    """Return the seconds that an image takes through the network."""
    size = subject.side

    def work(count: int) -> None:
        shown = torch.rand(count, 3, size, size, device=subject.device)
        tap.record(shown, torch.empty(count, tap.units, device=subject.device))

    return _each(subject.device, work, subject.batch_size)


def _augmenting(block: _Block, images: StandIn, design: str, subject: Subject, tap: Tap) -> float:
    """Return the seconds that an image takes to be augmented; the network plays no part."""
    law, stretch = images.law(design), images.study.settings.designs[design].stretch
    evaluate = Evaluator(subject, tap, law.augmentations, stretch, law.catalog)
    most = min(len(block.evaluations), subject.batch_size)
    return _each(
        subject.device, lambda count: evaluate.inputs(block.evaluations[slice(count)]), most
    )


def _summing(block: _Block, units: int, device: torch.device) -> float:
    """Return the seconds that the moments of an image take: of some units, as others take."""
    few = min(units, SUMMED)
    names = tuple(factor.name for factor in block.built.factors)
    accumulator = Accumulator(names, block.built.walks, few, device, parts=block.built.parts)
    responses = torch.rand(len(block.evaluations), few, device=device)
    add = partial(accumulator.add, responses, block.place, block.block)
    add()  # what is compiled is compiled
    return _timed(device, add)[1] / len(responses) * units / few


def _each(device: torch.device, work: Callable[[int], Any], most: int) -> float:
    """Return the seconds that work takes per image, in batches that grow until it lasts."""
    work(WARMING)
    count = min(SMALLEST, most)
    while (seconds := _timed(device, partial(work, count))[1]) < SECONDS and count < most:
        count = min(2 * count, most)
    done = count
    while seconds < SECONDS:
        seconds += _timed(device, partial(work, count))[1]
        done += count
    return seconds / done


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
    """Give an outline weights that keep numbers finite: no number is special to a processor.

    All of them are views of as many numbers as the largest has: who only looks at the clock need
    not hold more.
    """
    parameters = [own for own in network.module.parameters() if own.is_meta]
    if not parameters:
        return network
    numbers = torch.empty(max(own.numel() for own in parameters), device=device).normal_(std=0.02)
    for module in network.module.modules():
        for name, own in module.named_parameters(recurse=False):
            shared = numbers[: own.numel()].view(own.shape)
            setattr(module, name, nn.Parameter(shared.to(own.dtype), requires_grad=False))
        for name, buffer in module.named_buffers(recurse=False):
            value = torch.ones if buffer.is_floating_point() else torch.zeros
            setattr(module, name, value(buffer.shape, dtype=buffer.dtype, device=device))
    return network


def device_name(device: torch.device) -> str:
    """Say where something is measured."""
    cuda = device.type == "cuda"
    what = torch.cuda.get_device_name(device) if cuda else f"{torch.get_num_threads()} threads"
    return f"{device} ({what})"
