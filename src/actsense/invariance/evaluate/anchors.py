"""The images whose invariances are sampled, and what all layers share of them."""

__all__ = ["IMAGE", "Anchors", "anchor_directions", "as_bytes"]

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from actsense.errors import ConfigError
from actsense.invariance.autoencoder.architectures import Autoencoder
from actsense.invariance.directions import augmentation_directions
from actsense.invariance.latents import read_latents
from actsense.invariance.recorded import latent_rows
from actsense.networks.subject import Subject

FEWEST = 4  # anchors
PART_BYTES = 2**28  # of anchors as float32, held at a time
IMAGE = ("colour", "y", "x")


@dataclass(frozen=True)
class Anchors:
    """Validation images whose invariances are sampled.

    Attributes:
        rows: Their rows in the dataset, (anchors,).
        labels: Their classes, (anchors,).
        means: Means of their latents, (anchors, latent).
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    means: NDArray[np.float32]

    @classmethod
    def chosen(cls, subject: Subject, latents: Path, count: int) -> "Anchors":
        """Take recorded validation images in turn from every class.

        Raises:
            ConfigError: If there are too few.
        """
        rows, labels = subject.pool.validation(subject.pool.size)
        recorded = np.flatnonzero(np.isin(rows, latent_rows(latents).validation))[:count]
        if len(recorded) < FEWEST:
            raise ConfigError(
                f"invariance.anchors: latents of {len(recorded)} validation images are recorded "
                f"in {latents}. Allowed: {FEWEST} or more. Raise invariance.validation or "
                "dataset.validation_fraction."
            )
        chosen = rows[recorded]
        return cls(chosen, labels[recorded], read_latents(latents, chosen)[0])

    def __len__(self) -> int:
        return len(self.rows)

    def described(self, subject: Subject, autoencoder: Autoencoder) -> xr.Dataset:
        """Return what all layers share."""
        made: list[NDArray[np.uint8]] = []

        def decode(part: slice) -> None:
            with torch.inference_mode():
                latents = torch.from_numpy(self.means[part]).to(subject.device)
                made.append(as_bytes(autoencoder.decode(latents)))

        subject.memory.run(len(self), decode)
        return xr.Dataset(
            {
                "row": ("anchor", self.rows),
                "label": ("anchor", self.labels),
                "image": (("anchor", *IMAGE), subject.images.read(self.rows)),
                "reconstruction": (("anchor", *IMAGE), np.concatenate(made)),
                "latent": (("anchor", "number"), self.means),
            }
        )


def anchor_directions(
    anchors: Anchors,
    subject: Subject,
    autoencoder: Autoencoder,
    augmentations: Sequence[str],
    *,
    rank: int,
    seed: int,
) -> xr.Dataset:
    """Find where augmentations move anchors, of not too many at a time.

    Arguments:
        anchors: The anchors.
        subject: The network, which reads the images.
        autoencoder: The autoencoder, on the device of the network.
        augmentations: Their names.
        rank: Directions of every augmentation.
        seed: Seed of their parameters.
    """
    parts = -(-12 * subject.side**2 * len(anchors) // PART_BYTES)
    found = [
        augmentation_directions(
            *(autoencoder, subject.read(rows).cpu(), augmentations),
            rank=rank,
            seed=seed,
            rows=rows,
            memory=subject.memory,
            device=subject.device,
        )
        for rows in np.array_split(anchors.rows, parts)
    ]
    axes = ("anchor", "augmentation")
    rooms = torch.cat([own.rooms for own in found]).float().numpy()
    length = np.concatenate([own.length for own in found])
    return xr.Dataset(
        {"room": ((*axes, "direction", "number"), rooms), "length": (axes, length)},
        coords={"augmentation": [*augmentations]},
    )


def as_bytes(images: Tensor) -> NDArray[np.uint8]:
    """Return images in [0, 1] as bytes, of the same shape."""
    return (255 * images).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
