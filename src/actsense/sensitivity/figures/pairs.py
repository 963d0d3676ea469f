"""Pairs of factors: the largest by name, and all second-order indices of every layer."""

__all__ = ["pair_maps"]

from dataclasses import dataclass
from math import ceil

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from actsense.drawing.depth import PAGE, fitting, name_layers
from actsense.drawing.intervals import WITHOUT, bars_note
from actsense.drawing.matrices import NAME, Numbers, longest
from actsense.drawing.names import short_names
from actsense.drawing.style import (
    CONTENT,
    HEADER,
    PARTS,
    new_figure,
    place,
)

CELL, GAP = 0.3, (0.25, 0.35)  # inches of a cell, and between matrices
APART = 0.06  # inches between pairs of augmentations and those with content
WIDE, HIGH = 0.42, 0.22  # inches of a cell among the largest
NAMED = 10  # pairs
COLORS, LEAST = "RdBu_r", 0.01  # of a scale's end

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Second-order indices with every pair once.

    Arguments:
        factors: Names, in the order of the design.
        values: S2, (factors, factors, layers); NaN on and above the diagonal, and for no pairs.
        widths: Half-widths of their intervals, of the same shape; NaN where unknown.
        layers: Names.
    """

    factors: list[str]
    values: Floats
    widths: Floats
    layers: list[str]

    @classmethod
    def of(cls, totals: xr.Dataset) -> "Pairs":
        """Read the root of an index store."""
        order = ("factor", "factor_2", "layer")
        values, widths = (
            totals[name].transpose(*order).to_numpy().astype(float) for name in ("S2", "S2_ci")
        )
        below = np.tri(len(values), k=-1, dtype=bool)[..., None]
        factors, layers = ([str(one) for one in totals[n].to_numpy()] for n in order[::2])
        return cls(factors, np.where(below, values, np.nan), widths, layers)

    @property
    def told(self) -> NDArray[np.bool_]:
        """Whether an interval leaves zero out, or is not known."""
        return np.isfinite(self.values) & ~(np.abs(self.values) <= self.widths)

    def largest(self) -> list[tuple[int, int]]:
        """Return the pairs with the largest index told from zero in any layer, largest first.

        Those of content are told by its parts, where it has some: their indices add up to its own.
        """
        strength = np.where(self.told, np.abs(self.values), 0).max(axis=2, initial=0)
        if any(part in self.factors for part in PARTS) and CONTENT in self.factors:
            whole = self.factors.index(CONTENT)
            strength[whole] = strength[:, whole] = 0
        ranked = np.argsort(-strength, axis=None, kind="stable")[:NAMED]
        places = zip(*np.unravel_index(ranked, strength.shape), strict=True)
        return [(int(j), int(k)) for j, k in places if strength[j, k] > 0]

    def bound(self, rows: list[int]) -> float:
        """Return the largest magnitude told from zero in some rows, the end of their scale."""
        return max(LEAST, float(np.abs(self.values[rows][self.told[rows]]).max(initial=0)))


def pair_maps(totals: xr.Dataset, *, title: str) -> Figure:
    """Draw the largest second-order indices by name, and those of every layer as triangles.

    Pairs of augmentations have a scale of their own: those with content are far larger.

    Arguments:
        totals: Root of an index store: S2 (factor, factor_2, layer) with intervals.
        title: Network and design.
    """
    pairs = Pairs.of(totals)
    blocks, columns = _blocks(pairs)
    largest, named = pairs.largest(), pairs.factors
    names = [f"{named[k]} x {named[j]}" for j, k in largest]
    margin = max(longest(names, 8) if names else 0, longest(named)) + 0.25
    below = longest([named[k] for k in columns] or named) + 0.1
    side = CELL * len(columns), CELL * sum(map(len, blocks.values())) + APART * (len(blocks) - 1)
    pitch = side[0] + GAP[0], side[1] + GAP[1]
    across = min(len(pairs.layers), max(2, int((PAGE - margin) / pitch[0])))
    shown, note = fitting(pairs.layers, across * max(1, int((PAGE - 3) / pitch[1])))
    down = ceil(len(shown) / across)
    across = ceil(len(shown) / down)
    listed, _ = fitting(pairs.layers, int((PAGE - margin) / WIDE))
    head = HEADER + 0.3
    names_below = 0.75 * longest(short_names(listed).values(), NAME) + 0.3
    top = head + HIGH * max(1, len(names)) + names_below
    figure = new_figure(
        max(margin + across * pitch[0] + 0.2, margin + WIDE * len(listed) + 2.2),
        top + down * pitch[1] + below,
        f"{title}: which factors act together",
        "Second-order indices S2: per cent of a layer's variance that two factors make together, "
        f"beyond what both make alone.\n{_certain_note(totals)}{note}",
        arranged=False,
    )
    wide = WIDE * len(listed)
    axis = place(figure, margin, head, wide, HIGH * max(1, len(names)))
    bounds = {name: pairs.bound(rows) for name, rows in blocks.items()}
    _largest(axis, pairs, largest, names, listed, max(bounds.values(), default=LEAST))
    name_layers(axis, range(len(listed)), listed, wide, size=NAME)
    for number, (name, bound) in enumerate(reversed(bounds.items())):
        bar = place(figure, margin + wide + 0.3, head + 0.1 + 0.75 * number, 1.6, 0.13)
        norm = TwoSlopeNorm(0, -bound, bound)
        scale = figure.colorbar(ScalarMappable(norm, COLORS), bar, orientation="horizontal")
        scale.set_ticks([-bound, 0, bound])
        scale.formatter = PercentFormatter(1, symbol="", decimals=1)
        bar.tick_params(labelsize=7)
        bar.set_title(f"S2 {name}, per cent", fontsize=8, loc="left", pad=3)
    for number, layer in enumerate(shown):
        row, column = divmod(number, across)
        corner = margin + column * pitch[0], top + row * pitch[1]
        lowest = number + across >= len(shown)
        _triangle(figure, pairs, blocks, columns, layer, corner, column == 0, lowest)
    return figure


def _blocks(pairs: Pairs) -> tuple[dict[str, list[int]], list[int]]:
    """Return the rows of the triangle, augmentations apart, and its columns."""
    known = np.argwhere(np.isfinite(pairs.values).any(axis=2))
    rows, columns = (sorted(map(int, np.unique(known[:, side]))) for side in (0, 1))
    context = {CONTENT, *PARTS}
    blocks = {
        "of augmentations": [j for j in rows if pairs.factors[j] not in context],
        "with content": [j for j in rows if pairs.factors[j] in context],
    }
    return {name: own for name, own in blocks.items() if own}, columns


def _largest(
    axis: Axes,
    pairs: Pairs,
    largest: list[tuple[int, int]],
    names: list[str],
    layers: list[str],
    bound: float,
) -> None:
    """Write the largest pairs, a row each, in every layer."""
    axis.set_title(
        f"The {len(names)} largest in any layer".replace("The 1 ", "The ")
        if names
        else "No pair is told from zero in any layer",
        loc="left",
    )
    chosen = [pairs.layers.index(layer) for layer in layers]
    values = np.array([pairs.values[j, k][chosen] for j, k in largest]).reshape(-1, len(chosen))
    told = np.array([pairs.told[j, k][chosen] for j, k in largest]).reshape(-1, len(chosen))
    axis.spines[:].set_visible(False)
    if names:
        _numbered(axis, values, told, bound)
    axis.set(xlim=(-0.5, len(layers) - 0.5), ylim=(max(1, len(names)) - 0.5, -0.5))
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.tick_params(length=0)


def _triangle(
    figure: Figure,
    pairs: Pairs,
    blocks: dict[str, list[int]],
    columns: list[int],
    layer: str,
    corner: tuple[float, float],
    left: bool,
    lowest: bool,
) -> None:
    """Draw the pairs of a layer: augmentations above, content and its parts below."""
    at, title = pairs.layers.index(layer), short_names(pairs.layers)[layer]
    x, y = corner
    for number, (name, rows) in enumerate(blocks.items()):
        height = CELL * len(rows)
        axis = place(figure, x, y, CELL * len(columns), height)
        chosen = np.ix_(rows, columns, [at])
        _numbered(
            axis, pairs.values[chosen][..., 0], pairs.told[chosen][..., 0], pairs.bound(rows)
        )
        axis.spines[:].set_visible(False)
        names = [pairs.factors[j] for j in rows]
        axis.set_yticks(range(len(rows)), names if left else [""] * len(rows), fontsize=NAME)
        axis.tick_params(left=left)
        named = [pairs.factors[k] for k in columns]
        last = lowest and number == len(blocks) - 1
        axis.set_xticks(*((range(len(columns)), named) if last else ([], [])), fontsize=NAME,
                        rotation=60, ha="right", rotation_mode="anchor")  # fmt: skip
        if number == 0:
            axis.set_title(title, loc="left")
        axis.set_label(name)
        y += height + APART


def _certain_note(totals: xr.Dataset) -> str:
    words = "Gray numbers without color: the 95 % interval covers zero"
    return f"{bars_note(totals['S2_ci'], words)}.".replace(WITHOUT, WITHOUT.capitalize())


def _numbered(axis: Axes, values: Floats, told: NDArray[np.bool_], bound: float) -> None:
    """Write cells, per cent, and color those that are told from zero."""
    shown = np.where(told | np.isnan(values), values, 0)
    axis.imshow(shown, cmap=COLORS, norm=TwoSlopeNorm(0, -bound, bound), aspect="auto")
    cells = {}
    for j, k in np.argwhere(np.isfinite(values)).tolist():
        dark = abs(values[j, k]) > 0.6 * bound
        color = ("white" if dark else "black") if told[j, k] else "0.6"
        cells[j, k] = f"{100 * values[j, k]:.1f}".replace("-0.0", "0.0"), color
    Numbers(axis, cells)
