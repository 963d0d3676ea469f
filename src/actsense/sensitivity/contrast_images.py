"""Responses of some units to single images, kept beside a contrast: its intervals rest on them."""

__all__ = ["DIFFERENCE", "UNTOUCHED", "ImageResponses"]

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from actsense.draws import stream
from actsense.layers import Layer
from actsense.sensitivity.cuts import kept_images, kept_units

Floats = NDArray[np.float32]
DIFFERENCE, UNTOUCHED = "image_difference", "image_untouched"


class ImageResponses:
    """Untouched responses, and differences under every augmentation, of units drawn by chance.

    Arguments:
        layers: All layers; some units of each are drawn, the same for all augmentations.
        samples: Rows of the images of every sample; of some of them, evenly spread, the
            responses are kept, as many of every sample.
        augmentations: Number of augmentations.
        draws: Of an image, that count by themselves; 1 where draws are averaged.
        seed: Seed of the design.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        samples: Mapping[str, NDArray[np.int64]],
        augmentations: int,
        draws: int,
        *,
        seed: int,
    ) -> None:
        self._layers, self._apart = layers, "" not in samples
        self._within = [_drawn(layer, seed) for layer in layers]
        self._units = np.concatenate(
            [layer.offset + own for layer, own in zip(layers, self._within, strict=True)]
        )
        images = kept_images(min(map(len, samples.values())), draws)
        self._places = {
            name: np.linspace(0, len(rows) - 1, images).round().astype(np.int64)
            for name, rows in samples.items()
        }
        shape = len(samples), images
        self._untouched = np.zeros((*shape, len(self._units)), np.float32)
        self._difference = np.zeros((augmentations, *shape, draws, len(self._units)), np.float32)

    def add(
        self,
        sample: str,
        start: int,
        which: int,
        control: Tensor,
        treated: Tensor,
        tile: slice,
    ) -> None:
        """Keep what some consecutive images say.

        Arguments:
            sample: Name of the sample.
            start: Place of the first image in its sample.
            which: The augmentation.
            control: Untouched responses, (images, units of the tile).
            treated: Responses to every draw, (images, draws, units of the tile).
            tile: Which units of the network.
        """
        places, number = self._places[sample], list(self._places).index(sample)
        images = slice(*np.searchsorted(places, [start, start + len(control)]))
        units = slice(*np.searchsorted(self._units, [tile.start, tile.stop]))
        if images.start == images.stop or units.start == units.stop:
            return
        columns = (self._units[units] - tile.start).tolist()
        rows = places[images] - start
        x = control[:, columns].cpu().numpy().astype(np.float64)[rows]
        y = treated[:, :, columns].cpu().numpy().astype(np.float64)[rows]
        if self._difference.shape[3] == 1:
            y = y.mean(axis=1, keepdims=True)
        self._untouched[number, images, units] = x
        # An augmentation without parameters has one draw, which stands for all.
        self._difference[which, number, images, :, units] = y - x[:, None]

    def state(self, group: range) -> dict[str, NDArray[np.generic]]:
        """Return what some augmentations have kept, for `resume`."""
        chosen = slice(group.start, group.stop)
        return {"untouched": self._untouched, "difference": self._difference[chosen]}

    def resume(self, group: range, tile: slice, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what another one had kept of some augmentations and units."""
        chosen = slice(group.start, group.stop)
        units = slice(*np.searchsorted(self._units, [tile.start, tile.stop]))
        self._untouched[..., units] = state["untouched"][..., units]
        self._difference[chosen][..., units] = state["difference"][..., units]

    def datasets(self, augmentations: Sequence[str]) -> dict[str, xr.Dataset]:
        """Return what was kept, by layer; `sampled_unit` counts along the flat layer."""
        sample = ("partition",) if self._apart else ()
        first = slice(None) if self._apart else 0
        labels = {"augmentation": list(augmentations)}
        labels |= {"partition": list(self._places)} if self._apart else {}
        found, start = {}, 0
        for layer, within in zip(self._layers, self._within, strict=True):
            units = slice(start, start + len(within))
            start = units.stop
            dimensions = (*sample, "sampled_image")
            found[layer.name] = xr.Dataset(
                {
                    UNTOUCHED: (
                        (*dimensions, "sampled_unit"),
                        self._untouched[first, :, units],
                        {"description": "untouched response to one image"},
                    ),
                    DIFFERENCE: (
                        ("augmentation", *dimensions, "sampled_draw", "sampled_unit"),
                        self._difference[:, first, :, :, units],
                        {"description": "augmented minus untouched response to one image"},
                    ),
                },
                {**labels, "sampled_unit": within},
            )
        return found


def _drawn(layer: Layer, seed: int) -> NDArray[np.int64]:
    """Draw units of a layer, ascending."""
    generator = stream(seed, "units of intervals", layer.name)
    drawn = generator.choice(layer.size, kept_units(layer), replace=False, shuffle=False)
    return np.sort(drawn).astype(np.int64)
