"""The images that every unit answers most strongly, untouched and under every augmentation alone.

Under an augmentation an image counts by the strongest of its draws, and that draw is kept: with
the parameters beside them, exactly the pictures that drove a unit can be drawn again. Among equal
responses the image with the lower row of the manifest comes first. An image that a unit answers
no more strongly than its weakest one is no top image: a unit that never changes has none.
"""

__all__ = ["TopImages"]

from collections.abc import Mapping
from math import prod

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from actsense.augment import parameter_columns
from actsense.layers import Layer
from actsense.sampling.designs import ORIGINAL
from actsense.sampling.law import Evaluations
from actsense.sampling.opening import Sampling
from actsense.sensitivity.strongest import Strongest
from actsense.store import Results

KEPT = ("responses", "numbers", "lowest")  # of a condition
DESCRIPTIONS = {
    "image": "row of the manifest, strongest response first; -1 where there is none",
    "draw": "which random draw of the augmentation, counted from 0; -1 where there is none",
    "response": "the unit's response to it, in its own scale; NaN where there is none",
}


class TopImages:
    """The strongest images of every unit in the making, for all conditions of a contrast.

    Arguments:
        sampling: Images, network and augmentations.
        results: Takes the datasets of the store.
        images: Different images of the contrast, of each of its samples.
        draws: Random draws of an augmentation per image.
        top_images: Images to keep per unit and condition; 0 for none.
        partitions: `pooled`, or `each` a sample of its own; here they compete.

    Attributes:
        ranks: As many.
    """

    def __init__(
        self,
        sampling: Sampling,
        results: Results,
        *,
        images: int,
        draws: int,
        top_images: int,
        partitions: str = "pooled",
    ) -> None:
        self._sampling, self._results = sampling, results
        samples = sampling.law.pool.samples(images, apart=partitions == "each")
        # Pictures are numbered by the row of their image, then by draw: so ties are broken.
        self._rows = np.sort(np.concatenate([*samples.values()]))
        self._columns = parameter_columns(sampling.law.augmentations, sampling.law.catalog)
        total = sum(len(ranges) for ranges in sampling.law.parameters)
        self._parameters = np.zeros((len(self._rows), draws, total), dtype=np.float32)
        self.ranks = top_images
        self._conditions = [ORIGINAL, *sampling.law.augmentations]
        self._tile, self._strongest = slice(0), dict[int, Strongest]()
        results.append("", xr.Dataset(coords={"condition": self._conditions}))

    def begin(self, tile: slice, group: range | None = None) -> None:
        """Watch some units, while all images pass.

        Arguments:
            tile: The units.
            group: Augmentations that are watched, all by default; untouched images are with the
                first one.
        """
        device, units = self._sampling.subject.device, tile.stop - tile.start
        self._tile = tile
        self._strongest = {
            which: Strongest(self.ranks, units, device) for which in self._watched(group)
        }

    def _watched(self, group: range | None) -> range:
        group = range(len(self._conditions) - 1) if group is None else group
        return range(group.start - (group.start == 0), group.stop)

    def add(self, augmentation: int, evaluations: Evaluations, responses: Tensor) -> None:
        """Add some images under one condition; none may come twice.

        Arguments:
            augmentation: Position among the augmentations, or -1 for the untouched images.
            evaluations: What the network saw, image by image, all draws of an image in turn.
            responses: What it answered, (images, draws, units).
        """
        draws = responses.shape[1]
        places = np.searchsorted(self._rows, evaluations.image[::draws])
        if augmentation >= 0:
            columns = self._columns[self._sampling.law.augmentations[augmentation]]
            drawn = evaluations.values[:, columns].reshape(len(places), draws, -1)
            self._parameters[places, :draws, columns] = drawn
        if self.ranks:
            first = (places * draws).astype(np.int32)
            self._strongest[augmentation].add(responses, first)

    def end(self) -> None:
        """Hand over what was found of the units: image, draw and response of every layer.

        Each is (condition, rank, and the axes of the layer's units).
        """
        for layer in self._sampling.layers:
            within = layer.within(self._tile)
            if within.start < within.stop:
                data = self._found(layer, within)
                self._results.append(layer.name, data, axis=layer.dimensions[0])
        self._strongest = {}

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return what was found of the watched units so far, for `resume`."""
        found: dict[str, NDArray[np.generic]] = {"parameters": self._parameters}
        for which, strongest in self._strongest.items():
            for name in KEPT:
                found[f"{which}/{name}"] = getattr(strongest, name).cpu().numpy()
        return found

    def resume(
        self, group: range, state: Mapping[str, NDArray[np.generic]], units: slice = slice(None)
    ) -> None:
        """Go on from what another one had found.

        Arguments:
            group: The augmentations that it watched.
            state: What it had found.
            units: Which of the watched units these are.
        """
        for which in group:
            columns = self._columns[self._sampling.law.augmentations[which]]
            self._parameters[..., columns] = state["parameters"][..., columns]
        for which in self._watched(group):
            for name in KEPT:
                kept = getattr(self._strongest[which], name)
                kept[..., units] = torch.from_numpy(state[f"{which}/{name}"]).to(kept.device)

    def finish(self) -> None:
        """Hand over the root, which `actsense.inspection.pictures` draws pictures from."""
        law = self._sampling.law
        names = [
            f"{name}.{parameter.name}"
            for name, ranges in zip(law.augmentations, law.parameters, strict=True)
            for parameter in ranges
        ]
        root = xr.Dataset(
            {
                "rows": ("picture", self._rows, {"description": "rows of all images compared"}),
                "parameters": (
                    ("picture", "drawn", "parameter"),
                    self._parameters,
                    {"description": "what every draw of them used", "columns": names},
                ),
            },
            coords={"condition": self._conditions},
            attrs={"stretch": int(self._sampling.evaluate.stretch)}
            | ({"law": law.law} if law.law == "published" else {}),
        )
        self._results.append("", root)

    def _found(self, layer: Layer, within: slice) -> xr.Dataset:
        """Return what was found of a layer, or of some of its channels."""
        shape = len(self._conditions), self.ranks, within.stop - within.start
        images = np.empty(shape, np.int32)
        draws, answers = np.empty(shape, np.int16), np.empty(shape, np.float32)
        for k, strongest in enumerate(self._strongest.values()):
            repeats = (
                self._parameters.shape[1] if k and self._sampling.law.parameters[k - 1] else 1
            )
            responses, numbers, lowest = (
                part[..., within].cpu().numpy()
                for part in (strongest.responses, strongest.numbers, strongest.lowest)
            )
            there = responses > lowest
            image = self._rows.astype(np.int32)[np.where(there, numbers, 0) // repeats]
            images[k] = np.where(there, image, np.int32(-1))
            draws[k] = np.where(there, numbers % repeats, -1)
            answers[k] = np.where(there, responses, np.float32(np.nan))
        dimensions = ("condition", "rank", *layer.dimensions)
        channels = shape[2] // prod(layer.shape[1:])
        found = {"image": images, "draw": draws, "response": answers}
        return xr.Dataset(
            {
                name: (
                    dimensions,
                    values.reshape(*shape[:2], channels, *layer.shape[1:]),
                    {"description": DESCRIPTIONS[name]},
                )
                for name, values in found.items()
            },
            coords={"condition": self._conditions},
        )
