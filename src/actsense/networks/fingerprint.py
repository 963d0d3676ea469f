"""What a network says of two fixed images: kept where its weights are made, compared in every job.

A factory may have been edited since, or hold tensors that no file of weights has; a library may
have another version. The weights then fit as before, and the network is another one.
"""

__all__ = ["check_fingerprint", "fingerprint"]

import itertools
import math
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from actsense.device.memory import Memory
from actsense.device.precision import arithmetic
from actsense.errors import ConfigError
from actsense.networks.foreign import foreign
from actsense.networks.network import Network, normalise
from actsense.networks.probes import probe_images
from actsense.store import read_facts

IMAGES = 2
OUTPUTS = 8  # of every image that are kept, evenly spread
# How far a number may lie from what it was, as shares of the spread of the outputs and of the
# largest: other devices, and the order of sums on them, move float32 by less.
SPREAD, LARGEST = 1e-3, 1e-4


def fingerprint(network: Network, side: int) -> dict[str, Any]:
    """Return what a network says of fixed images, plain values for its card.

    Arguments:
        network: The network, on the CPU.
        side: Side of the square images, pixels.
    """
    outputs = _outputs(network, side, torch.device("cpu"))
    finite = outputs[outputs.isfinite()]
    empty = not finite.numel()
    return {
        "image_size": side,
        "outputs": _some(outputs),
        "spread": 0.0 if empty else float(finite.std(correction=0)),
        "largest": 0.0 if empty else float(finite.abs().max()),
    }


def check_fingerprint(network: Network, weights: Path, device: torch.device) -> None:
    """Compare a network with the one whose weights were made.

    Arguments:
        network: The network, on the device.
        weights: Its weights. The card lies beside them; one of an earlier version has no
            fingerprint, and nothing is compared.
        device: Where it runs.

    Raises:
        ConfigError: If it says something else of the same images, with the likely cause.
    """
    path = weights.with_name("card.json")
    card = read_facts(path) if path.exists() else {}
    if "fingerprint" not in card:
        return
    kept = card["fingerprint"]
    bound = SPREAD * kept["spread"] + LARGEST * kept["largest"]
    found = _some(_outputs(network, kept["image_size"], device))
    pairs = zip(itertools.chain(*kept["outputs"]), itertools.chain(*found), strict=False)
    then, now = max(pairs, key=lambda pair: _gap(*pair), default=(None, None))
    if [*map(len, kept["outputs"])] == [*map(len, found)] and _gap(then, now) <= bound:
        return
    raise ConfigError(
        f"networks.{network.name}: it is no longer the network that {weights} was made with: "
        f"its output for a fixed image was {_told(then)}, and is {_told(now)}. {_cause(card)} "
        f"Undo that, or delete {weights} and run again: all that follows is made anew."
    )


def _outputs(network: Network, side: int, device: torch.device) -> Tensor:
    """Return the outputs of every image, (images, outputs) float64 on the CPU."""
    found: list[Tensor] = []

    def show(part: slice) -> None:
        images = probe_images(IMAGES, side)[part].to(device)
        doing = foreign(f"networks.{network.name}: its forward")
        with torch.inference_mode(), arithmetic("float32", device), doing:
            output = network.module(normalise(images, network.mean, network.std))
        found.append(output.flatten(1).cpu().double())

    Memory(device, 1, "images").run(IMAGES, show)
    return torch.cat(found)


def _some(outputs: Tensor) -> list[list[float | None]]:
    """Return some outputs of every image; nothing for what is infinite or no number."""
    chosen = outputs[:, :: max(1, outputs.shape[1] // OUTPUTS)][:, :OUTPUTS]
    return [[n if math.isfinite(n) else None for n in row] for row in chosen.tolist()]


def _gap(then: float | None, now: float | None) -> float:
    if then is None or now is None:
        return 0.0 if then is now else math.inf
    return abs(then - now)


def _told(number: float | None) -> str:
    return "no number" if number is None else f"{number:.5g}"


def _cause(card: Mapping[str, Any]) -> str:
    """Name what is known to have changed since, or else what is likely."""
    changed = [
        f"{package} {then} ({_installed(package)} now)"
        for package, then in card.get("versions", {}).items()
        if then != _installed(package)
    ]
    if changed:
        return f"That was with {', '.join(changed)}."
    return (
        "Likely, the code of its factory has changed, or it holds tensors outside its state dict "
        "(keep them with register_buffer)."
    )


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
