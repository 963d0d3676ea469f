"""A sampling whose units answer images in closed form, in the place of a network."""

from math import inf
from types import SimpleNamespace
from typing import cast

import numpy as np
import torch

from actsense.data.pool import ImagePool
from actsense.layers import place_layers
from actsense.sampling.law import Evaluations, InputLaw
from actsense.sampling.opening import Sampling

AUGMENTATIONS = ("brightness", "hflip", "rolling")
DRIVING = (7, 3)  # rows of the only images that the third unit answers
UNITS = 5


class Closed:
    """Responses in closed form, in the place of a network; remembers what it was asked.

    The first unit answers the image, the second the parameters too, the third two images only,
    the fourth nothing, the fifth all images alike but for the parameters.
    """

    stretch, recording = False, SimpleNamespace(units=UNITS)

    def __init__(self) -> None:
        self.asked: dict[tuple[int, int], list[np.ndarray]] = {}
        self.values: dict[tuple[int, int], list[np.ndarray]] = {}

    def __call__(self, evaluations: Evaluations, units: slice) -> torch.Tensor:
        """Answer every evaluation, (rows, units)."""
        row, drawn = evaluations.image, evaluations.values.sum(axis=1)
        columns = (
            np.cos(row * 12.9898),
            np.sin(row * 78.233 + 40 * drawn),
            np.isin(row, DRIVING) * (1 + row),
            np.full(len(row), 2.5),
            drawn,
        )
        answers = np.stack(columns, axis=1).astype(np.float32)
        for image, first, answer, values in zip(
            row, evaluations.sequence[:, 0], answers, evaluations.values, strict=True
        ):
            self.asked.setdefault((int(first), int(image)), []).append(answer)
            self.values.setdefault((int(first), int(image)), []).append(values)
        return torch.from_numpy(answers[:, units])


def build(batch_size: int = 21, room: float = inf, *, partition: int | None = None) -> Sampling:
    """Make one of 80 images in four classes and two partitions, or of one partition alone."""
    rows = np.arange(80)
    pool = ImagePool.shuffled(rows % 2, rows // 2 % 4, seed=0)
    if partition is not None:
        pool = ImagePool((pool.rows[partition],))
    law = InputLaw(AUGMENTATIONS, "switched", (32, 32), pool)
    sampling = SimpleNamespace(
        design=SimpleNamespace(seed=3, name="small"),
        law=law,
        subject=SimpleNamespace(
            network=SimpleNamespace(name="net"),
            device=torch.device("cpu"),
            batch_size=batch_size,
        ),
        evaluate=Closed(),
        layers=place_layers([("body", (2, 1, 1)), ("head", (3,))]),
        room=room,
    )
    return cast("Sampling", sampling)
