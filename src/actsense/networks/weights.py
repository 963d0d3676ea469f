"""Weights that are not trained here: drawn at random, read from a file, or downloaded."""

__all__ = ["download_weights", "import_weights"]

import http.client
import logging
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.networks.network import build_module
from actsense.networks.settings import Torchvision, Trained, read_network
from actsense.networks.state import fill, output_count, read_state, save_state, write_card
from actsense.networks.zoo import adapted, build_torchvision, published_weights
from actsense.store import file_hash

TIMEOUT = 60.0  # seconds without a byte, after which a connection counts as dead

log = logging.getLogger(__name__)


def import_weights(
    settings: dict[str, Any], seed: int, classes: int, weights: Path, card: Path
) -> None:
    """Draw the weights of a network, or copy them from a file after checking that they fit.

    Arguments:
        settings: The network's settings as plain values, kept on the card, and its `name`;
            `weights` is `none` (drawn with the seed) or the path of a state dict.
        seed: Seed of the draw.
        classes: Number of outputs of a torchvision model without weights.
        weights: Where the state dict goes.
        card: Where the model card goes, JSON.

    Raises:
        ConfigError: If the settings cannot be used or the weights do not fit.
    """
    name, described = str(settings["name"]), read_network(settings)
    source = "none" if isinstance(described, Trained) else described.weights
    state = None if source == "none" else read_state(Path(source).expanduser())
    if state is not None and isinstance(described, Torchvision):
        state = adapted(described.model, state)
        classes = output_count(state)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build_module(name, described, classes=classes)
    if state is not None:
        fill(module, state, f"networks.{name}.weights: {source}")
    save_state(module, Path(weights))
    origin = {"source": "random", "seed": seed} if state is None else {"source": str(source)}
    _write_card(settings, module, origin, Path(weights), Path(card))


def download_weights(
    settings: dict[str, Any],
    weights: Path,
    card: Path,
    *,
    attempts: int = 3,
    pause: float = 10.0,
) -> None:
    """Download published weights of torchvision, check their hash, and keep their state dict.

    Arguments:
        settings: The network's settings as plain values, kept on the card, and its `name`.
        weights: Where the state dict goes.
        card: Where the model card goes, JSON.
        attempts: How often to try.
        pause: Seconds before the second try; doubled before each further one.

    Raises:
        ConfigError: If there are no such weights, or they cannot be had.
    """
    name, described = str(settings["name"]), read_network(settings)
    if not isinstance(described, Torchvision) or not (
        published := published_weights(name, described)
    ):
        raise ConfigError(
            f"networks.{name}.weights: {settings.get('weights')!r} is nothing to download."
        )
    Path(weights).parent.mkdir(parents=True, exist_ok=True)
    log.info("Downloading %s", published.url)
    for attempt in range(1, attempts + 1):
        try:
            state = _downloaded(published.url, Path(weights).parent)
            break
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            log.warning("attempt %d of %d: %s: %s", attempt, attempts, published.url, error)
            if attempt == attempts:
                raise ConfigError(
                    f"networks.{name}.weights: cannot download {published.url} ({error}). Run "
                    "this rule where the internet is reachable, or fetch the file by hand and "
                    f"set networks.{name}.weights to its path."
                ) from error
            time.sleep(pause * 2 ** (attempt - 1))
    module = build_torchvision(described, published, classes=len(published.meta["categories"]))
    fill(module, adapted(described.model, state), f"networks.{name}.weights: {published.url}")
    save_state(module, Path(weights))
    origin = {"source": published.url, "set": str(published)}
    _write_card(settings, module, origin, Path(weights), Path(card))


def _downloaded(url: str, place: Path) -> dict[str, Tensor]:
    """Fetch into a folder that is removed again; the name of the file holds part of its hash."""
    with tempfile.TemporaryDirectory(prefix=".download-", dir=place) as folder, _time_limit():
        return torch.hub.load_state_dict_from_url(
            url,
            model_dir=folder,
            map_location="cpu",
            progress=sys.stderr.isatty(),
            check_hash=True,
            weights_only=True,
        )


@contextmanager
def _time_limit() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # torch.hub itself would wait forever
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _write_card(
    settings: dict[str, Any],
    module: nn.Module,
    origin: dict[str, Any],
    weights: Path,
    card: Path,
) -> None:
    facts = {
        "settings": settings,
        "weights": origin,
        "sha256": file_hash(weights),
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "versions": {
            package: version(package) for package in ("actsense", "torch", "torchvision")
        },
    }
    write_card(card, facts)
