"""A still image that moves like a video, to look at and to keep."""

__all__ = ["show_video"]

import base64

import numpy as np
import streamlit as st

from actsense.errors import ConfigError
from actsense.explorer.controls import pick, plain
from actsense.explorer.invariance.cards import Tile, framed_row
from actsense.explorer.invariance.gallery import choose_image
from actsense.explorer.invariance.opened import Opened, remembered
from actsense.explorer.invariance.outcomes import Played
from actsense.explorer.invariance.stage import Stage
from actsense.explorer.invariance.uploads import read_clip_upload

FRAMES, STRIP = 48, 8  # of a clip that are read, and of the strip
MEGABYTES = 50  # of a clip
SHIPPED, OWN = "shipped", "own"
CLIPS = {SHIPPED: "a disc on its round", OWN: "your own"}
KINDS = ["gif", "mp4", "webm", "mov", "mkv", "avi", "m4v", "mpg", "mpeg"]


def show_video(stage: Stage, opened: Opened) -> None:
    """Let an image move like a clip."""
    st.markdown(f"##### Let an image move in what {plain(stage.layer)} does not tell")
    place = choose_image(stage.gallery, "Reference image")
    source = pick(st.container(), "Clip", "clip", list(CLIPS), words=CLIPS, buttons=True)
    if source == OWN:
        _upload(stage.stored.side)
    kept = st.session_state.get("own_clip") if source == OWN else None
    if source == OWN and kept is None:
        st.info("Bring a GIF or a video to begin.", icon=":material/movie:")
        return
    if isinstance(kept, str):
        st.warning(plain(kept), icon=":material/broken_image:")
        return

    def work() -> tuple[Played, bytes]:
        from actsense.explorer.invariance.playing import film_bytes, translate
        from actsense.invariance.demos.clips import driving_clip

        clip = driving_clip(stage.stored.side) if kept is None else kept
        found = translate(opened.demos, stage.layer, clip, stage.images([place])[0][0])
        still = np.broadcast_to(found.images["reference"], found.images["frames"].shape)
        parts = [found.images["frames"], still.copy(), found.images["images"]]
        return found, film_bytes(parts, clip.rate)

    about = SHIPPED if kept is None else kept.frames.tobytes()
    found, film = remembered(stage.depends(opened, [place], "video", about), work)
    outputs, said = stage.stored.outputs, found.predicted["images"]
    first = int(found.predicted["reference"])
    same = int((said == first).sum())
    st.markdown(
        f"The network says **{plain(outputs[first])}** of the reference image, and of {same} of "
        f"{len(said)} frames that move it."
    )
    address = f"data:image/gif;base64,{base64.b64encode(film).decode()}"
    st.html(
        f'<img src="{address}" alt="clip, reference image and translation" '
        'style="max-width:100%;width:560px">'
    )
    st.caption("From left to right: the clip, the reference image, and the image that moves.")
    st.download_button("Save as GIF", film, "translation.gif", "image/gif", on_click="ignore",
                       icon=":material/download:")  # fmt: skip
    some = np.unique(np.linspace(0, len(said) - 1, STRIP).round().astype(int))
    frames, moved = found.images["frames"], found.images["images"]
    st.html(framed_row([Tile(frames[k], f"frame {k + 1}") for k in some]))
    tiles = [Tile(moved[k], "", outputs[said[k]], bool(said[k] == first)) for k in some]
    st.html(framed_row(tiles))
    st.caption(
        "**What the layer says is that of the reference image all the time; what it does not say "
        "follows the clip.** A layer that discards much lets the image move far. ✓: the class of "
        f"the reference image. Of a longer clip the first {FRAMES} frames are shown."
    )


def _upload(side: int) -> None:
    """Take a clip: it is kept for this visitor, or what is wrong with it."""

    def read() -> None:
        file = st.session_state.own_clip_file
        try:
            st.session_state.own_clip = file and read_clip_upload(file, side, FRAMES)
        except ConfigError as error:
            st.session_state.own_clip = str(error)

    st.file_uploader(
        "GIF or video", KINDS, key="own_clip_file", on_change=read, max_upload_size=MEGABYTES
    )
