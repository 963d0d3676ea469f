"""The maps of one channel: a click on a place chooses its unit."""

__all__ = ["TITLES", "color_limit", "show_maps", "verdict"]

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from actsense.drawing.intervals import WITHOUT, are_known
from actsense.explorer.clicks import at_pixel, show_clickable
from actsense.explorer.controls import pick, plain
from actsense.explorer.heatmaps import color_bar, heatmap
from actsense.explorer.reading import INDICES, left_out, maps, rare_map
from actsense.explorer.scene import Scene

TITLES = {
    "S1": "S1",
    "ST": "ST",
    "shapley": "Shapley effect",
    "mean_difference": "mean difference",
    "rank_biserial": "rank-biserial",
}
SCALES = {"own": "each index its own", "full": "0 to 1"}
FLOOR = 0.01  # shares below are noise or next to nothing: colors are not stretched over them
CHANCE = 0.05  # of 95 % intervals leave out 0 where there is nothing
Floats = NDArray[np.float64]


def show_maps(scene: Scene) -> None:
    """Show the maps of the chosen channel beside the half-widths of their intervals."""
    found = scene.shelf.read(maps, scene.layer, scene.factor, scene.number)
    rare = scene.shelf.read(rare_map, scene.layer, scene.number)
    scale = pick(st.container(), "Colors", "colors", list(SCALES), words=SCALES)
    axes = [axis for axis in scene.at if axis != scene.axis]
    columns = []
    for name, (value, half) in found.items():
        signed = name not in INDICES
        if signed and not are_known(value):
            continue
        own = None if signed else rare
        floor = 0.0 if signed else FLOOR
        full = scale == "full" and not signed
        limit = 1.0 if full else color_limit(value, half, own, floor)
        drawn: dict[str, Any] = {
            "chosen": scene.position,
            "signed": signed,
            "rare": own,
            "clicked": at_pixel(axes, value.shape),
        }
        words = verdict(value, half, own)
        columns.append(
            '<div style="min-width:0;display:grid;align-content:start;gap:0.5rem">'
            + heatmap(value, limit, title=TITLES[name], **drawn)
            + (heatmap(half, limit, title="± half-width", **drawn) if are_known(half) else "")
            + color_bar(limit, signed=signed)
            + (f'<div class="beside">{words}</div>' if words else "")
            + "</div>"
        )
    layer, factor = plain(scene.layer), plain(scene.factor)
    st.markdown(f"**Maps of {layer}, channel {scene.number}, factor {factor}**")
    row = "display:grid;gap:0.8rem;grid-template-columns:repeat(auto-fit,minmax(7.4rem,1fr))"
    row += f";max-width:{14 * len(columns)}rem"
    show_clickable(f'<div style="{row}">{"".join(columns)}</div>', "maps")
    _show_words(scene, found)


def color_limit(
    value: Floats, half: Floats, rare: NDArray[np.bool_] | None, floor: float
) -> float:
    """Return the value of a map's last color.

    Arguments:
        value: The map.
        half: Half-widths of its intervals; they count where no interval leaves out 0.
        rare: Units whose values cannot be trusted, which do not count.
        floor: The least limit, so that noise is not stretched over all colors.
    """
    shown = np.full(value.shape, True) if rare is None else ~rare
    known = np.abs(value[np.isfinite(value) & shown])
    widths = half[np.isfinite(half) & shown]
    beyond = (np.abs(value) > half)[shown & np.isfinite(half)]
    empty = widths.max(initial=0) if not beyond.any() else 0
    return float(max(known.max(initial=0), empty, floor)) or 1.0


def verdict(value: Floats, half: Floats, rare: NDArray[np.bool_] | None) -> str:
    """Say of a map with intervals whether there is anything to see; nothing if there is."""
    judged = np.isfinite(value) & np.isfinite(half)
    judged &= True if rare is None else ~rare
    count, beyond = int(judged.sum()), int((np.abs(value) > half)[judged].sum())
    if count and not beyond:
        return "Nothing here: all intervals cover 0."
    if count and beyond <= CHANCE * count:
        return f"{beyond} of {count:,} intervals leave out 0, no more than by chance."
    return ""


def _show_words(scene: Scene, found: dict[str, tuple[Floats, Floats]]) -> None:
    gone = scene.shelf.read(left_out, scene.layer)
    contrast = (
        " Mean difference: augmented minus untouched response, in the unit's own scale."
        if "mean_difference" in found and are_known(found["mean_difference"][0])
        else ""
    )
    below = (
        "Below: half-width of its 95 % interval in the same colors; where it is as bright as the "
        "map, there is nothing to see."
        if any(are_known(half) for _, half in found.values())
        else f"{WITHOUT.capitalize()}."
    )
    st.caption(
        "Above: the share of every unit's variance that is due to the factor. "
        f"{below} Click a place to choose its unit, which is framed. Gray: dead units, or "
        "unknown; pale blue: rare units, of which too little is known. In the whole layer: "
        f"{gone}.{contrast}"
    )
