"""Images to play with, those of the study and a visitor's own: chosen by a click on them."""

__all__ = ["Gallery", "choose_image", "choose_images", "gallery", "upload_images"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from actsense.explorer.controls import pick, plain
from actsense.explorer.invariance.uploads import MOST_IMAGES, Uploaded, read_uploads
from actsense.explorer.pictures.images import image_address
from actsense.invariance.stored import StoredInvariances

PAGE = 24  # images of the study at a time
OWN = "own"  # before the number of a visitor's own image in a link
OWN_ROWS = 2**40  # beyond those of any dataset: seeds go with them
MEGABYTES = 20  # of an image
KINDS = ["png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff"]
STYLE = """<style>
[class*="st-key-picked_"] button {padding: 3px; height: auto; min-height: 0; border-radius: 6px}
[class*="st-key-picked_"] button img {width: 44px; height: 44px !important;
  max-height: none !important; image-rendering: pixelated; vertical-align: top}
[class*="st-key-picked_"] button[data-testid$="Active"] {outline: 3px solid #0072B2}
</style>"""


@dataclass(frozen=True)
class Gallery:
    """Images that can be chosen.

    Attributes:
        keys: What each is called in a link.
        titles: Label of an image of the study, name of the file of a visitor's own.
        pixels: (images, 3, side, side) uint8.
        rows: Of images of the study, and numbers beyond: seeds go with them, (images,).
        own: How many of them, the first ones, are the visitor's own.
    """

    keys: list[str]
    titles: list[str]
    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    own: int

    def of_study(self, count: int) -> "Gallery":
        """Return the first images of the study alone."""
        own = slice(self.own, self.own + count)
        return Gallery(self.keys[own], self.titles[own], self.pixels[own], self.rows[own], 0)


def gallery(stored: StoredInvariances) -> Gallery:
    """Return the visitor's own images, if there are any, and those of the study."""
    own: Uploaded | None = st.session_state.get("own_images")
    names = own.names if own is not None and own.pixels.shape[-1] == stored.side else []
    parts = [stored.images] if own is None or not names else [own.pixels, stored.images]
    return Gallery(
        [f"{OWN}{k + 1}" for k in range(len(names))] + [str(row) for row in stored.rows],
        [*names, *(f"label: {stored.classes[label]}" for label in stored.labels)],
        np.concatenate(parts),
        np.concatenate([OWN_ROWS + np.arange(len(names)), stored.rows]),
        len(names),
    )


def upload_images(place: DeltaGenerator, side: int) -> None:
    """Let a visitor bring own images; what is wrong with them is said."""

    def read() -> None:
        files = st.session_state.own_files
        st.session_state.own_images = read_uploads(files, side) if files else None

    place.file_uploader(
        "Your own images",
        KINDS,
        accept_multiple_files=True,
        key="own_files",
        on_change=read,
        max_upload_size=MEGABYTES,
        help=f"One or several files; of a folder, mark all files. At most {MOST_IMAGES}. The "
        f"centre is cut out and scaled to {side} pixels. They are shown to you alone, and nothing "
        "is stored.",
    )
    own: Uploaded | None = st.session_state.get("own_images")
    if own is None:
        return
    if own.names:
        place.caption(f"{len(own.names)} of your own, first in the list.")
        place.button("Remove them", on_click=_forget, width="stretch")
    for problem in own.problems:
        place.warning(plain(problem), icon=":material/broken_image:")


def choose_image(shown: Gallery, label: str = "Image", name: str = "anchor") -> int:
    """Let one image be chosen; return its place."""
    return _choose(shown, label, name, 1, least=1, most=1)[0]


def choose_images(
    shown: Gallery, label: str, name: str, *, count: int, least: int, most: int
) -> list[int]:
    """Let several images be chosen; return their places.

    Arguments:
        shown: What there is.
        label: What stands above.
        name: What the choice is called in a link.
        count: How many are chosen at first.
        least: How many must be.
        most: How many may be.
    """
    return _choose(shown, label, name, count, least=least, most=most)


def _choose(
    shown: Gallery, label: str, name: str, count: int, *, least: int, most: int
) -> list[int]:
    st.html(STYLE)
    wishes, key, first = st.session_state.wishes, f"picked_{name}", shown.keys[:count]
    granted: list[str] = wishes.several(name, shown.keys, first, least=least, most=most)
    options = _page(shown, granted)
    one = most == 1
    value: str | list[str] = granted[0] if one else granted
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    titles = dict(zip(shown.keys, shown.titles, strict=True))
    pixels = dict(zip(shown.keys, shown.pixels, strict=True))

    def take() -> None:
        found = st.session_state[key]
        chosen = [found] if one else found
        if least <= len(chosen) <= most and found is not None:
            wishes.want(name, ",".join(chosen))

    st.pills(
        label,
        options,
        selection_mode="single" if one else "multi",
        format_func=lambda k: f"![{plain(titles[k])}]({image_address(pixels[k], 64)})",
        key=key,
        on_change=take,
    )
    return [shown.keys.index(key) for key in granted]


def _page(shown: Gallery, granted: Sequence[str]) -> list[str]:
    """Return what is shown: own images, one page of the study's, and what is chosen."""
    own, others = shown.keys[: shown.own], shown.keys[shown.own :]
    pages = range(-(-len(others) // PAGE))
    if len(pages) > 1:
        words = {
            str(k): f"{k * PAGE + 1} to {min((k + 1) * PAGE, len(others))} of {len(others)}"
            for k in pages
        }
        place = next((k for k in granted if k in others), others[0])
        default = str(others.index(place) // PAGE)
        page = int(pick(st.sidebar, "Images", "images", list(words), words=words, default=default))
        others = others[page * PAGE : (page + 1) * PAGE]
    away = [key for key in granted if key not in own and key not in others]
    return [*own, *away, *others]


def _forget() -> None:
    st.session_state.own_images = None
