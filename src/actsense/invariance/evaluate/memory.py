"""How many images pass an autoencoder at a time, alone or beside a network."""

__all__ = ["heed_autoencoder", "latent_memory"]

import torch

from actsense.device.memory import Memory
from actsense.invariance.autoencoder.architectures import Autoencoder
from actsense.networks.peak import measure_forward
from actsense.networks.subject import Subject
from actsense.work import fitting_batch


def latent_memory(autoencoder: Autoencoder, device: torch.device, batch_size: int) -> Memory:
    """Return what is known of the memory of a device, for images through an autoencoder.

    Arguments:
        autoencoder: The autoencoder.
        device: Where it runs.
        batch_size: Images at a time, at most.
    """
    return Memory(device, _fitting(autoencoder, device, batch_size), "images")


def heed_autoencoder(subject: Subject, autoencoder: Autoencoder) -> None:
    """Show a network no more images at a time than fit through the autoencoder, too.

    Arguments:
        subject: The network.
        autoencoder: The autoencoder, on the same device.
    """
    subject.memory.size = _fitting(autoencoder, subject.device, subject.memory.size)


def _fitting(autoencoder: Autoencoder, device: torch.device, size: int) -> int:
    """Count the images; a GPU tells itself when they are too many."""
    if device.type == "cuda":
        return size
    return fitting_batch(size, measure_forward(autoencoder, autoencoder.side))
