"""How real samples look, in the features of a fixed network, beside real images themselves."""

__all__ = ["QUALITY", "quality_rows"]

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsense.invariance.kept.quality import BLOCKS, Measure, Quality, image_quality
from actsense.invariance.tables.paired import Row

KINDS = ("samples", "real halves")
MEASURES = ("frechet", "kernel", "precision", "coverage")
QUALITY = (
    *("network", "state", "layer", "kind", "measure", "value", "low", "high"),
    *("images", "features", "judge", "judge_layer", "limited"),
)
LEAST = 2 * BLOCKS  # images on either side

log = logging.getLogger(__name__)


def quality_rows(
    real: NDArray[np.floating], generated: NDArray[np.floating], *, where: str, seed: int
) -> Iterator[Row]:
    """Yield how real samples look, and how real one half of real images looks beside the other.

    Where there are too few images nothing is yielded, which is logged.

    Arguments:
        real: The judge's features of real images, (images, features).
        generated: Those of samples, (samples, features).
        where: Whose samples, for the log.
        seed: Seed of the study.
    """
    count = min(len(real) // 2, len(generated))
    if count < LEAST:
        log.warning(
            "invariance: how real samples of %s look is not told, for there are %d images on "
            "either side; %d are needed. Take more anchors, samples or validation images",
            *(where, count, LEAST),
        )
        return
    for kind, quality in zip(KINDS, image_quality(real, generated, seed=seed), strict=True):
        named = {"kind": kind, "images": quality.images, "features": quality.numbers}
        for row in _measures(quality):
            yield named | row


def _measures(quality: Quality) -> Iterator[dict[str, Any]]:
    for name in MEASURES:
        measure: Measure = getattr(quality, name)
        found = {"value": measure.value, "low": measure.low, "high": measure.high}
        yield {"measure": name, **found}
    yield {"measure": "frechet_plain", "value": quality.frechet_plain}
