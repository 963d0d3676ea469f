"""Features of chosen images in every state of a network, recorded without holding them all.

Maps of the chosen layers are averaged onto one grid: a cell is the mean over the places that it
covers, so that regions of all layers lie one upon the other.
"""

__all__ = ["map_column", "record_features"]

from collections.abc import Mapping, Sequence
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
from actsense.networks.subject import Subject
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
    shapes = {layer.name: list(layer.shape) for layer in subject.tap(layers).layers}
    width = _hidden_width(subject, chosen)
    columns = {
        **{
            map_column(k): Column((shapes[name][0], *grid), "float32", compressed=False)
            for k, name in enumerate(layers)
        },
        "hidden": Column((width,), "float32", compressed=False),
        "logits": Column((len(chosen.outputs),), "float32", compressed=False),
        **{name: Column((), "int64") for name in ("row", "label")},
    }
    total = len(states) * len(chosen.rows)
    with (
        write_rows(path, columns, capacity=total) as writer,
        Progress(total, desc="recording", unit="image") as known,
    ):
        for state in states:
            _Recorder(state, state.open(), chosen, layers, grid).write(writer, known)
        writer.attributes |= {
            **attributes,
            "layers": list(layers),
            "shapes": [shapes[name] for name in layers],
            "grid": list(grid),
            "images": len(chosen.rows),
            "classes": chosen.names,
            "outputs": chosen.outputs.tolist(),
            "label": chosen.label,
            "states": [state.described for state in states],
        }


def _hidden_width(subject: Subject, chosen: ChosenImages) -> int:
    ends = Ends.of(subject)
    with torch.inference_mode(), ends.watching():
        subject(subject.read(chosen.rows[:1]))
    return ends.hidden.shape[1]


class _Recorder:
    """Records one state."""

    def __init__(
        self,
        state: State,
        subject: Subject,
        chosen: ChosenImages,
        layers: Sequence[str],
        grid: Sequence[int],
    ) -> None:
        self._state, self._subject, self._chosen, self._grid = (
            state,
            subject,
            chosen,
            (grid[0], grid[1]),
        )
        self._tap, self._ends = subject.tap(layers), Ends.of(subject)
        self._outputs = torch.from_numpy(chosen.outputs).to(subject.device)

    def write(self, writer: RowsWriter, known: Progress) -> None:
        def record(part: slice) -> None:
            found = self._features(self._state.read(part))
            self._check(found)
            rows = {"row": self._chosen.rows[part], "label": self._chosen.labels[part]}
            writer.append(found | rows)
            known.update(part.stop - part.start)

        self._subject.memory.run(len(self._chosen.rows), record)

    @torch.inference_mode()
    def _features(self, images: Tensor) -> dict[str, NDArray[Any]]:
        with self._ends.watching():
            maps = self._tap(images)
        found = {
            map_column(k): functional.adaptive_avg_pool2d(values, self._grid)
            for k, values in enumerate(maps.values())
        }
        found |= {"hidden": self._ends.hidden, "logits": self._ends.logits[:, self._outputs]}
        return {name: values.float().cpu().numpy() for name, values in found.items()}

    def _check(self, found: Mapping[str, NDArray[Any]]) -> None:
        for name, values in found.items():
            if not np.isfinite(values).all():
                raise ConfigError(
                    f"networks.{self._subject.network.name}: {name} in the state "
                    f"{self._state.name!r} has numbers that are not finite. Leave it out with "
                    "`patterns.networks`, or compute in `precision: float32`."
                )
