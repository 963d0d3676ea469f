"""A study's sampling, opened for work."""

__all__ = ["Inputs", "Sampling", "open_sampling"]

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

import torch

from actsense.device.memory import device_room
from actsense.errors import ConfigError
from actsense.layers import Layer
from actsense.networks.opening import open_subject
from actsense.networks.settings import read_network
from actsense.networks.subject import Subject
from actsense.sampling.designs import Design
from actsense.sampling.evaluator import Evaluator
from actsense.sampling.law import InputLaw
from actsense.sampling.plan import build_design
from actsense.sampling.settings import DesignSettings
from actsense.work import room


class Inputs(Protocol):
    """Paths of what a sampling reads, as a rule's named inputs."""

    images: str
    manifest: str
    weights: str


@dataclass(frozen=True)
class Sampling:
    """Everything that turns block numbers into activations.

    Attributes:
        design: Which evaluations a block asks for.
        law: What their coordinates mean.
        evaluate: The network behind its augmentations.
        room: Bytes that may be held beside all this; what takes more is done in tiles.
    """

    design: Design
    law: InputLaw
    evaluate: Evaluator
    room: float = inf

    @property
    def subject(self) -> Subject:
        """The network and its images."""
        return self.evaluate.subject

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The recorded layers."""
        return self.evaluate.recording.layers


def open_sampling(
    inputs: Inputs,
    settings: Mapping[str, Any],
    *,
    batch_size: int,
    device: torch.device,
    memory_gb: float = inf,
) -> Sampling:
    """Open images, network and design.

    Arguments:
        inputs: Paths of the image cache, its manifest and the network's weights.
        settings: `network` and `design`, each a name with its settings, `seed`, `precision`, and
            `size`, the side of the images in pixels.
        batch_size: Images per forward pass, at most.
        device: Where to run.
        memory_gb: Gigabytes that the job may take.

    Raises:
        ConfigError: If the images are of another size.
    """
    subject = open_subject(
        *(inputs.images, inputs.manifest, inputs.weights, settings),
        batch_size=batch_size,
        device=device,
    )
    size, (name, plain), (_, network) = (settings[key] for key in ("size", "design", "network"))
    if subject.side != size:
        raise ConfigError(
            f"dataset.image_size: {size}, but the images of {inputs.images} have sides of "
            f"{subject.side} pixels. Delete them and run again."
        )
    design, layers = DesignSettings(**plain), read_network(network).layers
    law = InputLaw.of_design(design, size=size, pool=subject.pool)
    return Sampling(
        build_design(name, design, seed=settings["seed"]),
        law,
        Evaluator(subject, subject.tap(layers), law.augmentations, design.stretch, law.catalog),
        _room(subject, memory_gb),
    )


def _room(subject: Subject, memory_gb: float) -> float:
    """Return the bytes that a job may hold beside the subject: on its device, if it has more."""
    state = subject.network.module.state_dict().values()
    there = room(
        memory_gb,
        weights=sum(tensor.nbytes for tensor in state),
        forward=subject.forward_bytes,
        batch=subject.batch_size,
        images=subject.pool.size * 3 * subject.side**2,
    )
    return max(there, device_room(subject.device))
