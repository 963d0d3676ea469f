"""Weights that are not trained here: drawn at random, read from a file, or downloaded."""

__all__ = ["download_weights", "import_weights"]

import http.client
import logging
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.networks.fingerprint import fingerprint
from actsense.networks.inputs import describe_inputs
from actsense.networks.network import (
    build_module,
    count_outputs,
    file_candidates,
    load_network,
    normalisation,
    probing_outline,
)
from actsense.networks.probes import check_function
from actsense.networks.settings import (
    NetworkSettings,
    Python,
    Timm,
    Torchvision,
    read_network,
    weights_file,
)
from actsense.networks.state import fill, first_line, save_state
from actsense.networks.weights_file import check_values, match_state
from actsense.networks.zoo.packaged import PACKAGED, packaged_origin, packaged_state
from actsense.networks.zoo.published import Published
from actsense.networks.zoo.timm_models import timm_publishes
from actsense.networks.zoo.torchvision_models import torchvision_publishes
from actsense.store import file_hash, write_facts

TIMEOUT = 60.0  # seconds without a byte, after which a connection counts as dead

log = logging.getLogger(__name__)


def import_weights(
    settings: dict[str, Any],
    seed: int,
    classes: int,
    weights: Path,
    card: Path,
    *,
    image_size: int,
) -> None:
    """Draw the weights of a network, or copy them from a file after checking that they fit.

    With them it has to be a fixed function of one image, see `check_function`.

    Arguments:
        settings: The network's settings as plain values, kept on the card, and its `name`;
            `weights` is `none` (drawn with the seed), `packaged`, or the path of a state dict;
            `inputs`, if it is there, is what the user's files are known by.
        seed: Seed of the draw.
        classes: Number of outputs of a torchvision or timm model without weights.
        weights: Where the state dict goes.
        card: Where the model card goes, JSON.
        image_size: Side of the images that it will be shown, pixels.

    Raises:
        ConfigError: If the settings cannot be used, the weights do not fit, or the network is no
            such function.
    """
    key = str(settings.get("inputs", ""))
    settings = {name: value for name, value in settings.items() if name != "inputs"}
    name, described = str(settings["name"]), read_network(settings)

    def draw(seed: int, classes: int = classes) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build_module(name, described, classes=classes, image_size=image_size)

    given = _given(described)
    if given is not None:
        module = _filled(name, described, given, partial(draw, seed))
        origin = given.origin
    else:
        module, origin = draw(seed), {"source": "random", "seed": seed}
        if isinstance(described, Python):
            origin = _drawn_origin(module, draw(seed + 1), seed)
    save_state(module, Path(weights))
    mark = _examined(name, described, Path(weights), classes, image_size)
    inputs = {"key": key, "files": describe_inputs(described, file_hash)}
    _write_card(settings, module, origin, Path(weights), Path(card), mark, inputs=inputs)


@dataclass(frozen=True)
class _Given:
    """Weights that are there: what the card says of them, and what may be their state dict."""

    origin: dict[str, Any]
    candidates: dict[str, dict[str, Tensor]]


def _given(described: NetworkSettings) -> _Given | None:
    if isinstance(described, Timm) and described.weights == PACKAGED:
        return _Given(packaged_origin(), {"": packaged_state()})
    path, candidates = weights_file(described), file_candidates(described)
    if path is None or candidates is None:
        return None
    return _Given({"source": str(path), "sha256": file_hash(path)}, candidates)


def _filled(
    name: str, described: NetworkSettings, given: _Given, draw: Callable[..., nn.Module]
) -> nn.Module:
    """Build a network with as many outputs as its weights have, and fill it."""
    setting = f"networks.{name}.weights: {given.origin['source']}"
    candidates, classes = given.candidates, {}
    if isinstance(described, Torchvision | Timm):
        outline = probing_outline(name, described)
        candidates = {"": match_state(candidates, outline, setting)}
        classes = {"classes": count_outputs(outline, candidates[""], setting)}
    module = draw(**classes)
    state = match_state(candidates, module, setting)
    check_values(module, state, setting)
    fill(module, state, setting)
    mean, std = normalisation(name, described)
    log.info("%s; images are normalised with mean %s and std %s", setting, mean, std)
    return module


def _drawn_origin(module: nn.Module, other: nn.Module, seed: int) -> dict[str, Any]:
    """Say whether weights are random: two seeds draw the same of what a factory itself fixes.

    Tensors of one value, as normalisation layers begin with, say nothing.
    """
    pairs = [
        (key, value, other.state_dict()[key])
        for key, value in module.state_dict().items()
        if isinstance(value, Tensor) and value.numel() and not (value == value.flatten()[0]).all()
    ]
    random = [key for key, one, two in pairs if not torch.equal(one, two)]
    if not pairs or len(random) == len(pairs):
        return {"source": "random", "seed": seed}
    if not random:
        return {"source": "factory"}
    return {"source": "factory", "random": random, "seed": seed}


def download_weights(
    settings: dict[str, Any],
    weights: Path,
    card: Path,
    *,
    image_size: int,
    attempts: int = 3,
    pause: float = 10.0,
) -> None:
    """Download published weights of torchvision or timm, check their hash, keep their state dict.

    Arguments:
        settings: The network's settings as plain values, kept on the card, and its `name`.
        weights: Where the state dict goes.
        card: Where the model card goes, JSON.
        image_size: Side of the images that the network will be shown, pixels.
        attempts: How often to try.
        pause: Seconds before the second try; doubled before each further one.

    Raises:
        ConfigError: If there are no such weights, or they cannot be had.
    """
    name, described = str(settings["name"]), read_network(settings)
    setting = f"networks.{name}.weights"
    published = _published(name, described)
    if published is None:
        raise ConfigError(f"{setting}: {settings.get('weights')!r} is nothing to download.")
    place = Path(weights).parent
    place.mkdir(parents=True, exist_ok=True)
    log.info("Downloading %s", published.source)
    for attempt in range(1, attempts + 1):
        try:
            with tempfile.TemporaryDirectory(prefix=".download-", dir=place) as folder:
                with _time_limit():
                    found = published.fetch(Path(folder))
                break
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            log.warning("attempt %d of %d: %s: %s", attempt, attempts, published.source, error)
            if attempt == attempts:
                raise ConfigError(
                    f"{setting}: cannot download {published.source} ({first_line(error)}). Run "
                    "this rule where the internet is reachable, or fetch the file by hand and "
                    f"set {setting} to its path."
                ) from error
            time.sleep(pause * 2 ** (attempt - 1))
    outline = probing_outline(name, described)
    found = match_state({"": found}, outline, f"{setting}: {published.source}")
    classes = count_outputs(outline, found, f"{setting}: {published.source}")
    module = build_module(name, described, classes=classes)
    fill(module, found, f"{setting}: {published.source}")
    save_state(module, Path(weights))
    mark = _examined(name, described, Path(weights), classes, image_size)
    origin = {"source": published.source, "set": published.name}
    _write_card(settings, module, origin, Path(weights), Path(card), mark)


def _published(name: str, described: NetworkSettings) -> Published | None:
    match described:
        case Torchvision():
            return torchvision_publishes(name, described)
        case Timm():
            return timm_publishes(name, described)
    return None


@contextmanager
def _time_limit() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # torch.hub itself would wait forever
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _examined(
    name: str, described: NetworkSettings, weights: Path, classes: int, side: int
) -> dict[str, Any]:
    """Return the fingerprint of a network that proved to be a fixed function of one image."""
    load = partial(load_network, name, described, weights, classes=classes, image_size=side)
    return fingerprint(check_function(load, side), side)


def _write_card(
    settings: dict[str, Any],
    module: nn.Module,
    origin: dict[str, Any],
    weights: Path,
    card: Path,
    mark: dict[str, Any],
    **further: Any,
) -> None:
    own = ("timm",) if settings["kind"] == "timm" else ()
    facts = {
        "settings": settings,
        "weights": origin,
        "sha256": file_hash(weights),
        "fingerprint": mark,
        **further,
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "versions": {
            package: version(package) for package in ("actsense", "torch", "torchvision", *own)
        },
    }
    write_facts(card, facts)
