"""Contrasts with their top images, against bare forward passes of as many images."""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.models import efficientnet_b0

from actsense.sensitivity.contrast_statistics import contrast_statistics
from actsense.sensitivity.differences import Differences, Responses
from actsense.sensitivity.strongest import Strongest
from benchmarks.alexnet import PUBLISHED, SIDE, bare_forward, prepare
from benchmarks.measure import Measurement, seconds

IMAGES, TOP_IMAGES = 96, 6  # of a batch
BATCHES = 10
UNITS, UNITS_SIDE, UNITS_BATCH = 2_460_000, 160, 96  # as many as EfficientNet-Lite0 has
ROUNDS = 3


def measurements() -> Iterator[Measurement]:
    """Measure contrasts of AlexNet, and of as many units as large networks have."""
    with tempfile.TemporaryDirectory() as folder:
        sampling = prepare(Path(folder))
        rows = sampling.law.pool.balanced(IMAGES)
        responses = sampling.evaluate(sampling.law.alone(rows, -1, rows[:, None]))
        batches = [_changed(responses, number) for number in range(BATCHES + 1)]
        parts, tops, forwards = [], [], []
        for _ in range(ROUNDS):
            forwards += [seconds(lambda: bare_forward(sampling, IMAGES)) / IMAGES]
            part, top, each = _work(batches)
            parts, tops = [*parts, part], [*tops, top]
    work, top, forward = map(statistics.median, (parts, tops, forwards))
    passes = len(PUBLISHED) + 1
    described = (
        f"AlexNet at {SIDE}x{SIDE}, {BATCHES * IMAGES} images untouched and under each of "
        f"{passes - 1} augmentations, per pass: bare {forward * 1e3:.2f} ms"
    )
    yield Measurement(
        "contrast_over_forward",
        (work + top) / forward,
        *(0.15, 0.08, "ratio"),
        f"{described}; sums, ranks and statistics {work * 1e3:.2f} ms, top images "
        f"{top * 1e3:.2f} ms",
    )
    yield Measurement(
        "top_images_over_forward",
        top / forward,
        *(0.1, 0.03, "ratio"),
        f"the {TOP_IMAGES} strongest images of every unit, among the above",
    )
    yield Measurement(
        "contrast_bytes",
        each,
        *(1000, 700, "bytes"),
        "kept of a unit's differences under one augmentation, for any number of images above 256",
    )
    yield _made_up()


def _made_up() -> Measurement:
    """Measure many units, with made-up responses in the place of those of a network."""
    responses = torch.relu(torch.randn(UNITS_BATCH, UNITS))
    batches = [responses, *[_changed(responses, number) for number in (1, 2)] * (BATCHES // 2)]
    work, top, _ = _work(batches)
    network = efficientnet_b0().eval()
    images = torch.rand(16, 3, UNITS_SIDE, UNITS_SIDE)
    with torch.inference_mode():
        network(images)
        forward = seconds(lambda: network(images)) / len(images)
    return Measurement(
        "contrast_many_units_over_forward",
        (work + top) / forward,
        *(0.15, 0.08, "ratio"),
        f"{UNITS} made-up units, {BATCHES * UNITS_BATCH} images, against bare EfficientNet-B0 at "
        f"{UNITS_SIDE}x{UNITS_SIDE}, {forward * 1e3:.1f} ms: per unit and pass "
        f"{work / UNITS * 1e9:.2f} ns, top images {top / UNITS * 1e9:.2f} ns",
    )


def _changed(responses: Tensor, number: int) -> Tensor:
    """Return responses to other images, stronger or weaker; those of some units stay."""
    generator = torch.Generator().manual_seed(number)
    scale = 0.5 + torch.rand(len(responses), 1, generator=generator)
    changed = responses.roll(number, dims=0) * scale
    changed[:, ::8] = responses[:, ::8]
    return changed


def _work(batches: Sequence[Tensor]) -> tuple[float, float, float]:
    """Return seconds per pass of differences and of top images, and bytes per unit.

    One augmentation is measured, and counts as often as the published study has some.
    """
    control, *others = batches
    units, images = control.shape[1], len(control) * len(others)
    responses = Responses(units)
    differences = Differences(slice(0, units), images, exact=False)
    strongest = Strongest(TOP_IMAGES, units)
    untouched = own = top = 0.0
    order = np.random.default_rng(0).permutation(images).astype(np.int32)
    for numbers, treated in zip(np.split(order, len(others)), others, strict=True):
        shown = treated[:, None]
        untouched += seconds(partial(responses.add, control))
        own += seconds(partial(differences.add, responses.origin, control, shown))
        top += seconds(partial(strongest.add, shown, numbers))
    own += seconds(lambda: contrast_statistics(responses, [differences]))
    augmentations = len(PUBLISHED)
    passes = images * (augmentations + 1)
    return (
        (untouched + augmentations * own) / passes,
        top / images,
        differences.nbytes / units,
    )
