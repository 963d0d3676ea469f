"""What one unit answers to pictures, as they are and under chosen augmentations."""

__all__ = ["Sweep", "applied", "responses", "sweep_of", "swept"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.augment import augment, parameter_columns, stretch
from actsense.augment.catalog import Choice
from actsense.device.precision import arithmetic
from actsense.networks.subject import Subject
from actsense.networks.taps import Tap
from actsense.sampling.law import InputLaw

CPU = torch.device("cpu")
BATCH = 64  # images per forward pass
SEED = "seed"  # a parameter whose size means nothing
Settings = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Sweep:
    """The way along which an augmentation grows.

    Attributes:
        parameter: Number of the parameter that varies, or None: then 0 is off and 1 is on.
        name: What varies.
        levels: Its values, ascending.
    """

    parameter: int | None
    name: str
    levels: tuple[float, ...]


def sweep_of(law: InputLaw, augmentation: str, count: int) -> Sweep:
    """Return values of the first parameter of an augmentation that means something.

    Arguments:
        law: The law of the design, whose ranges these are.
        augmentation: One of its augmentations.
        count: How many values.
    """
    for place, parameter in enumerate(law.parameters[law.augmentations.index(augmentation)]):
        if isinstance(parameter, Choice):
            return Sweep(place, parameter.name, parameter.options)
        if parameter.name != SEED and parameter.low < parameter.high:
            levels = parameter.at(np.linspace(0, 1, count))
            return Sweep(place, parameter.name, tuple(map(float, np.unique(levels))))
    return Sweep(None, "off and on", (0.0, 1.0))


def applied(images: Tensor, law: InputLaw, settings: Settings, *, stretched: bool) -> Tensor:
    """Apply the same augmentations to all images, in the order of the design.

    Arguments:
        images: Images in [0, 1], (images, 3, height, width).
        law: The law of the design.
        settings: Parameters of each augmentation that is on.
        stretched: Whether the design stretches contrasts afterwards.
    """
    names = law.augmentations
    columns = parameter_columns(names, law.catalog)
    values = torch.zeros(len(images), max((own.stop for own in columns.values()), default=0))
    for name, parameters in settings.items():
        values[:, columns[name]] = torch.tensor(list(parameters), dtype=torch.float32)
    on = [k for k, name in enumerate(names) if name in settings]
    sequence = torch.full((len(images), len(names)), -1)
    sequence[:, : len(on)] = torch.tensor(on, dtype=torch.int64)
    with arithmetic("float32", CPU):
        shown = augment(images, sequence, values, names, law.catalog)
        return stretch(shown) if stretched else shown


def responses(subject: Subject, layer: str, place: Sequence[int], images: Tensor) -> NDArray[Any]:
    """Return what one unit answers to every image, (images,).

    Arguments:
        subject: The network.
        layer: Name of a layer.
        place: Place of the unit on every axis of the layer; nothing for all units, which are
            then further axes.
        images: Images in [0, 1], (images, 3, height, width).
    """
    return _answers(subject.tap([layer]), place, images.to(subject.device))


def _answers(tap: Tap, place: Sequence[int], images: Tensor) -> NDArray[Any]:
    (layer,), found = tap.layers, []
    at: tuple[Any, ...] = (slice(None), *place)
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            own = tap(images[start : start + BATCH])[layer.name]
            found.append(own[at].cpu())
    return torch.cat(found).numpy()


def swept(
    subject: Subject,
    layer: str,
    place: Sequence[int],
    images: Tensor,
    law: InputLaw,
    augmentation: str,
    parameters: Sequence[float],
    sweep: Sweep,
    *,
    stretched: bool,
) -> NDArray[Any]:
    """Return what a unit answers while one augmentation grows, (images, levels); see `responses`.

    Arguments:
        subject: The network.
        layer: Name of a layer.
        place: Place of the unit.
        images: Images in [0, 1], (images, 3, height, width).
        law: The law of the design.
        augmentation: The augmentation, which is on alone.
        parameters: Its parameters; the one that varies is replaced.
        sweep: What varies.
        stretched: Whether the design stretches contrasts afterwards.
    """
    columns, tap = [], subject.tap([layer])  # which passes twice to see what layers are like
    for level in sweep.levels:
        own = list(parameters)
        if sweep.parameter is not None:
            own[sweep.parameter] = level
        off = sweep.parameter is None and not level
        shown = applied(images, law, {} if off else {augmentation: own}, stretched=stretched)
        columns.append(_answers(tap, place, shown.to(subject.device)))
    return np.stack(columns, axis=1)
