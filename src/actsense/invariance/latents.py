"""Latents of images: what the encoder says of every image, recorded once."""

__all__ = ["Encoder", "read_latents", "record_latents"]

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.device.memory import Memory
from actsense.errors import ConfigError
from actsense.invariance.recorded import places_of
from actsense.progress import Progress
from actsense.store.columns import Column
from actsense.store.rows import Rows, write_rows

Read = Callable[[NDArray[np.int64]], Tensor]


class Encoder(Protocol):
    """The half of an autoencoder that reads images, such as an `Autoencoder`."""

    @property
    def latent(self) -> int:
        """How many numbers a latent has."""

    def encode(self, images: Tensor, /) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the posterior of images, each (images, latent)."""


def record_latents(
    encoder: Encoder,
    read: Read,
    rows: NDArray[np.int64],
    path: Path,
    *,
    memory: Memory,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write what an encoder says of images, without holding them all.

    Columns are `mean` and `log_variance` of the posterior, (latent,) float32, and `row` of the
    image in the dataset.

    Arguments:
        encoder: The encoder, ready to be evaluated.
        read: From rows to images in [0, 1], on the encoder's device, such as `Subject.read`.
        rows: Rows of the images, (images,).
        path: Folder of the store.
        memory: How many images fit at a time, such as `Subject.memory`.
        attributes: Kept with the rows.

    Raises:
        ConfigError: If a latent is not finite.
    """
    vector = Column((encoder.latent,), "float32", compressed=False)
    columns = {"mean": vector, "log_variance": vector, "row": Column((), "int64")}
    with (
        write_rows(path, columns, capacity=len(rows)) as writer,
        Progress(len(rows), desc="latents", unit="image") as bar,
    ):

        def write(part: slice) -> None:
            with torch.inference_mode():
                posterior = encoder.encode(read(rows[part]))
            mean, log_variance = (values.float().cpu().numpy() for values in posterior)
            if not (np.isfinite(mean).all() and np.isfinite(log_variance).all()):
                raise ConfigError(
                    "invariance.autoencoder: latents have numbers that are not finite. Train it "
                    "again at a smaller learning rate, or in `precision: float32`."
                )
            writer.append({"mean": mean, "log_variance": log_variance, "row": rows[part]})
            bar.update(len(mean))

        memory.run(len(rows), write)
        writer.attributes |= {**(attributes or {}), "latent": encoder.latent}


def read_latents(
    path: Path, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Read mean and log-variance of the latents of images, each (images, latent).

    Arguments:
        path: What `record_latents` wrote.
        rows: Rows of the images in the dataset, in any order.

    Raises:
        ConfigError: If an image was not recorded.
    """
    store = Rows(path)
    places = places_of(store, rows)
    return store.read(places, "mean"), store.read(places, "log_variance")
