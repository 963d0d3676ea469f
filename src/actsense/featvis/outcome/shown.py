"""What a network says of finished pictures, as they are stored."""

__all__ = ["Outcome", "outcome", "shifted_drive", "whole_responses"]

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cosine_similarity

from actsense.data.pixels import unit_images
from actsense.device.memory import Memory
from actsense.featvis.outcome.shifts import Versions, shifted
from actsense.featvis.targets.targets import Targets
from actsense.networks.subject import Subject

TOLD = 3  # classes of a picture
SAID = "probabilities"
Parts = tuple[Tensor, ...]


@dataclass(frozen=True)
class Outcome:
    """What a network says of pictures.

    Attributes:
        response: What every picture's own target is judged by, (pictures, channels) float32.
        standard: The same in standard deviations of natural images.
        cosine: Of that response with the target's, (pictures,); NaN where there is none.
        cosine_centred: The same in standard deviations: what all images share does not count.
        distance: Mean of sqrt(r^2 + 1) - 1 over channels, of what they differ by in standard
            deviations, (pictures,).
        drive: Activation of every picture along every target, (pictures, targets) float32.
        output: The outputs that are highest, (pictures, ranks) int64.
        probability: Theirs, (pictures, ranks) float32.
    """

    response: NDArray[np.float32]
    standard: NDArray[np.float32]
    cosine: NDArray[np.float32]
    cosine_centred: NDArray[np.float32]
    distance: NDArray[np.float32]
    drive: NDArray[np.float32]
    output: NDArray[np.int64]
    probability: NDArray[np.float32]


def outcome(
    subject: Subject, targets: Targets, pictures: NDArray[np.uint8], own: NDArray[np.int64]
) -> Outcome:
    """Show pictures to a network.

    Arguments:
        subject: The network.
        targets: Targets of one layer.
        pictures: Pictures, (pictures, 3, side, side) uint8.
        own: Which target every picture was made for, (pictures,).
    """
    tap, there = subject.tap([*dict.fromkeys((targets.layer, SAID))]), targets.to(subject.device)
    single = [there[k : k + 1] for k in range(len(there))]

    def show(images: Tensor, part: slice) -> Parts:
        found = tap(images)
        maps, said = found[targets.layer], found[SAID]
        told = said.topk(min(TOLD, said.shape[1]), dim=1)
        aimed = there[torch.from_numpy(own[part]).to(subject.device)]
        response = aimed.read(maps)
        drive = torch.stack([one.activation(one.read(maps)) for one in single], dim=1)
        likeness = _likeness(aimed, response)
        return (response, aimed.standardise(response), *likeness, drive, told.indices, told.values)

    return Outcome(*_over(subject, pictures, show))


def shifted_drive(
    subject: Subject,
    targets: Targets,
    pictures: NDArray[np.uint8],
    own: NDArray[np.int64],
    versions: Versions,
) -> NDArray[np.float32]:
    """Return the activation of versions of every picture along its own target.

    Arguments:
        subject: The network.
        targets: Targets of one layer.
        pictures: Pictures, (pictures, 3, side, side) uint8.
        own: Which target every picture was made for, (pictures,).
        versions: What is done to each of them.

    Returns:
        Activations in standard deviations, (pictures, versions).
    """
    tap, there, count = (
        subject.tap([targets.layer]),
        targets.to(subject.device),
        len(versions.value),
    )

    def show(images: Tensor, part: slice) -> Parts:
        maps = tap(shifted(images, versions))[targets.layer]
        place = torch.from_numpy(own[part]).repeat_interleave(count).to(subject.device)
        aimed = there[place]
        return (aimed.activation(aimed.read(maps)).view(-1, count),)

    return _over(subject, pictures, show, each=count)[0]


def whole_responses(
    subject: Subject, layer: str, pictures: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Return the mean over places of a layer's response to pictures, (pictures, channels).

    Arguments:
        subject: The network.
        layer: Name of the layer.
        pictures: Pictures, (pictures, 3, side, side) uint8.
    """
    tap = subject.tap([layer])

    def show(images: Tensor, _: slice) -> Parts:
        maps = tap(images)[layer]
        return (maps.flatten(2).mean(dim=2) if maps.ndim > 2 else maps,)

    return _over(subject, pictures, show)[0]


def _likeness(targets: Targets, response: Tensor) -> Parts:
    """Return how a response is like that of its target: cosines, and their distance."""
    wanted, standard = targets.response, targets.standardise(response)
    aim = targets.standardise(wanted)
    return (
        cosine_similarity(response, wanted),
        cosine_similarity(standard, aim),
        ((standard - aim).square().add(1).sqrt() - 1).mean(dim=1),
    )


def _over(
    subject: Subject,
    pictures: NDArray[np.uint8],
    show: Callable[[Tensor, slice], Parts],
    each: int = 1,
) -> list[NDArray[Any]]:
    """Show pictures in batches that fit, and join what is returned of every batch."""
    parts: list[Parts] = []

    @torch.inference_mode()
    def work(part: slice) -> None:
        found = show(unit_images(pictures[part], subject.device), part)
        parts.append(tuple(values.cpu() for values in found))

    memory = Memory(subject.device, max(1, subject.batch_size // each), "pictures")
    memory.run(len(pictures), work)
    return [torch.cat(column).numpy() for column in zip(*parts, strict=True)]
