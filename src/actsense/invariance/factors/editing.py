"""Images with another concept: swaps, straight ways and random walks, as latents to decode.

A straight line between the parts of two latents is no line between the latents: it stays among
those that images have, where the flow has learned them.
"""

__all__ = ["blend_factor", "swap_factor", "swap_matrix", "walk_factor"]

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.draws.counter import counter_keys, counter_normal
from actsense.errors import ConfigError
from actsense.invariance.factors.factors import Factors


def swap_factor(factors: Factors, latents: Tensor, others: Tensor, name: str) -> Tensor:
    """Return latents with a part of other ones.

    Arguments:
        factors: What splits them.
        latents: Whose other parts are kept, (n, latent).
        others: Whose part they get, (n, latent).
        name: The part.

    Raises:
        ConfigError: If there is no such part.
    """
    return factors.replaced(latents, name, factors.encode(others)[:, factors.place(name)])


def swap_matrix(factors: Factors, rows: Tensor, columns: Tensor, name: str) -> Tensor:
    """Return every row's latent with every column's part, (rows, columns, latent).

    Arguments:
        factors: What splits them.
        rows: Latents whose other parts are kept, (rows, latent).
        columns: Latents whose part is given, (columns, latent).
        name: The part.

    Raises:
        ConfigError: If there is no such part.
    """
    kept = rows.repeat_interleave(len(columns), dim=0)
    given = columns.repeat(len(rows), 1)
    return swap_factor(factors, kept, given, name).view(len(rows), len(columns), -1)


def blend_factor(
    factors: Factors, latents: Tensor, others: Tensor, name: str | None, count: int
) -> Tensor:
    """Go from a part of latents straight to that of other ones.

    Arguments:
        factors: What splits them.
        latents: Where it begins, (n, latent).
        others: Where the part ends, (n, latent).
        name: The part; None for all of them.
        count: Latents on the way, evenly spaced, both ends among them: two at least.

    Returns:
        (n, count, latent).

    Raises:
        ConfigError: If there is no such part, or the way has fewer than two ends.
    """
    if count < 2:
        raise ConfigError(f"A way from one image to another has 2 images at least; got {count}.")
    place = slice(None) if name is None else factors.place(name)
    start, end = factors.encode(latents), factors.encode(others)
    share = torch.linspace(0, 1, count, device=start.device, dtype=start.dtype).view(-1, 1)
    e = start[:, None].repeat(1, count, 1)
    e[..., place] = torch.lerp(start[:, None, place], end[:, None, place], share)
    return factors.restore(e.flatten(0, 1)).view(e.shape)


def walk_factor(
    factors: Factors,
    latents: Tensor,
    rows: NDArray[np.int64],
    name: str,
    *,
    steps: int,
    length: float,
    seed: int,
) -> Tensor:
    """Let a part wander among the values that it has for other images.

    A step keeps the part standard normal: e' = sqrt(1 - length^2) e + length n.

    Arguments:
        factors: What splits them.
        latents: Where the walks begin, (n, latent).
        rows: Rows of these images in the dataset, (n,): walks follow from row and seed alone.
        name: The part.
        steps: Steps of a walk.
        length: Of a step, in standard deviations of the part, above 0 up to 1.
        seed: Seed of the walks.

    Returns:
        (n, 1 + steps, latent), beginning with the latents themselves.

    Raises:
        ConfigError: If there is no such part, or steps are too long or of no length.
    """
    if not 0 < length <= 1:
        raise ConfigError(f"A step is above 0 and up to 1 standard deviation long; got {length}.")
    place, e = factors.place(name), factors.encode(latents)
    keys = counter_keys(seed, ["random walk of a factor", name, torch.from_numpy(rows)])
    noise = counter_normal(keys, steps * factors.sizes[name]).to(e).view(len(e), steps, -1)
    walked = [e]
    for step in range(steps):
        e = e.clone()
        e[:, place] = (1 - length**2) ** 0.5 * e[:, place] + length * noise[:, step]
        walked.append(e)
    ways = torch.stack(walked, dim=1)
    return factors.restore(ways.flatten(0, 1)).view(ways.shape)
