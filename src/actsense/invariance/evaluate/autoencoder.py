"""From images to an autoencoder, and to the latents of all images that flows learn from."""

__all__ = ["chosen_images", "write_autoencoder"]

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.data.cache import ImageCache
from actsense.data.pixels import unit_images
from actsense.data.pool import ImagePool
from actsense.errors import ConfigError
from actsense.invariance.autoencoder.opening import save_autoencoder
from actsense.invariance.autoencoder.perceptual import subject_features
from actsense.invariance.autoencoder.training import train_autoencoder
from actsense.invariance.evaluate.memory import latent_memory
from actsense.invariance.latents import record_latents
from actsense.invariance.recorded import LatentRows
from actsense.invariance.settings import Invariance
from actsense.networks.subject import Subject
from actsense.store import file_hash

FEWEST = 4  # images of a partition
TRAIN = 0  # partition


def chosen_images(pool: ImagePool, settings: Invariance) -> LatentRows:
    """Choose the images that are learned from, and those that tell when it is enough.

    Both are taken in turn from every class, in an order that follows from the seed of the study.

    Raises:
        ConfigError: If there are too few.
    """
    train = ImagePool((pool.rows[TRAIN],)).balanced(settings.images)
    validation, _ = pool.validation(settings.validation)
    for name, rows in (("train", train), ("validation", validation)):
        if len(rows) < FEWEST:
            raise ConfigError(
                f"invariance: the dataset has {len(rows)} {name} images. Allowed: {FEWEST} or "
                "more. Change dataset.validation_fraction, or add images."
            )
    return LatentRows(train, validation)


def write_autoencoder(
    path: Path,
    latents: Path,
    cache: ImageCache,
    judge: Subject | None,
    judge_layers: Sequence[str],
    settings: Invariance,
    *,
    seed: int,
    device: torch.device,
    batch_size: int,
    precision: str = "float32",
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Train the autoencoder of a study, and record latents; cut off, it goes on from where it was.

    Arguments:
        path: Where the autoencoder is written.
        latents: Where the store of latents is written: train images, then validation images.
        cache: The images.
        judge: The network behind the perceptual term, if there is one.
        judge_layers: Its layers.
        settings: `images`, `validation` and `autoencoder` of the section `invariance`.
        seed: Seed of the study.
        device: Where to train.
        batch_size: Images whose latents are computed at a time, at most.
        precision: What the training computes in, see `arithmetic`.
        attributes: Kept with the latents.

    Raises:
        ConfigError: If there are too few images, or no autoencoder for images of their size.
    """
    chosen = chosen_images(ImagePool.of_manifest(cache.manifest, seed=seed), settings)
    read = partial(_read, cache, device)
    state = path.with_name(f".{path.name}.state")
    features = subject_features(judge, judge_layers) if judge is not None else None
    autoencoder = train_autoencoder(
        *(read, chosen.train, features, settings.autoencoder),
        seed=seed,
        device=device,
        state=state,
        precision=precision,
        origin={"images": cache.sha256(), "judge": judge and _told(judge, judge_layers)},
    )
    save_autoencoder(autoencoder, settings.autoencoder, path)
    known = {"train": len(chosen.train), "autoencoder_sha256": file_hash(path)}
    record_latents(
        *(autoencoder, read, chosen.all, latents),
        memory=latent_memory(autoencoder, device, batch_size),
        attributes={**(attributes or {}), **known},
    )
    state.unlink(missing_ok=True)


def _read(cache: ImageCache, device: torch.device, rows: NDArray[np.int64]) -> Tensor:
    return unit_images(cache.read(rows), device)


def _told(judge: Subject, layers: Sequence[str]) -> dict[str, Any]:
    """Return what tells this judge from others."""
    digest = hashlib.sha256()
    for values in judge.network.module.state_dict().values():
        digest.update(values.cpu().numpy().tobytes())
    return {"weights": digest.hexdigest(), "layers": [*layers]}
