"""Pictures of what layers and units respond to: gallery, one target closely, what came of it."""

__all__ = ["show_pictures"]

from collections.abc import Callable

import streamlit as st

from actsense.drawing.style import counted
from actsense.explorer.controls import pick, plain
from actsense.explorer.pictures.cards import gallery_card
from actsense.explorer.pictures.closely import index_words, show_closely
from actsense.explorer.pictures.images import cards
from actsense.explorer.pictures.outcome import show_outcome
from actsense.explorer.pictures.sets import (
    Chosen,
    PictureSet,
    layers_by_kind,
    ordered,
    picture_set,
    pictured,
)
from actsense.explorer.pictures.words import KIND_WORDS, failed, short_verdict
from actsense.explorer.shelf import Shelf
from actsense.inspection import StudyResults

PARTS = {"gallery": "Gallery", "closely": "One closely", "outcome": "What came of it"}
ORDERS = {"store": "in order", "drive": "by drive, the strongest first"}
BELOW = ("target", "page", "picture", "iteration")  # choices that belong to a set
PAGE = 24  # cards
CARD = 226  # pixels: two stand beside each other on a tablet
WHAT = {
    "facets": "What does {layer} tell apart in the images, and what does it look for?",
    "units": "What do the units of {layer} that feel {factor} most respond to?",
    "channels": "What does every channel of {layer} respond to?",
}
EXPLAINED = {
    "facets": "A facet is a part of the natural images that the layer responds to alike. Left: "
    "the picture made for it, starting from the mean of its members; right: the members nearest "
    "to its centre.",
    "units": "Left: the picture made for the unit; right: the natural images that it responds to "
    "most. Units that feel the factor least by their index are there to compare with.",
    "channels": "Left: the picture made for the channel, averaged over its positions; right: the "
    "natural images that it responds to most.",
}
UNJUDGED = (
    "Nobody has judged these pictures yet: whether they worked, and which of them failed, is not "
    "known. It is done with: `{command}`"
)


def show_pictures(shelf: Shelf[StudyResults]) -> None:
    """Show the pictures that were made for the networks of a study."""
    networks = shelf.read(pictured)
    part = pick(st.container(), "Show", "show", list(PARTS), words=PARTS, buttons=True, bare=True)
    side = st.sidebar
    network = pick(side, "Network", "network", networks, instead_of=BELOW)
    kinds = shelf.read(layers_by_kind, network)
    kind = pick(side, "Pictures of", "of", list(kinds), words=KIND_WORDS, instead_of=BELOW)
    layer = pick(side, "Layer", "layer", kinds[kind], instead_of=BELOW)
    chosen = Chosen(network, kind, layer)
    known = shelf.read(picture_set, chosen)
    if not known.judged:
        command = shelf.held.make_command("featvis")
        st.info(UNJUDGED.format(command=command), icon=":material/info:")
    SHOW[part](shelf, chosen, known)


def _show_gallery(shelf: Shelf[StudyResults], chosen: Chosen, known: PictureSet) -> None:
    heading = WHAT[chosen.kind].format(layer=plain(chosen.layer), factor=plain(known.factor))
    st.markdown(f"##### {heading}")
    order, pages = "store", -(-len(known.names) // PAGE)
    columns = st.columns(2)
    if known.judged and len(known.names) > 1:
        order = pick(columns[0], "Order", "ordered", list(ORDERS), words=ORDERS,
                     instead_of=("page",))  # fmt: skip
    targets = ordered(known, order)
    if pages > 1:
        words = {str(k): _page_words(k, len(targets)) for k in range(pages)}
        page = int(pick(columns[1], "Page", "page", list(words), words=words))
        targets = targets[page * PAGE : (page + 1) * PAGE]
    st.caption(_caption(chosen, known))
    shown = [known.shown[target] for target in targets]
    read = shelf.read_study(cards, chosen, tuple(targets), tuple(row["picture"] for row in shown))
    place = st.container(horizontal=True, gap="medium")
    for card, target, row in zip(read, targets, shown, strict=True):
        name = known.names[target]
        lines = [short_verdict(row), *_unit_lines(known, target)]
        with place.container(width=CARD, gap="xsmall"):
            st.html(gallery_card(card, name, lines, failed=failed(row)))
            st.button(
                plain(name), key=f"closely_{target}", on_click=_look(target), width="stretch"
            )


def _page_words(page: int, count: int) -> str:
    return f"{page * PAGE + 1} to {min((page + 1) * PAGE, count)} of {count:,}"


def _caption(chosen: Chosen, known: PictureSet) -> str:
    text = EXPLAINED[chosen.kind]
    if known.judged:
        text += (
            f" **A picture has worked if it drives its target more than all of the "
            f"{known.images:,} natural images do.**"
        )
        if gone := known.failures:
            text += (
                f" {counted(gone, 'picture')} of {len(known.names):,} failed, and is not shown."
            )
    return text + " Click a name to look closely."


def _unit_lines(known: PictureSet, target: int) -> list[str]:
    if not known.factor:
        return []
    return [f"feels {known.factor} {known.roles[target]}: {index_words(known, target)}"]


def _look(target: int) -> Callable[[], None]:
    def look() -> None:
        wanted = st.session_state.wishes
        wanted.want("target", target, instead_of=("picture", "iteration"))
        wanted.want("show", "closely")

    return look


SHOW = {"gallery": _show_gallery, "closely": show_closely, "outcome": show_outcome}
