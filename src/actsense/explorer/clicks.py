"""HTML of our own in which a click chooses something, as a component of the page."""

__all__ = ["at_pixel", "choice", "follow", "show_clickable"]

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from actsense.explorer.link import Wishes

FOLDER = Path(__file__).parent
HTML = '<div class="clicks"></div>'


def choice(wishes: Mapping[str, object], *, instead_of: Sequence[str] = ()) -> str:
    """Return the attribute of an HTML element, best a button, a click on which chooses something.

    Arguments:
        wishes: What is chosen, by the names of a link.
        instead_of: Choices that make no sense any more.
    """
    told = {"wishes": {name: str(value) for name, value in wishes.items()}}
    return f'data-choice="{escape(json.dumps(told | {"instead_of": [*instead_of]}))}"'


def at_pixel(axes: Sequence[str], shape: tuple[int, int]) -> str:
    """Return the attributes of an element that is a map: a click chooses a row and a column.

    Arguments:
        axes: What positions are called in a link: row and column, or the column alone.
        shape: Rows and columns of the map.
    """
    rows, cols = shape
    return f'data-axes="{escape(json.dumps([*axes]))}" data-rows="{rows}" data-cols="{cols}"'


def show_clickable(html: str, key: str) -> None:
    """Show HTML whose elements with a `choice`, or maps `at_pixel`, can be clicked.

    Arguments:
        html: What is shown; names in it are escaped.
        key: Name of this part of the page.
    """
    _component()(data={"html": html}, key=key, on_chosen_change=_choose(key))


def follow(wishes: Wishes, chosen: Mapping[str, Any]) -> None:
    """Take over what was clicked.

    Arguments:
        wishes: What this visitor wants.
        chosen: `wishes` by name, and `instead_of` for names that are forgotten.
    """
    wishes.forget([str(name) for name in chosen.get("instead_of", ())])
    for name, value in chosen.get("wishes", {}).items():
        wishes.want(str(name), str(value))


def _choose(key: str) -> Callable[[], None]:
    def choose() -> None:
        chosen = st.session_state[key].chosen
        if chosen:
            follow(st.session_state.wishes, chosen)

    return choose


@cache
def _component() -> Any:
    # Once: a component that is registered again replaces the one on the page.
    css, js = (FOLDER.joinpath(f"clicks.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return st.components.v2.component("actsense_clicks", html=HTML, css=css, js=js)
