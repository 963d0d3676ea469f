"""The spatial study against bare forward passes of as many images."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from actsense.data.pool import ImagePool
from actsense.networks.network import Network, build_module, normalisation
from actsense.networks.settings import Torchvision
from actsense.networks.subject import Subject
from actsense.spatial.cells.evaluate import evaluate_cells
from actsense.spatial.cells.plan import count_passes as count_cell_passes
from actsense.spatial.cells.settings import Cells
from actsense.spatial.interaction.evaluate import evaluate_interaction
from actsense.spatial.interaction.plan import count_passes as count_interaction_passes
from actsense.spatial.interaction.settings import Interaction
from actsense.spatial.transforms.evaluate import evaluate_transforms
from actsense.spatial.transforms.settings import Transforms
from benchmarks.measure import Measurement, interleaved

SIDE, CLASSES, BATCH = 224, 10, 32
SETTINGS = Torchvision(model="alexnet", weights="none")
TRANSFORMS = Transforms(images=16, divisions=(1, 2, 5), repeats=1, saturations=(2, 16))
CELLS = Cells(
    images=3,
    size=56,
    methods=("occlusion", "gradient"),
    fills=("mean", "blur"),
    random_orders=1,
    greedy_images=0,
)
INTERACTION = Interaction(images=8, sizes=(32, 56))


class RandomImages:
    """Images without a file."""

    class_names = tuple(map(str, range(CLASSES)))
    image_size = SIDE

    def __init__(self, count: int) -> None:
        self._pixels = np.random.default_rng(0).integers(
            0, 256, size=(count, 3, SIDE, SIDE), dtype=np.uint8
        )

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return some of them."""
        return self._pixels[rows]


def measurements() -> Iterator[Measurement]:
    """Measure AlexNet with random weights; a gradient counts as three passes."""
    own = alexnet()
    shuffles = 1 + len(TRANSFORMS.modes) * 2 + 1  # intact; two divisions; one saturation
    studies: dict[str, tuple[Callable[[], Any], int]] = {
        "transforms": (
            lambda: evaluate_transforms(own, TRANSFORMS, seed=0),
            TRANSFORMS.images * shuffles,
        ),
        "cells": (
            lambda: evaluate_cells(own, {}, CELLS, seed=0),
            count_cell_passes(CELLS, SIDE, 1),
        ),
        "interaction": (
            lambda: evaluate_interaction(own, INTERACTION, seed=0),
            INTERACTION.images * count_interaction_passes(SIDE, INTERACTION.sizes),
        ),
    }
    batch = torch.rand(BATCH, 3, SIDE, SIDE)
    for name, (work, passes) in studies.items():

        def bare(passes: int = passes) -> None:
            with torch.inference_mode():
                for _ in range(passes // BATCH):
                    own.network.module(batch)

        taken, forward = interleaved(work, bare, rounds=3)
        forward *= passes / (passes // BATCH * BATCH)
        yield Measurement(
            f"spatial_{name}_over_forward",
            taken / forward,
            1.5,
            1.2,
            "ratio",
            f"{passes} passes of AlexNet at {SIDE}x{SIDE}, batches of {BATCH}: "
            f"{taken / passes * 1e3:.2f} ms each; bare {forward / passes * 1e3:.2f} ms",
        )


def alexnet(images: int = 4 * CLASSES) -> Subject:
    """Return a network with random weights and random images."""
    module = build_module("alexnet", SETTINGS, classes=CLASSES).eval().requires_grad_(False)
    network = Network("alexnet", module, *normalisation("alexnet", SETTINGS), SIDE, None)
    rows = np.arange(images)
    pool = ImagePool.shuffled(rows // CLASSES % 2, rows % CLASSES, seed=0)
    return Subject(network, RandomImages(len(rows)), pool, torch.device("cpu"), BATCH)
