"""The images that drive a unit or its channel most, with what the unit sees of them."""

__all__ = ["part_of", "show_images"]

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from actsense.errors import ConfigError
from actsense.explorer.controls import pick, plain, told
from actsense.explorer.heatmaps import picture
from actsense.explorer.reading import unit_facts
from actsense.explorer.running import fields_of
from actsense.explorer.scene import Scene
from actsense.explorer.top_pictures import (
    TopPicture,
    channel_pictures,
    top_conditions,
    top_pictures,
)

if TYPE_CHECKING:
    from actsense.networks.receptive_field import Box

OF = {"unit": "this unit", "channel": "the whole channel"}
GRID = "display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,9rem),1fr));gap:0.6rem"
WHOLE = 0.9  # of the sides of an image: who sees more sees all of it


def show_images(scene: Scene) -> None:
    """Show the images that drive the unit most, untouched and under an augmentation."""
    conditions = scene.shelf.read(top_conditions)
    untouched, *augmentations = conditions
    left, right = st.columns(2, gap="medium")
    wanted = scene.factor if scene.factor in augmentations else None
    options = augmentations or conditions
    under = pick(left, "Under", "under", options, default=wanted)
    of = "unit"
    if scene.position is not None:
        of = pick(right, "Of", "whose", list(OF), words=OF, buttons=True)
    whole = of == "channel"
    about = f"{scene.layer}, {scene.axis} {scene.number}" if whole else scene.unit_name
    st.markdown(f"##### The images that drive {plain(about)} most")
    reasons: set[str] = set()
    left, right = st.columns(2, gap="medium")
    for column, condition in ((left, untouched), (right, under)):
        with column, told():
            st.markdown(f"**{'' if condition == untouched else 'Under '}{plain(condition)}**")
            work, place = (channel_pictures, scene.number) if whole else (top_pictures, scene.at)
            found = scene.shelf.read_study(work, scene.layer, place, condition)
            reasons.add(_show_pictures(scene, found))
    _show_words(scene, whole, " ".join(sorted(reasons)).strip())


def _show_pictures(scene: Scene, found: list[TopPicture]) -> str:
    """Show pictures with what the unit sees of them; return why that is not shown."""
    if not found:
        st.info("No image changes this unit's response.", icon=":material/info:")
        return ""
    boxes, reason = _boxes(scene, found)
    cells = [
        picture(
            one.pixels,
            [f"{one.response:.3g}", f"{one.class_name}, {one.partition}", one.name],
            framed=box,
        )
        for one, box in zip(found, boxes, strict=True)
    ]
    st.html(f'<div style="{GRID}">{"".join(cells)}</div>')
    return reason


def _boxes(scene: Scene, found: Sequence[TopPicture]) -> tuple[list["Box | None"], str]:
    """Return what the units see of the pictures, or nothing and why."""
    positions = tuple(dict.fromkeys(one.position for one in found))
    try:
        seen = scene.shelf.read_study(fields_of, scene.layer, positions)
    except ConfigError as error:
        return [None] * len(found), f"What the unit sees is not framed: {error}"
    side = found[0].pixels.shape[-1]
    boxes = {position: part_of(box, side) for position, box in zip(positions, seen, strict=True)}
    reason = "" if any(boxes.values()) else "The unit sees the whole image, or nearly so."
    return [boxes[one.position] for one in found], reason


def part_of(box: "Box", side: int) -> "Box | None":
    """Return what a unit sees if it is a part of the image, and neither nothing nor nearly all."""
    height, width = box[2] - box[0], box[3] - box[1]
    return box if 0 < min(height, width) < WHOLE * side else None


def _show_words(scene: Scene, whole: bool, reason: str) -> None:
    facts = scene.shelf.read(unit_facts, scene.layer, scene.at)
    each = (
        "Every image once, with the strongest response that any unit of the channel has to it."
        if whole
        else "For comparison, over all evaluations of the design the unit answers "
        f"{facts['mean']:.3g} ± {np.sqrt(max(facts['variance'], 0)):.2g} (standard deviation)."
    )
    st.caption(
        "Strongest response first, in the unit's own scale, with the image's class, partition "
        f"and name. {each} Pictures are drawn as the network saw them; framed, and beside it "
        "enlarged: what the unit sees. Under an augmentation an image counts by the strongest of "
        f"its random draws, and that draw is shown. {plain(reason)}"
    )
