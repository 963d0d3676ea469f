"""A subject made by hand, with its images in memory: what spatial tests need, without files."""

import numpy as np
import torch
from numpy.typing import NDArray
from opened import Images, opened
from torch import nn

from actsense.data.pool import ImagePool
from actsense.networks.network import Network
from actsense.networks.subject import Subject

SIDE, CLASSES = 16, 4


def noise(count: int = 48, *, side: int = SIDE, seed: int = 0) -> NDArray[np.uint8]:
    """Return images of blocks of 4 x 4 pixels of random color with some noise on top."""
    generator = np.random.default_rng(seed)
    blocks = generator.integers(40, 216, size=(count, 3, -(-side // 4), -(-side // 4)))
    smooth = blocks.repeat(4, axis=2).repeat(4, axis=3)[..., :side, :side]
    return (smooth + generator.integers(-40, 40, size=smooth.shape)).astype(np.uint8)


def convolutions(outputs: int = CLASSES, *, side: int = SIDE, seed: int = 0) -> nn.Module:
    """Return two convolutions and a linear layer: predictions differ and depend on the layout."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.Sequential(
            *(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(6, 8, 3, padding=1, stride=2), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(8 * (-(-side // 2)) ** 2, outputs)),
        )
    module[-1].weight.data *= 10  # decided, not all alike
    return module


def subject(
    module: nn.Module | None = None,
    pixels: NDArray[np.uint8] | None = None,
    labels: NDArray[np.int64] | None = None,
    *,
    batch_size: int = 32,
    normalised: bool = True,
    name: str = "net",
    outputs: tuple[str, ...] | str = "auto",
) -> Subject:
    """Return a subject on the CPU; all its images belong to validation.

    Arguments:
        module: From normalised images to logits; `convolutions()` unless given.
        pixels: Images, (images, 3, height, width); `noise()` unless given.
        labels: Their classes, (images,), each there at least once; in turn unless given.
        batch_size: Images per forward pass.
        normalised: Whether the module expects images around 0; otherwise those in [0, 1].
        name: Name of the network.
        outputs: What its outputs are called; classes are `class 0`, `class 1` and so on.
    """
    module = convolutions() if module is None else module
    pixels = noise() if pixels is None else pixels
    labels = np.arange(len(pixels)) % CLASSES if labels is None else labels
    mean, std = (0.5, 0.25) if normalised else (0.0, 1.0)
    network = Network(
        *(name, module.eval().requires_grad_(False), (mean,) * 3, (std,) * 3, None, None),
        outputs,
    )
    classes = int(labels.max()) + 1
    groups = tuple(np.flatnonzero(labels == k) for k in range(classes))
    names = [f"class {k}" for k in range(classes)]
    pool = ImagePool((groups, groups))
    return opened(network, Images(pixels, *names), pool, batch_size=batch_size)
