"""Images of which some cells are masked, in front of a network.

Cells are numbered row by row. What a masked cell shows, its fill, is one of

    mean    the mean of every channel of the image
    zero    what the network's normalisation makes zero: its mean colour
    blur    the image behind a Gaussian as wide as a cell
"""

__all__ = ["FILLS", "CellTrial", "Masks", "cell_means", "fill_images"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.attribution.grid import cells_across
from actsense.augment.patches import cell_map
from actsense.errors import ConfigError
from actsense.networks.classifier import Classifier
from actsense.progress import Progress

FILLS = ("mean", "zero", "blur")
BANDS = "bands"  # cells cover the image, whatever its side

# From the numbers of images and of maskings, (batch,) each, to which cells are masked,
# (batch, cells), and to the number of the fill, (batch,).
Masks = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class CellTrial:
    """Images that a network sees with masked cells, and the class that is asked about.

    Arguments:
        classifier: The network.
        rows: Dataset rows of the images, (images,).
        targets: The class whose probability is recorded, for every image, (images,).
        size: Side of a cell, pixels.
        fills: What masked cells show, see above.
    """

    classifier: Classifier
    rows: NDArray[np.int64]
    targets: Tensor
    size: int
    fills: Sequence[str]

    @cached_property
    def side(self) -> int:
        """Side of the square images, pixels."""
        return int(self.classifier.read(self.rows[:1]).shape[-1])

    @cached_property
    def across(self) -> int:
        """Cells along a side."""
        return cells_across(self.side, self.size)

    @property
    def device(self) -> torch.device:
        """Where the network runs."""
        return self.classifier.device

    @property
    def cells(self) -> int:
        """Cells of an image."""
        return self.across**2

    def probabilities(self, count: int, masks: Masks, known: Progress | None = None) -> Tensor:
        """Return the target's probability under some maskings of every image.

        Arguments:
            count: Number of maskings, the same for all images.
            masks: What they are; its tensors are on the device of the network.
            known: Is told of every masked image.

        Returns:
            Probabilities, (images, count), float64 on the CPU: float32 would make 1 of those that
            a search must tell apart.

        Raises:
            ConfigError: If logits are not finite.
        """
        found = torch.empty(len(self.rows) * count, dtype=torch.float64)

        def show(part: slice) -> None:
            index = torch.arange(part.start, part.stop)
            found[part] = self._probability(index // count, index % count, masks).cpu()
            if known:
                known.update(part.stop - part.start)

        self.classifier.memory.run(len(found), show)
        if not found.isfinite().all():
            raise ConfigError(
                f"spatial.cells: logits of {self.classifier.network.name} are not finite. Set "
                "precision: float32."
            )
        return found.view(len(self.rows), count)

    def _probability(self, image: Tensor, masking: Tensor, masks: Masks) -> Tensor:
        device = self.device
        first = int(image[0])
        images = self.classifier.read(self.rows[first : int(image[-1]) + 1])
        filled = torch.stack(
            [fill_images(images, fill, self._colour, self.size) for fill in self.fills]
        )
        masked, fill = masks(image.to(device), masking.to(device))
        place = (image - first).to(device)
        hidden = masked[:, self._map][:, None]  # (batch, 1, height, width)
        logits = self.classifier.logits(torch.where(hidden, filled[fill, place], images[place]))
        targets = self.targets[image].to(device)[:, None]
        return logits.double().softmax(dim=1).gather(1, targets)[:, 0]

    @cached_property
    def _map(self) -> Tensor:
        return cell_map(self.side, self.side, self.across, BANDS).to(self.device)

    @cached_property
    def _colour(self) -> Tensor:
        return torch.tensor(self.classifier.network.mean, device=self.device)


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
