"""Features of chosen images in every state of a network, recorded without holding them all.

Maps of the chosen layers are averaged onto one grid: a cell is the mean over the places that it
covers, so that regions of all layers lie one upon the other.
"""

__all__ = ["map_column", "record_features"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actsense.errors import ConfigError
from actsense.features.hidden import Ends
from actsense.features.images import ChosenImages
from actsense.features.states import State
from actsense.layers import Layer
from actsense.networks.classifiers import find_classifiers
from actsense.networks.subject import Subject
from actsense.networks.taps import Tap
from actsense.progress import Progress
from actsense.store.columns import Column
from actsense.store.rows import RowsWriter, write_rows


def map_column(layer: int) -> str:
    """Return the name of the column that holds the maps of a layer."""
    return f"map_{layer}"


def record_features(
    subject: Subject,
    states: Sequence[State],
    attack: Path,
    path: Path,
    *,
    layers: Sequence[str],
    grid: Sequence[int],
    attributes: Mapping[str, Any],
) -> None:
    """Write features of the chosen images in all states, one state behind the other.

    A row is an image in a state: `map_0` and so on, the maps of the layers on the grid, (channel,
    row, col); `hidden`, the last hidden vector, (d,); `logits` of the chosen outputs, (classes,),
    all float32; `row` of the image in the dataset, and its `label` among the chosen classes.

    Arguments:
        subject: The network in its final state.
        states: See `list_states`.
        attack: Store of the attack, which is on the chosen images.
        path: Folder of the store.
        layers: Names of layers with positions.
        grid: Rows and columns of the maps that are kept.
        attributes: Kept with the rows, beside what they are features of.

    Raises:
        ConfigError: If the last hidden vector cannot be told, or a number is not finite.
    """
    chosen = ChosenImages.of_attack(attack)
    watched = _Watched(chosen, subject.tap(layers).layers, _classifiers(subject), grid)
    columns = watched.columns(subject)
    total = len(states) * len(chosen.rows)
    with (
        write_rows(path, columns, capacity=total) as writer,
        Progress(total, desc="recording", unit="image") as known,
    ):
        for state in states:
            watched.record(state, writer, known)
        writer.attributes |= {
            **attributes,
            "layers": [layer.name for layer in watched.layers],
            "shapes": [list(layer.shape) for layer in watched.layers],
            "grid": list(grid),
            "images": len(chosen.rows),
            "classes": chosen.names,
            "outputs": chosen.outputs.tolist(),
            "label": chosen.label,
            "states": [state.described for state in states],
        }


def _classifiers(subject: Subject) -> list[str]:
    return find_classifiers(subject.network, subject.side)


@dataclass(frozen=True)
class _Watched:
    """What is recorded of every state of a network.

    Attributes:
        chosen: The images.
        layers: The layers with positions.
        classifiers: What gets the last hidden vector.
        grid: Rows and columns of the maps that are kept.
    """

    chosen: ChosenImages
    layers: tuple[Layer, ...]
    classifiers: list[str]
    grid: Sequence[int]

    def columns(self, subject: Subject) -> dict[str, Column]:
        """Return the columns of the store; the network is shown one image."""
        ends = Ends(subject, self.classifiers)
        with torch.inference_mode(), ends.watching():
            subject(subject.read(self.chosen.rows[:1]))
        shapes: dict[str, tuple[int, ...]] = {
            **{map_column(k): (own.shape[0], *self.grid) for k, own in enumerate(self.layers)},
            "hidden": (ends.hidden.shape[1],),
            "logits": (len(self.chosen.outputs),),
        }
        features = {n: Column(shape, "float32", compressed=False) for n, shape in shapes.items()}
        return features | {name: Column((), "int64") for name in ("row", "label")}

    def record(self, state: State, writer: RowsWriter, known: Progress) -> None:
        """Write the features of all images in one state."""
        subject = state.open()
        tap = Tap(
            *(subject, subject.as_probabilities, subject.network.module),
            *(self.layers, subject.side),
        )
        ends = Ends(subject, self.classifiers)

        def write(part: slice) -> None:
            with torch.inference_mode():
                found = self._features(tap, ends, state.read(part))
            _check(found, subject.network.name, state.name)
            rows = {"row": self.chosen.rows[part], "label": self.chosen.labels[part]}
            writer.append(found | rows)
            known.update(part.stop - part.start)

        subject.memory.run(len(self.chosen.rows), write)

    def _features(self, tap: Tap, ends: Ends, images: Tensor) -> dict[str, NDArray[Any]]:
        with ends.watching():
            maps = tap(images)
        grid = (self.grid[0], self.grid[1])
        found = {
            map_column(k): functional.adaptive_avg_pool2d(values, grid)
            for k, values in enumerate(maps.values())
        }
        found |= {"hidden": ends.hidden, "logits": ends.logits[:, self.chosen.outputs]}
        return {name: values.float().cpu().numpy() for name, values in found.items()}


def _check(found: Mapping[str, NDArray[Any]], network: str, state: str) -> None:
    for name, values in found.items():
        if not np.isfinite(values).all():
            raise ConfigError(
                f"networks.{network}: {name} in the state {state!r} has numbers that are not "
                f"finite. Leave {network} out with `patterns.networks`, or compute in "
                "`precision: float32`."
            )
