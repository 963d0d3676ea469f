"""Images of the linear world as its demos take them: with a network to look at them."""

import numpy as np
import torch
from linear_world import LinearWorld, linear_world
from torch import Tensor

from actsense.invariance.demos.view import View


def demo_view(seed: int = 0, batch_size: int = 7) -> tuple[LinearWorld, View]:
    """Return a world, and its layer with the flow that knows it."""
    world = linear_world(seed)
    return world, View(world.subject(batch_size), "said", world, world)


def demo_images(world: LinearWorld, count: int, seed: int = 0) -> Tensor:
    """Draw images, (count, 3, side, side)."""
    return world.decode(torch.from_numpy(world.latents(count, seed)))


def left(world: LinearWorld, images: Tensor, other: Tensor) -> np.ndarray:
    """Return the latents of one image with what is said of another, by the closed form."""
    own, others = (world.encode(x)[0].double().numpy() for x in (images, other))
    return own + (others - own) @ world.shown.T @ world.gain.T
