"""Images of which some cells are masked, in front of a network.

Cells are numbered row by row. What a masked cell shows, its fill, is one of

    mean    the mean of every channel of the image
    zero    what the network's normalisation makes zero: its mean colour
    blur    the image behind a Gaussian as wide as a cell
"""

__all__ = ["FILLS", "CellTrial", "Masks", "cell_means", "fill_images"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.attribution.grid import cells_across
from actsense.augment.patches import cell_map
from actsense.errors import ConfigError
from actsense.networks.subject import Subject, Versions
from actsense.progress import Progress

FILLS = ("mean", "zero", "blur")
BANDS = "bands"  # cells cover the image, whatever its side

# From the numbers of images and of maskings, (batch,) each, to which cells are masked,
# (batch, cells).
Masks = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class CellTrial:
    """Images that a network sees with masked cells, and the class that is asked about.

    Arguments:
        subject: The network.
        rows: Dataset rows of the images, (images,).
        targets: The class whose probability is recorded, for every image, (images,).
        size: Side of a cell, pixels.
        fills: What masked cells show, see above.
    """

    subject: Subject
    rows: NDArray[np.int64]
    targets: Tensor
    size: int
    fills: Sequence[str]

    @property
    def across(self) -> int:
        """Cells along a side."""
        return cells_across(self.subject.side, self.size)

    @property
    def device(self) -> torch.device:
        """Where the network runs."""
        return self.subject.device

    @property
    def cells(self) -> int:
        """Cells of an image."""
        return self.across**2

    def probabilities(
        self, fills: Sequence[int], masks: Masks, known: Progress | None = None
    ) -> Tensor:
        """Return the target's probability under some maskings, the same for all images.

        Arguments:
            fills: Number of the fill of every masking, (maskings,).
            masks: What they mask; its tensors are on the device of the network.
            known: Is told of every masked image.

        Returns:
            Probabilities, (images, maskings), float64 on the CPU: float32 would make 1 of
            those that a search must tell apart.

        Raises:
            ConfigError: If logits are not finite.
        """
        # The last one is kept: most maskings of the same images have the same fill.
        filling = lru_cache(maxsize=1)(self._filled)

        def show(shown: Versions) -> Tensor:
            used, fill = np.unique(np.take(fills, shown.version.numpy()), return_inverse=True)
            filled = torch.stack([filling(shown.images, self.fills[number]) for number in used])
            wanted = (shown.image, shown.version, shown.place, torch.from_numpy(fill))
            image, masking, place, number = (each.to(self.device) for each in wanted)
            hidden = masks(image, masking)[:, self._map][:, None]  # (batch, 1, height, width)
            masked = torch.where(hidden, filled[number, place], shown.images[place])
            found = self._probability(masked, self.targets[shown.image])
            if known:
                known.update(len(found))
            return found

        probabilities = self.subject.over_versions(self.rows, len(fills), show)
        if not probabilities.isfinite().all():
            raise ConfigError(
                f"spatial.cells: logits of {self.subject.network.name} are not finite. Set "
                "precision: float32."
            )
        return probabilities

    def _filled(self, images: Tensor, fill: str) -> Tensor:
        return fill_images(images, fill, self.subject.mean_colour.flatten(), self.size)

    def _probability(self, images: Tensor, targets: Tensor) -> Tensor:
        """Return the probability of the target of every image, (batch,) float64."""
        logits = self.subject.logits(images).double()
        probabilities = self.subject.as_probabilities(logits)
        return probabilities.gather(1, targets.to(self.device)[:, None])[:, 0]

    @cached_property
    def _map(self) -> Tensor:
        side = self.subject.side
        return cell_map(side, side, self.across, BANDS).to(self.device)


def cell_means(maps: Tensor, across: int) -> Tensor:
    """Return the mean of every map over every cell, (images, cells) float64.

    Arguments:
        maps: Maps of square images, (images, height, width).
        across: Cells along a side.
    """
    side = maps.shape[-1]
    cell = cell_map(side, side, across, BANDS).flatten()
    # float64: the sum over a cell is exact where a map is constant, so that equal cells tie.
    sums = torch.zeros(len(maps), across**2, dtype=torch.float64)
    sums.index_add_(1, cell, maps.flatten(1).double())
    return sums / cell.bincount()


def fill_images(images: Tensor, fill: str, colour: Tensor, size: int) -> Tensor:
    """Return what the images show where they are masked, of the same shape.

    Arguments:
        images: Images in [0, 1], (batch, channel, height, width).
        fill: One of `FILLS`.
        colour: What the network's normalisation makes zero, (channel,).
        size: Side of a cell, pixels.

    Raises:
        ValueError: If there is no such fill.
    """
    if fill == "mean":
        return images.mean(dim=(2, 3), keepdim=True).expand_as(images)
    if fill == "zero":
        return colour[:, None, None].expand_as(images)
    if fill == "blur":
        rows, columns = (_blur(length, size).to(images) for length in images.shape[2:])
        return rows @ images @ columns.T
    raise ValueError(f"fill must be one of {', '.join(FILLS)}; got {fill!r}.")


def _blur(length: int, sigma: float) -> Tensor:
    """Return Gaussian weights of all positions for each, (length, length); none lie outside."""
    position = torch.arange(length, dtype=torch.float64)
    weights = torch.exp(-0.5 * ((position - position[:, None]) / sigma) ** 2)
    return weights / weights.sum(dim=1, keepdim=True)
