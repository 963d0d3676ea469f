"""A study that needs no file: random images, a small network, two augmentations."""

import numpy as np
import torch
from opened import Images, opened
from torch import nn

from actsense.data.pool import ImagePool
from actsense.networks.network import Network
from actsense.sampling.designs import Design
from actsense.sampling.evaluator import Evaluator
from actsense.sampling.law import InputLaw
from actsense.sampling.opening import Sampling

SIDE, CLASSES = 16, 4
AUGMENTATIONS = ("brightness", "rolling")


def images(count: int) -> Images:
    """Return images of blocks of 4 x 4 pixels of random color."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, size=(count, 3, 4, 4), dtype=np.uint8)
    return Images(coarse.repeat(SIDE // 4, axis=2).repeat(SIDE // 4, axis=3))


def convolutional() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(294, 5)
        )


def build(
    module: nn.Module | None = None, *, batch_size: int = 64, precision: str = "float32"
) -> Sampling:
    """Open the study around a module."""
    module = module or convolutional()
    network = Network("net", module.eval(), (0.5,) * 3, (0.25,) * 3, None, None)
    layers = [n for n, m in module.named_modules() if isinstance(m, nn.MaxPool2d)]
    rows = np.arange(10 * CLASSES)
    pool = ImagePool.shuffled(rows // CLASSES % 2, rows % CLASSES, seed=0)
    subject = opened(network, images(len(rows)), pool, batch_size=batch_size, precision=precision)
    law = InputLaw(AUGMENTATIONS, "switched", (SIDE, SIDE), pool)
    design = Design("small", law.factors, base_points=64, replicates=4)
    tap = subject.tap([*layers, "probabilities"])
    return Sampling(design, law, Evaluator(subject, tap, AUGMENTATIONS))
