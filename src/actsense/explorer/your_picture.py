"""A picture of one's own under the augmentations of the design, and what the unit answers."""

__all__ = ["show_yours"]

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from actsense.drawing.style import FACTOR_COLORS
from actsense.explorer import vega
from actsense.explorer.answers import (
    SMALL,
    Asked,
    Settings,
    answer_of,
    opened_design,
    sweep_of_unit,
)
from actsense.explorer.controls import pick_along, pick_amount, pick_number, plain, switch
from actsense.explorer.curves import Style, curve_chart, curves_legend
from actsense.explorer.heatmaps import picture
from actsense.explorer.image_views import part_of
from actsense.explorer.invariance.uploads import read_uploads
from actsense.explorer.running import fields_of
from actsense.explorer.scene import Scene
from actsense.explorer.shelf import Shelf
from actsense.inspection import RunResults

if TYPE_CHECKING:
    from actsense.sampling.law import InputLaw

OTHERS, FEW_OTHERS = 24, 8  # images of the study beside one's own
YOURS, MIDDLE = "your picture", "median of images of the study"


def show_yours(scene: Scene) -> None:
    """Show a picture under augmentations, and the response of the unit beside other images.

    Raises:
        ConfigError: If the network cannot run.
    """
    st.markdown(f"##### What {plain(scene.unit_name)} answers to your picture")
    subject, law, _ = opened_design(scene.run)
    left, right = st.columns(2, gap="medium")
    with left:
        pixels = _chosen(scene, subject.images.image_size)
        settings = _sliders(law)
    with right:
        _show_pictures(scene, pixels, settings)
    name = scene.factor if scene.factor in law.augmentations else law.augmentations[0]
    held = settings.get(name) or tuple(_usual(one) for one in _parameters(law, name))
    asked = Asked(scene.layer, tuple(scene.at.values()), name, held)
    _show_curve(scene, asked, pixels)


def _chosen(scene: Scene, side: int) -> NDArray[np.uint8]:
    """Let a picture be brought, or one of the study be chosen; return it, (3, side, side)."""
    file = st.file_uploader(
        "Your picture: its centre is cut out and scaled to the images of the study",
        type=["png", "jpg", "jpeg", "webp", "bmp"],
        key="your_file",
    )
    if file is not None:
        read = read_uploads([file], side)
        for problem in read.problems:
            st.warning(plain(problem), icon=":material/image_not_supported:")
        if len(read.pixels):
            own: NDArray[np.uint8] = read.pixels[0]
            return own
    images = scene.shelf.study.images
    first = int(images.partition_rows("validation")[:1].sum())
    row = pick_number(st.container(), "or image of the study", "image", len(images), first)
    shown: NDArray[np.uint8] = images.read(np.array([row]))[0]
    return shown


def _sliders(law: "InputLaw") -> dict[str, tuple[float, ...]]:
    """Draw a switch for every augmentation, and sliders of those that are on."""
    names = law.augmentations
    found: dict[str, tuple[float, ...]] = {}
    wanted = st.session_state.wishes.several("on", names, [], least=0, most=len(names))
    for name in names:
        switch(st.container(), plain(name), "on", name, wanted)
        if name in wanted:
            found[name] = tuple(_slider(name, parameter) for parameter in _parameters(law, name))
    return found


def _slider(augmentation: str, parameter: Any) -> float:
    place, name = st.container(), f"{augmentation}.{parameter.name}"
    if hasattr(parameter, "options"):
        options = {f"{option:g}": float(option) for option in parameter.options}
        first = next(iter(options))
        return options[pick_along(place, plain(parameter.name), name, [*options], first)]
    low, high = float(parameter.low), float(parameter.high)
    if not low < high:
        return low
    label, usual = plain(parameter.name), _usual(parameter)
    return pick_amount(place, label, name, low, high, usual, whole=parameter.whole)


def _parameters(law: "InputLaw", name: str) -> tuple[Any, ...]:
    return law.parameters[law.augmentations.index(name)]


def _usual(parameter: Any) -> float:
    """Return the middle of a range."""
    return float(parameter.at(np.array(0.5)))


def _show_pictures(scene: Scene, pixels: NDArray[np.uint8], settings: Settings) -> None:
    place = tuple(scene.at.values())
    (box,) = scene.shelf.read_study(fields_of, scene.layer, (place[1:],))
    framed = part_of(box, pixels.shape[-1])
    cells = []
    for name, own in (("untouched", {}), ("as the sliders say", settings)):
        shown, answer = answer_of(scene.shelf, scene.layer, place, pixels, own)
        cells.append(picture(shown, [name, f"response {answer:.3g}"], framed=framed))
    st.html(f'<div style="display:grid;gap:0.8rem;max-width:26rem">{"".join(cells)}</div>')


def curve_table(shelf: Shelf[RunResults], asked: Asked) -> pd.DataFrame:
    """Return what the unit answers to images of the study while the augmentation grows.

    Returns:
        One row per level: `x`, `value` the median, `low` and `high` the tenth and ninetieth
        percentile.
    """
    images = shelf.study.images
    rows = images.partition_rows("validation")
    rows = rows if len(rows) else np.arange(len(images))
    count = OTHERS if images.image_size <= SMALL else FEW_OTHERS
    spread = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]
    levels, found = sweep_of_unit(shelf, asked, images.read(spread))
    low, middle, high = np.quantile(found, [0.1, 0.5, 0.9], axis=0)
    return pd.DataFrame({"x": levels, "value": middle, "low": low, "high": high})


def _show_curve(scene: Scene, asked: Asked, pixels: NDArray[np.uint8]) -> None:
    from actsense.explorer.responses import sweep_of

    levels, own = sweep_of_unit(scene.shelf, asked, pixels[None])
    with st.spinner("The network runs on images of the study ..."):
        population = scene.shelf.read_study(curve_table, asked)
    _, law, _ = opened_design(scene.run)
    name = asked.augmentation
    yours = pd.DataFrame({"curve": YOURS, "x": levels, "value": own[0], "low": own[0]})
    middle = population.assign(curve=MIDDLE, low=population["value"], high=population["value"])
    styles = {
        YOURS: Style(FACTOR_COLORS.get(name, "#0072B2")),
        MIDDLE: Style("#555555", (5, 3)),
    }
    st.html(curves_legend(styles))
    chart = curve_chart(
        pd.concat([yours.assign(high=own[0]), middle], ignore_index=True),
        styles,
        x=vega.quantity("x", f"{name}: {sweep_of(law, name, 2).name}"),
        y=vega.quantity("value", "response, in the unit's own scale"),
        band=population,
        chosen=YOURS,
    )
    st.vega_lite_chart(chart, width="stretch", key="your_curve")
    st.caption(
        f"The response of {plain(scene.unit_name)} while {plain(name)} grows, alone; its other "
        "parameters as the sliders say. Gray: from the tenth to the ninetieth percentile of "
        "validation images of the study, spread evenly. The network runs here, on the CPU. Your "
        "picture stays in memory, of your page alone: a link carries the sliders, not the picture."
    )
