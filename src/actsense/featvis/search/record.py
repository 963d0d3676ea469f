"""What is kept of a search on its way: pictures, curves, and where gradients were large."""

__all__ = ["Made", "Record", "kept_iterations"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

POINTS = 200  # of a curve, at most
CURVES = ("total", "activation", "cosine", "distance", "penalty", "variation")


@dataclass(frozen=True)
class Made:
    """Pictures, and what became of them on the way.

    Attributes:
        kept: Iterations after which pictures are kept, 0 for the start, the last for the result.
        images: The pictures, (kept, pictures, 3, side, side) float32 in [0, 1], on the CPU.
        transparency: How large the gradient of every pixel was, summed over colours and
            iterations, (pictures, side, side) float32 in [0, 1]; its largest is 1.
        iterations: Iterations of the curves, from 1 to the last.
        curves: By name (pictures, iterations) float32: total, activation, cosine, distance,
            penalty, variation of the pictures that these iterations begin with, in the view that
            the network had of them; NaN where one has no meaning.
        balance: Weight of the distance in the total, (pictures,) float32; NaN without one.
        silent: Pictures whose target never responded, so that they were left at their start,
            (pictures,) bool: to be flagged, never to be shown as a result.
    """

    kept: list[int]
    images: Tensor
    transparency: Tensor
    iterations: list[int]
    curves: dict[str, Tensor]
    balance: Tensor
    silent: Tensor


class Record:
    """What is kept until now; it grows from iteration to iteration.

    Arguments:
        kept: See `Made`.
        iterations: Iterations in all.
        starts: The pictures at the start, (pictures, 3, side, side).
    """

    def __init__(self, kept: Sequence[int], iterations: int, starts: Tensor) -> None:
        self.kept = list(kept)
        self.iterations = _spread(1, iterations, POINTS)
        self._images = [starts.detach().cpu().clone()] if 0 in self.kept else []
        self._curves: list[Tensor] = []
        self._size = starts.new_zeros(len(starts), *starts.shape[2:])

    def add_gradient(self, gradient: Tensor) -> None:
        """Note how large a gradient is, (pictures, 3, side, side)."""
        self._size += gradient.abs().sum(dim=1)

    def add_point(self, values: Sequence[Tensor]) -> None:
        """Keep a point of every curve, (pictures,) each."""
        self._curves.append(torch.stack([value.detach() for value in values]).cpu())

    def add_images(self, images: Tensor) -> None:
        """Keep pictures, (pictures, 3, side, side)."""
        self._images.append(images.detach().cpu().clone())

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs, without copying."""
        return {"images": self._images, "curves": self._curves, "size": self._size}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the state of another record of the same search."""
        self._images, self._curves = list(state["images"]), list(state["curves"])
        self._size.copy_(state["size"])

    def made(self, balance: Tensor, silent: Tensor) -> Made:
        """Return what was made, see there; of silent pictures, the start alone."""
        images = torch.stack(self._images)
        silent = silent.cpu()
        images[:, silent] = images[0, silent]
        largest = self._size.amax(dim=(1, 2), keepdim=True)
        transparency = self._size / largest.clamp(min=torch.finfo(largest.dtype).tiny)
        curves = torch.stack(self._curves, dim=-1)  # (curves, pictures, iterations)
        named = dict(zip(CURVES, curves, strict=True))
        return Made(
            self.kept,
            images,
            transparency.cpu(),
            self.iterations,
            named,
            balance.cpu(),
            silent,
        )


def kept_iterations(count: int, iterations: int) -> list[int]:
    """Return evenly spread iterations, 0 and the last among them; fewer if there are fewer."""
    return _spread(0, iterations, count)


def _spread(first: int, last: int, count: int) -> list[int]:
    points = torch.linspace(first, last, max(2, count), dtype=torch.float64)
    return sorted(set(points.round().long().tolist()))
