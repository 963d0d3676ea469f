"""What decides the numbers of a search for pictures."""

__all__ = ["Task"]

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from actsense.featvis.pictures.statistics import ImageStatistics
from actsense.featvis.search.smoothing import gradient_mask
from actsense.featvis.settings import Objective, Picture, Ramp, Search
from actsense.featvis.targets.targets import Targets

JITTER = 16  # sides of a picture per pixel that it is moved by, if nothing is said


@dataclass(frozen=True)
class Task:
    """What decides the numbers of a search.

    Attributes:
        targets: The targets, one per picture.
        starts: Images that pictures start at, (pictures, 3, side, side) in [0, 1].
        statistics: What images are like.
        keys: Keys of the pictures' random numbers, (pictures,) int64.
        groups: Pictures of one target have one number, (pictures,) int64.
        objective: What pictures are good at.
        picture: What is changed.
        search: How they are looked for.
        kept: Iterations after which pictures are kept, 0 and the last among them.
        precision: What the network computes in.
    """

    targets: Targets
    starts: Tensor
    statistics: ImageStatistics
    keys: Tensor
    groups: Tensor
    objective: Objective
    picture: Picture
    search: Search
    kept: tuple[int, ...]
    precision: str

    def at(self, scheduled: float | Ramp, iteration: int) -> float:
        """Return what a number is at an iteration."""
        if isinstance(scheduled, Ramp):
            return scheduled.at(iteration, self.search.iterations)
        return float(scheduled)

    @cached_property
    def jitter_px(self) -> int:
        """Pixels that a picture is moved by, at most."""
        given = self.search.jitter_px
        return self.starts.shape[-1] // JITTER if given is None else given

    def mask(self, iteration: int) -> Tensor | None:
        """Return the window at an iteration, (side, side), or None."""
        sigma = self.search.mask_sigma_px
        if sigma is None:
            return None
        return gradient_mask(self.starts.shape[-1], self.at(sigma, iteration), self.starts.device)

    def digest(self) -> str:
        """Return a text that is another one for any other search."""
        told = {
            "sections": [part.plain() for part in (self.objective, self.picture, self.search)],
            "kept": self.kept,
            "precision": self.precision,
            "layer": self.targets.layer,
            "torch": torch.__version__,
            "device": self.starts.device.type,
        }
        found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
        for held in (self, self.targets, self.statistics):
            for name, value in vars(held).items():
                if isinstance(value, Tensor):
                    found.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
                    found.update(value.detach().cpu().contiguous().numpy().tobytes())
        return found.hexdigest()
