r"""Which augmentations the invariances of a layer move along.

An augmentation moves the latent of an image by E(augmented) - E(image). Of several draws of its
parameters, the directions in which these moves are longest span its room at this image. With C the
covariance of samples around their anchor, and Q orthonormal rows that span the rooms of a set of
augmentations, regression of the samples' differences on them explains

    share(set) = tr(Q C Q^T) / tr C

and an augmentation has a share alone, one that is lost when it alone is left out, and the mean of
what it adds over orders of all augmentations: Shapley's, which add up to the share of all.

The same shares of differences between samples of different anchors tell what to expect: a latent
that a layer says nothing of is as free along an augmentation as images differ along it.

    free = tr(Q C Q^T) / tr(Q T Q^T)

with T half the mean square difference to samples of other anchors, is 0 where the layer fixes what
the augmentation changes, and 1 where it does not feel it.
"""

__all__ = [
    "Directions",
    "Moved",
    "Shares",
    "augmentation_directions",
    "moved_along",
    "rank_agreement",
]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import factorial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.augment import AUGMENTATIONS, augment
from actsense.device.memory import Memory
from actsense.draws import stream
from actsense.draws.counter import counter_keys, counter_noise
from actsense.errors import ConfigError, choose
from actsense.invariance.kept.estimates import Estimate, Floats
from actsense.invariance.latents import Encoder

ORDERS = 32  # of augmentations, each with its reverse, where they are not all gone through
STILL = 1e-2  # of the spread of latents: shorter moves are taken for none
DEPENDENT = 1e-3  # of a direction's length: what is left of it after those before it is rounding
UNIT = 2.0**-64  # of a number of int64, which becomes one from -1/2 to 1/2


@dataclass(frozen=True)
class Directions:
    """Where augmentations move the latents of images.

    Attributes:
        names: The augmentations.
        rooms: Orthonormal rows, (images, augmentations, rank, latent) float64; zeros where an
            augmentation has fewer, or does not move an image at all.
        length: Root mean square of the moves, (images, augmentations), in units of latents.
    """

    names: tuple[str, ...]
    rooms: Tensor
    length: Floats


def augmentation_directions(
    encoder: Encoder,
    images: Tensor,
    names: Sequence[str],
    *,
    rank: int = 2,
    draws: int = 16,
    seed: int,
    rows: NDArray[np.int64],
    memory: Memory,
    device: torch.device,
) -> Directions:
    """Find where augmentations move the latents of images.

    Arguments:
        encoder: The encoder, on the device, ready to be evaluated.
        images: In [0, 1], (images, 3, side, side) float32, on any device.
        names: Augmentations, see `AUGMENTATIONS`.
        rank: Directions of every augmentation; those without parameters have one.
        draws: Draws of the parameters of every augmentation, for every image.
        seed: Seed of the parameters.
        rows: Rows of the images in the dataset, (images,): parameters go with them.
        memory: How many images fit at a time, such as `Subject.memory`.
        device: Where the encoder runs.

    Raises:
        ConfigError: If an augmentation is unknown or named twice, there are none or no images, or
            rank or draws are not positive.
    """
    for name in names:
        choose("augmentations", name, AUGMENTATIONS)
    if not names or len(set(names)) < len(names) or not len(images) or min(rank, draws) < 1:
        raise ConfigError(
            "Directions need images, augmentations that differ, and 1 draw of 1 rank or more; got "
            f"{len(images)} images, {', '.join(names) or 'no augmentation'}, {draws} and {rank}."
        )
    start = _means(encoder, images, memory, device)
    still = STILL * float((start - start.mean(dim=0)).square().sum(dim=1).mean().sqrt())
    found = []
    for name in names:
        values = _parameters(name, draws, images.shape[2:], seed=seed, rows=rows)
        each = values.shape[1]
        moves = torch.zeros(len(images), each, encoder.latent, dtype=torch.float64)
        for number in range(each):
            sequence = torch.zeros(len(images), 1, dtype=torch.int64)
            changed = augment(images, sequence, values[:, number], [name])
            moves[:, number] = _means(encoder, changed, memory, device) - start
        found.append((moves, _room(moves, rank, still)))
    length = torch.stack([x.square().sum(dim=2).mean(dim=1).sqrt() for x, _ in found], dim=1)
    return Directions(
        tuple(names), torch.stack([room for _, room in found], dim=1), length.numpy()
    )


@dataclass(frozen=True)
class Shares:
    """Shares of variance that lies along augmentations; of several, in the order of their names.

    NaN for augmentations that move no image.

    Attributes:
        alone: Along one augmentation.
        last: What is lost from the share of all if one is left out.
        shapley: What one adds, over orders of all.
        together: Along any of them.
    """

    alone: tuple[Estimate, ...]
    last: tuple[Estimate, ...]
    shapley: tuple[Estimate, ...]
    together: Estimate


@dataclass(frozen=True)
class Moved:
    """What the invariances of a layer move along.

    Attributes:
        names: The augmentations.
        invariances: Shares of how samples differ from others of their anchor.
        images: Shares of how they differ from those of other anchors: what to expect.
        free: Of every augmentation, the variance along it that the layer leaves: 0 where the layer
            fixes it, 1 where it does not feel it.
    """

    names: tuple[str, ...]
    invariances: Shares
    images: Shares
    free: tuple[Estimate, ...]


def moved_along(samples: Tensor, directions: Directions, draws: Floats, *, seed: int) -> Moved:
    """Regress differences of samples on the directions of augmentations.

    Shares are ratios of sums over anchors. What other anchors are like is taken as given: anchors
    are resampled one by one.

    Arguments:
        samples: Latents that the layer allows, (anchors, samples, latent).
        directions: Where augmentations move the anchors.
        draws: From `anchor_draws`, (1 + draws, anchors).
        seed: Seed of the orders of augmentations.

    Raises:
        ConfigError: If there are fewer than two anchors or samples of each.
        ValueError: If directions or draws are of other anchors or latents.
    """
    anchors, each = samples.shape[:2]
    if anchors < 2 or each < 2:
        raise ConfigError(
            "What samples move along needs 2 anchors and 2 samples of each, or more; got "
            f"{anchors} and {each}."
        )
    rooms = directions.rooms
    if (len(rooms), rooms.shape[3], draws.shape[1]) != (anchors, samples.shape[2], anchors):
        raise ValueError(
            f"Samples {tuple(samples.shape)} need directions and draws of the same anchors; got "
            f"{tuple(rooms.shape)} and {draws.shape}."
        )
    numbers = samples.double() - samples.double().mean(dim=(0, 1))
    spreads = (_around_own(numbers), _around_others(numbers))
    alone = [_along(rooms, spread) for spread in spreads]
    ordered = [_orders(rooms, spread, seed) for spread in spreads]
    moves = (rooms != 0).any(dim=(2, 3)).double().numpy()
    total = [spread.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None].numpy() for spread in spreads]

    def shares(k: int) -> Shares:
        last, shapley, together = ordered[k]
        single, left, mean = (
            _ratios(part * moves, total[k] * moves, draws) for part in (alone[k], last, shapley)
        )
        return Shares(single, left, mean, _ratios(together[:, None], total[k], draws)[0])

    free = _ratios(alone[0] * moves, alone[1] * moves, draws)
    return Moved(directions.names, shares(0), shares(1), free)


def rank_agreement(estimates: Sequence[Estimate], effects: NDArray[np.floating]) -> Estimate:
    """Return the rank correlation of estimates with effects of the same augmentations.

    Arguments:
        estimates: Of every augmentation, such as `Moved.free`.
        effects: Sensitivities to them, (augmentations,), or with their own resamples,
            (1 + draws, augmentations).

    Returns:
        Spearman's, and what it would have been with other anchors. NaN with fewer than three
        augmentations that have both, or where one side is constant.
    """
    from scipy.stats import rankdata

    own = np.stack([one.samples for one in estimates], axis=1)
    other = np.broadcast_to(effects, own.shape)
    both = np.isfinite(own).all(axis=0) & np.isfinite(other).all(axis=0)
    if both.sum() < 3:
        return Estimate(np.full(len(own), np.nan))
    a, b = (rankdata(x[:, both], axis=1) for x in (own, other))
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (a, b))
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return Estimate((a * b).sum(axis=1) / np.where(size == 0, np.nan, size))


def _parameters(
    name: str, draws: int, size: Sequence[int], *, seed: int, rows: NDArray[np.int64]
) -> Tensor:
    """Draw parameters of an augmentation, (images, draws, parameters) float32."""
    parameters = AUGMENTATIONS[name].parameters(size[0], size[1])
    if not parameters:
        return torch.zeros(len(rows), 1, 0)
    keys = counter_keys(seed, ["directions of an augmentation", name, torch.from_numpy(rows)])
    noise = counter_noise(keys, draws * len(parameters)).view(len(rows), draws, -1)
    uniform = (0.5 + UNIT * noise.double()).clamp(max=np.nextafter(1, 0)).numpy()
    values = [one.at(uniform[..., k]) for k, one in enumerate(parameters)]
    return torch.from_numpy(np.stack(values, axis=2)).float()


def _means(encoder: Encoder, images: Tensor, memory: Memory, device: torch.device) -> Tensor:
    """Return the means of posteriors, (images, latent) float64, on the CPU."""
    found: list[Tensor] = []

    def encode(part: slice) -> None:
        with torch.inference_mode():
            found.append(encoder.encode(images[part].to(device))[0].double().cpu())

    memory.run(len(images), encode)
    return torch.cat(found)


def _room(moves: Tensor, rank: int, still: float) -> Tensor:
    """Return the directions of the longest moves, (images, rank, latent); zeros for lacking."""
    _, size, rows = torch.linalg.svd(moves, full_matrices=False)
    size, rows = size[:, :rank], rows[:, :rank]
    rows = rows * (size / moves.shape[1] ** 0.5 > still)[..., None]
    return torch.nn.functional.pad(rows, (0, 0, 0, rank - rows.shape[1]))


def _around_own(samples: Tensor) -> Tensor:
    """Return covariances of the samples of every anchor, (anchors, latent, latent)."""
    away = samples - samples.mean(dim=1, keepdim=True)
    return away.mT @ away / (samples.shape[1] - 1)


def _around_others(samples: Tensor) -> Tensor:
    """Return half the mean square differences to samples of other anchors, of the same shape."""
    count, each = samples.shape[:2]
    squares, mean = samples.mT @ samples / each, samples.mean(dim=1)
    others = (mean.sum(dim=0) - mean) / (count - 1)
    crossed = mean[:, :, None] * others[:, None]
    return (squares + (squares.sum(dim=0) - squares) / (count - 1) - crossed - crossed.mT) / 2


def _along(rows: Tensor, spread: Tensor) -> Floats:
    """Return the variance along each augmentation, (anchors, augmentations)."""
    turned = rows.flatten(1, 2) @ spread
    found: Floats = (turned.view_as(rows) * rows).sum(dim=(2, 3)).numpy()
    return found


def _orders(rooms: Tensor, spread: Tensor, seed: int) -> tuple[Floats, Floats, Floats]:
    """Return what augmentations add when they are last, and on average, and all of them have."""
    count = rooms.shape[1]
    last = np.empty(rooms.shape[:2])
    for k in range(count):
        order = [*(j for j in range(count) if j != k), k]
        last[:, k] = _along(_orthogonal(rooms[:, order]), spread)[:, -1]
    added, times = np.zeros(rooms.shape[:2]), 0
    for order in _chosen(count, seed):
        added[:, order] += _along(_orthogonal(rooms[:, order]), spread)
        times += 1
    return last, added / times, added.sum(axis=1) / times


def _chosen(count: int, seed: int) -> Iterator[list[int]]:
    """Yield all orders if they are few, else some, each with its reverse."""
    if factorial(count) <= ORDERS:
        yield from map(list, permutations(range(count)))
        return
    generator = stream(seed, "orders of augmentations")
    for _ in range(ORDERS // 2):
        order = generator.permutation(count).tolist()
        yield order
        yield order[::-1]


def _orthogonal(rooms: Tensor) -> Tensor:
    """Make directions orthonormal, one after the other; dependent ones become zero."""
    rows = rooms.flatten(1, 2).clone()
    for k in range(rows.shape[1]):
        row, before = rows[:, k], rows[:, :k]
        for _ in range(2):  # once is not enough for directions that nearly depend on others
            row = row - ((before @ row[..., None]).mT @ before).squeeze(1)
        length = torch.linalg.vector_norm(row, dim=1, keepdim=True)
        rows[:, k] = row / length.where(length > DEPENDENT, torch.inf)
    return rows.view_as(rooms)


def _ratios(above: Floats, below: Floats, draws: Floats) -> tuple[Estimate, ...]:
    """Return ratios of sums over anchors, one for every column."""
    over, under = draws @ above, draws @ below
    return tuple(map(Estimate, (over / np.where(under == 0, np.nan, under)).T))
