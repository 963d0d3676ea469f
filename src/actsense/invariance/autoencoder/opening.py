"""Autoencoders as files: settings and weights in one, tensors and plain values only."""

__all__ = ["open_autoencoder", "save_autoencoder"]

from pathlib import Path

import torch
from pydantic import ValidationError

from actsense.errors import ConfigError
from actsense.invariance.autoencoder.architectures import Autoencoder, build_autoencoder
from actsense.invariance.autoencoder.settings import AutoencoderSettings
from actsense.networks.state import fill, read_state, read_tensors, save_tensors

ORIGIN = "autoencoder"  # beside the weights: what to build


def save_autoencoder(autoencoder: Autoencoder, settings: AutoencoderSettings, path: Path) -> None:
    """Write an autoencoder, beside the file and into place, with checksums.

    Arguments:
        autoencoder: The autoencoder.
        settings: What it was built and trained with.
        path: The file to make; `open_autoencoder` needs nothing else.
    """
    origin = {"settings": settings.plain(), "side": autoencoder.side}
    save_tensors({"model": autoencoder.state_dict(), ORIGIN: origin}, path)


def open_autoencoder(
    path: Path, *, side: int | None = None, device: torch.device | str = "cpu"
) -> Autoencoder:
    """Open an autoencoder in evaluation mode, its weights without gradients.

    Arguments:
        path: File written by `save_autoencoder`; no code that it may hold is run.
        side: Side of the images that it will be shown, pixels, if that is known.
        device: Where it goes.

    Raises:
        ConfigError: If the file is missing, damaged or no autoencoder, or if it was made for
            images of another size.
    """
    state = read_state(path)
    settings, own = _origin(path)
    if side not in (None, own):
        raise ConfigError(
            f"{path}: an autoencoder of images of {own} pixels; these images have {side}. "
            f"Train one for them, or set dataset.image_size: {own}."
        )
    with torch.random.fork_rng(devices=[]):  # what is drawn is replaced at once
        autoencoder = build_autoencoder(settings, own)
    fill(autoencoder, state, str(path))
    autoencoder.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return autoencoder.eval().requires_grad_(requires_grad=False)


def _origin(path: Path) -> tuple[AutoencoderSettings, int]:
    """Read what an autoencoder is built from."""
    held = read_tensors(path, values=False)
    try:
        origin = held[ORIGIN]
        return AutoencoderSettings.model_validate(origin["settings"]), int(origin["side"])
    except (KeyError, TypeError, ValidationError) as error:
        raise ConfigError(
            f"{path}: holds weights, but not what autoencoder they are of. Name a file that the "
            "training of an autoencoder wrote."
        ) from error
