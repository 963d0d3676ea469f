"""From files to subjects."""

__all__ = ["open_subject", "open_subjects"]

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from actsense.data.cache import ImageCache
from actsense.data.pool import ImagePool
from actsense.networks.fingerprint import check_fingerprint
from actsense.networks.network import load_network
from actsense.networks.peak import measure_forward
from actsense.networks.settings import read_network
from actsense.networks.subject import Subject
from actsense.work import fitting_batch


def open_subject(
    images: Path | str,
    manifest: Path | str,
    weights: Path | str,
    settings: Mapping[str, Any],
    *,
    batch_size: int,
    device: torch.device,
) -> Subject:
    """Open images and network.

    Arguments:
        images: The image cache.
        manifest: Its manifest.
        weights: Weights of the network.
        settings: `network`, a name with its settings, `seed` and `precision`.
        batch_size: Images per forward pass, at most.
        device: Where to run.

    Raises:
        ConfigError: If the network is no longer the one that its weights were made with.
    """
    (subject,) = open_subjects(
        images, manifest, [weights], [settings], batch_size=batch_size, device=device
    ).values()
    return subject


def open_subjects(
    images: Path | str,
    manifest: Path | str,
    weights: Iterable[Path | str],
    settings: Iterable[Mapping[str, Any]],
    *,
    batch_size: int,
    device: torch.device,
) -> dict[str, Subject]:
    """Open several networks on the same images, which are read once.

    Arguments:
        images: The image cache.
        manifest: Its manifest.
        weights: Weights of every network.
        settings: Settings of every network, as for `open_subject`, in the same order.
        batch_size: Images per forward pass, at most.
        device: Where to run.

    Returns:
        The subjects by the names of their networks.

    Raises:
        ConfigError: If a network is no longer the one that its weights were made with.
    """
    cache = ImageCache.open(images, manifest)
    subjects = {}
    for own, path in zip(settings, weights, strict=True):
        name, described = own["network"]
        network = load_network(
            *(name, read_network(described), Path(path)),
            classes=len(cache.class_names),
            image_size=cache.image_size,
        )
        pool = ImagePool.of_manifest(cache.manifest, seed=own["seed"])
        forward = measure_forward(network.module, cache.image_size)
        batch = batch_size if device.type == "cuda" else fitting_batch(batch_size, forward)
        subject = Subject(network, cache, pool, device, batch, own["precision"], forward)
        check_fingerprint(network, Path(path), device)
        subjects[name] = subject
    return subjects
