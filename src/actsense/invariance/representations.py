"""Representations: what layers of a network say of every image, recorded once.

Each layer is a column of its own, so that a flow reads its layer alone; none has to fit into
memory.
"""

__all__ = ["Representation", "layer_column", "open_representation", "record_representations"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.errors import ConfigError, choose
from actsense.invariance.recorded import places_of
from actsense.layers import Layer, read_layers
from actsense.networks.subject import Subject
from actsense.progress import Progress
from actsense.store.columns import Column
from actsense.store.rows import Rows, write_rows


def layer_column(layer: int) -> str:
    """Return the name of the column that holds a layer."""
    return f"layer_{layer}"


def record_representations(
    subject: Subject,
    layers: Sequence[str],
    rows: NDArray[np.int64],
    path: Path,
    *,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write what layers of a network say of images, all in one pass.

    Columns are `layer_0` and so on, of the shape of the layer, float32; `row` of the image in the
    dataset; and `predicted`, the number of its highest output.

    Arguments:
        subject: The network.
        layers: Names of layers, or of what it returns; see `Subject.tap`.
        rows: Rows of the images, (images,).
        path: Folder of the store.
        attributes: Kept with the rows, beside the layers.

    Raises:
        ConfigError: If a layer cannot be watched, or answers with numbers that are not finite.
    """
    wanted = [*layers, *({"logits"} - {*layers})]
    tap = subject.tap(wanted)
    watched = tap.layers[: len(layers)]
    columns = {
        layer_column(k): Column(layer.shape, "float32", compressed=False)
        for k, layer in enumerate(watched)
    } | {name: Column((), "int64") for name in ("row", "predicted")}
    with (
        write_rows(path, columns, capacity=len(rows)) as writer,
        Progress(len(rows), desc="representations", unit="image") as bar,
    ):

        def write(images: Tensor, part: slice) -> None:
            with torch.inference_mode():
                found = tap(images)
            said = [_finite(found[layer.name], layer, subject) for layer in watched]
            predicted = found["logits"].argmax(dim=1).cpu().numpy()
            writer.append(
                {layer_column(k): values for k, values in enumerate(said)}
                | {"row": rows[part], "predicted": predicted}
            )
            bar.update(len(images))

        subject.over(rows, write)
        writer.attributes |= {
            **(attributes or {}),
            "network": subject.network.name,
            "layers": [layer.described for layer in watched],
        }


@dataclass(frozen=True)
class Representation:
    """What one layer says of some images, read where it is asked for.

    Arguments:
        store: The store.
        layer: The layer.
        column: Its column.
        places: Where the images lie in the store, (images,).
    """

    store: Rows
    layer: Layer
    column: str
    places: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of it all, (images, *shape of the layer)."""
        return (len(self), *self.layer.shape)

    def __getitem__(self, chosen: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Read some of the images, in any order, (chosen, *shape of the layer)."""
        return self.store.read(self.places[chosen], self.column)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Number of the highest output for every image, (images,)."""
        return self.store.read(self.places, "predicted")


def open_representation(path: Path, layer: str, rows: NDArray[np.int64]) -> Representation:
    """Open what a layer says of images.

    Arguments:
        path: What `record_representations` wrote.
        layer: Name of the layer.
        rows: Rows of the images in the dataset, in any order.

    Raises:
        ConfigError: If the layer or an image was not recorded.
    """
    store = Rows(path)
    layers = read_layers(store.attributes["layers"])
    names = [own.name for own in layers]
    number = names.index(choose(f"{path}: layer", layer, names))
    return Representation(store, layers[number], layer_column(number), places_of(store, rows))


def _finite(values: Tensor, layer: Layer, subject: Subject) -> NDArray[np.float32]:
    plain: NDArray[np.float32] = values.float().cpu().numpy()
    if not np.isfinite(plain).all():
        raise ConfigError(
            f"networks.{subject.network.name}: layer {layer.name!r} answers with numbers that are "
            f"not finite. Leave {subject.network.name} out with `invariance.networks`, or compute "
            "in `precision: float32`."
        )
    return plain
