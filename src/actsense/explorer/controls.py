"""Controls that grant wishes and change them: the address always says what the page shows."""

__all__ = [
    "pick",
    "pick_along",
    "pick_amount",
    "pick_number",
    "plain",
    "show_words",
    "switch",
    "told",
    "wishes",
]

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from actsense.errors import ConfigError
from actsense.explorer.link import Wishes
from actsense.texts import printable

# Where something in between makes no sign of it: `http://`, `:smile:`, `a@b.org`, `www.`, `->`.
APART = re.compile(r"(?<=[:@])(?=\S)|(?<=www)(?=\.)|(?<=[<=-])(?=>)|(?<=<)(?=-)", re.IGNORECASE)
JOINER = "\u2060"  # of words, without width
ROWS = 24  # of a table of words that stands whole on the page
TABS = 12  # up to so many options stand side by side where a row of buttons is asked for


def wishes() -> Wishes:
    """Return what this visitor wants, first of all what a new link says."""
    given = st.query_params.to_dict()
    if "wishes" not in st.session_state:
        st.session_state.wishes = Wishes(given)
    kept: Wishes = st.session_state.wishes
    kept.follow(given)
    return kept


def pick(
    place: DeltaGenerator,
    label: str,
    name: str,
    options: Sequence[str],
    *,
    words: Mapping[str, str] | None = None,
    default: str | None = None,
    instead_of: Sequence[str] = (),
    buttons: bool = False,
    bare: bool = False,
    explained: str | None = None,
) -> str:
    """Let one of some options be chosen.

    Arguments:
        place: Where on the page.
        label: What stands beside the control, Markdown.
        name: What the choice is called in a link.
        options: At least one.
        words: How options are written on the page, if not by their names.
        default: Chosen at first.
        instead_of: Choices that make no sense any more after another one here.
        buttons: Whether options stand side by side.
        bare: Whether the label is for screen readers alone.
        explained: What a reader who hovers is told.
    """
    key = f"pick_{name}"
    granted = st.session_state.wishes.choose(name, options, default)
    if st.session_state.get(key) != granted:
        st.session_state[key] = granted
    written = (words or {}).get
    as_buttons = buttons and len(options) <= TABS

    def write(option: str) -> str:
        text = str(written(option, option))
        return plain(text) if as_buttons else text  # those are Markdown, lists are not

    if as_buttons:
        place.segmented_control(
            label,
            options,
            format_func=write,
            key=key,
            required=True,
            help=explained,
            label_visibility="collapsed" if bare else "visible",
            on_change=_keep,
            args=(name, instead_of),
        )
    else:
        place.selectbox(
            label,
            options,
            format_func=write,
            key=key,
            help=explained,
            label_visibility="collapsed" if bare else "visible",
            on_change=_keep,
            args=(name, instead_of),
        )
    return str(granted)


def pick_along(
    place: DeltaGenerator,
    label: str,
    name: str,
    options: Sequence[str],
    default: str,
    words: Mapping[str, str] | None = None,
) -> str:
    """Let one of some options in a row be chosen on a slider.

    Arguments:
        place: Where on the page.
        label: What stands above the slider, Markdown.
        name: What the choice is called in a link.
        options: From left to right, at least one; a single one needs no slider.
        default: Chosen at first.
        words: How options are written on the page, if not by their names.
    """
    key = f"pick_{name}"
    granted: str = st.session_state.wishes.choose(name, options, default)
    if len(options) == 1:
        return granted
    if st.session_state.get(key) != granted:
        st.session_state[key] = granted
    written = (words or {}).get
    place.select_slider(
        label,
        options,
        format_func=lambda option: str(written(option, option)),
        key=key,
        on_change=_keep,
        args=(name, ()),
    )
    return granted


def pick_number(
    place: DeltaGenerator,
    label: str,
    name: str,
    count: int,
    default: int,
    *,
    instead_of: Sequence[str] = (),
) -> int:
    """Let a number from 0 to below `count` be chosen."""
    key = f"pick_{name}"
    granted: int = st.session_state.wishes.number(name, count, default)
    if st.session_state.get(key) != granted:
        st.session_state[key] = granted
    place.number_input(
        label,
        min_value=0,
        max_value=count - 1,
        step=1,
        key=key,
        disabled=count == 1,
        on_change=_keep,
        args=(name, instead_of),
    )
    return granted


def pick_amount(
    place: DeltaGenerator,
    label: str,
    name: str,
    low: float,
    high: float,
    default: float,
    *,
    whole: bool = False,
) -> float:
    """Let a number from `low` to `high`, which is larger, be chosen on a slider.

    Arguments:
        place: Where on the page.
        label: What stands above the slider, Markdown.
        name: What the choice is called in a link.
        low: Its left end.
        high: Its right end.
        default: Chosen at first.
        whole: Whether only whole numbers can be chosen.
    """
    key, step = f"pick_{name}", 1.0 if whole else None
    granted: float = st.session_state.wishes.amount(name, low, high, default)
    granted = float(round(granted)) if whole else granted
    if st.session_state.get(key) != granted:
        st.session_state[key] = granted
    place.slider(label, low, high, step=step, key=key, on_change=_keep, args=(name, ()))
    return granted


def switch(place: DeltaGenerator, label: str, name: str, option: str, on: Sequence[str]) -> None:
    """Draw a switch of one of some options.

    Arguments:
        place: Where on the page.
        label: What stands beside the switch, Markdown.
        name: What the list of those that are on is called in a link.
        option: The option.
        on: Those that are on now.
    """
    key = f"pick_{name}_{option}"
    if st.session_state.get(key) != (option in on):
        st.session_state[key] = option in on

    def turn() -> None:
        others = [one for one in on if one != option]
        own = [option] if st.session_state[key] else []
        st.session_state.wishes.want(name, ",".join([*others, *own]))

    place.toggle(label, key=key, on_change=turn)


def plain(name: str) -> str:
    """Write a name in Markdown so that it is shown as it is: no formula, picture, link or sign.

    Streamlit looks for addresses, emoji and arrows in what is left when escapes are gone; there,
    a character without width keeps signs apart.
    """
    apart = APART.sub(JOINER, printable(" ".join(name.splitlines())))
    return re.sub(r"([\\`*_\[\]<>&|$~:!#@-])", r"\\\1", apart)


def show_words(table: pd.DataFrame) -> None:
    """Show a table of words as they are, in lines that wrap where there is little room.

    One of many rows has a height of its own, and scrolls.
    """
    if len(table) > ROWS:
        st.dataframe(table, hide_index=True)
    else:
        st.table(table.map(plain).rename(columns=plain), border="horizontal", hide_index=True)


@contextmanager
def told() -> Iterator[None]:
    """Say in one line what a part of the page lacks, and go on with the others."""
    try:
        yield
    except ConfigError as error:
        st.info(plain(str(error)), icon=":material/info:")


def _keep(name: str, instead_of: Sequence[str]) -> None:
    """Take over what was just chosen, before the page is made again."""
    value = st.session_state[f"pick_{name}"]
    if value is not None:
        st.session_state.wishes.want(name, value, instead_of=instead_of)
