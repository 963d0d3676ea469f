"""Contrasts with their top images, against bare forward passes of as many images."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from actsense.sensitivity.contrast import estimate_contrast
from actsense.sensitivity.top_images import Strongest
from benchmarks.alexnet import SIDE, bare_forward, prepare
from benchmarks.gpu import contrast_passes
from benchmarks.measure import Measurement, interleaved

CONTRAST = {"images": 24, "draws": 1}
IMAGES, TOP_IMAGES = 96, 6
ROUNDS = 3


def measurements() -> Iterator[Measurement]:
    """Measure AlexNet's contrasts, with what keeps top images and without."""
    with tempfile.TemporaryDirectory() as folder:
        sampling = prepare(Path(folder))
        passes = contrast_passes(CONTRAST, sampling.law.augmentations)
        described = f"{passes} passes of AlexNet at {SIDE}x{SIDE}"

        def plain() -> None:
            estimate_contrast(sampling, **CONTRAST)

        def bare() -> None:
            bare_forward(sampling, passes)

        whole, forward = interleaved(plain, bare, rounds=ROUNDS)
        yield Measurement(
            "contrast_over_forward",
            whole / forward,
            *(1.75, 1.3, "ratio"),
            f"{described}: {whole / passes * 1e3:.2f} ms each, statistics of all units among "
            f"them, without top images; bare {forward / passes * 1e3:.2f} ms",
        )

        # Their work alone: as a difference of two runs it would drown in the noise. The first
        # batch moves most.
        rows = sampling.law.pool.balanced(IMAGES)
        responses = sampling.evaluate(sampling.law.alone(rows, -1, rows[:, None]))[:, None]
        numbers = np.arange(len(rows), dtype=np.int32)

        def compare() -> None:
            Strongest(TOP_IMAGES, responses.shape[2]).add(responses, numbers)

        own, forward = interleaved(compare, lambda: bare_forward(sampling, len(rows)), rounds=5)
        yield Measurement(
            "top_images_over_forward",
            own / forward,
            *(0.1, 0.05, "ratio"),
            f"the {TOP_IMAGES} strongest of {len(rows)} images for every unit: "
            f"{own / len(rows) * 1e3:.3f} ms per image; bare {forward / len(rows) * 1e3:.2f} ms",
        )
