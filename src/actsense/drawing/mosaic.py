"""Maps of shares side by side in one picture: an image of its own for each takes far longer."""

__all__ = ["COLORS", "LEGEND", "LIMITS", "Mosaic", "share_bar"]

from dataclasses import dataclass, field

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize, PowerNorm, to_rgba_array
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.style import FLAGS, place

LIMITS = PowerNorm(0.5, 0, 1, clip=True)  # the same in every figure; the root shows small shares
COLORS = colormaps["magma"].with_extremes(bad=FLAGS["dead"])
LEGEND = "Gray: dead units, pale blue: rare units"
FINEST = 96  # pixels of a side: smaller maps are magnified, so that gaps are whole pixels


@dataclass(frozen=True)
class Mosaic:
    """Maps in rows and columns, with gaps between them.

    Arguments:
        planes: Values, (row, column, height, width); NaN for dead units.
        rare: Units whose values cannot be trusted, same shape; pale blue.
        gap: Between rows and between columns, in shares of the longer side of a map.
        limits: From values to places on the scale; that of shares of variance by default.
        colors: The scale.
        finest: Pixels of a side: smaller maps are magnified.
        count: Maps that there are, row by row; behind them all is white. None: all.
    """

    planes: NDArray[np.float32]
    rare: NDArray[np.bool_]
    gap: tuple[float, float]
    limits: Normalize = LIMITS
    colors: Colormap = field(default_factory=lambda: COLORS)
    finest: int = FINEST
    count: int | None = None

    @property
    def magnified(self) -> int:
        """Pixels of the picture for one unit of a map, along a side."""
        longest: int = max(self.planes.shape[2:])
        return -(-self.finest // longest)

    @property
    def side(self) -> int:
        """Pixels of the square that a map stands in."""
        longest: int = max(self.planes.shape[2:])
        return self.magnified * longest

    @property
    def pitch(self) -> tuple[int, int]:
        """Pixels from one row to the next, and from one column to the next."""
        down, right = (self.side + round(gap * self.side) for gap in self.gap)
        return down, right

    def picture(self) -> NDArray[np.uint8]:
        """Compose the picture, (height, width, RGBA); gaps are white."""
        rows, columns, high, wide = self.planes.shape
        down, right = self.pitch
        colors = self.colors(self.limits(np.ma.masked_invalid(self.planes)), bytes=True)
        colors[self.rare] = to_rgba_array(FLAGS["rare"])[0] * 255
        if self.count is not None:
            colors.reshape(-1, high, wide, 4)[self.count :] = 255
        colors = colors.repeat(self.magnified, axis=2).repeat(self.magnified, axis=3)
        top, left = ((self.side - self.magnified * length) // 2 for length in (high, wide))
        canvas = np.full((rows, down, columns, right, 4), 255, np.uint8)
        spot = (slice(top, top + colors.shape[2]), slice(left, left + colors.shape[3]))
        canvas[:, spot[0], :, spot[1]] = colors.transpose(0, 2, 1, 3, 4)
        return canvas.reshape(rows * down, columns * right, 4)

    def show(self, axis: Axes) -> None:
        """Draw the picture; one unit of the axes is one of its pixels."""
        picture = self.picture()
        high, wide = picture.shape[:2]
        # Sharp edges for pixels that are larger than those of a page, and an average otherwise.
        drawn = "nearest" if self.magnified > 1 else "auto"
        axis.imshow(picture, extent=(0, wide, high, 0), aspect="auto", interpolation=drawn)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)


def share_bar(figure: Figure, left: float, top: float, height: float) -> None:
    """Draw the scale of all mosaics, inches from the left and upper edges of a figure."""
    bar = place(figure, left, top, 0.16, height)
    label = "share of variance (square roots)"
    figure.colorbar(ScalarMappable(LIMITS, COLORS), bar, label=label, extend="both")
