"""Cards of the overview as HTML: strongest channels, networks, and studies to go to."""

__all__ = ["colors_of", "factor_cards", "findings_list", "place_cards", "table_of_networks"]

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np

from actsense.drawing.style import FACTOR_COLORS, factor_labels
from actsense.explorer.clicks import choice
from actsense.explorer.overview.strongest import Strong
from actsense.findings.finding import Finding
from actsense.inspection import StudyResults
from actsense.inspection.network_facts import HEADS, network_rows

UNIT = ("channel", "unit", "row", "col", "axis_0", "axis_1")
CELL = "padding:0.25rem 1rem 0.25rem 0;border-bottom:1px solid #e3e3e6;text-align:left"
LEGEND = "display:flex;flex-wrap:wrap;gap:0.2rem 1rem;font-size:0.85rem"
LIST = "padding-left:1.1rem;margin:0;font-size:0.92rem;line-height:1.45"


def table_of_networks(study: StudyResults) -> str:
    """Return networks with accuracy, layers, units and designs."""
    head = "".join(f'<th style="{CELL};font-weight:600">{name}</th>' for name in HEADS)
    body = "".join(
        f"<tr>{''.join(f'<td style={CELL!r}>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in network_rows(study)
    )
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse;font-size:0.92rem">'
        f"<tr>{head}</tr>{body}</table></div>"
    )


def factor_cards(found: Iterable[Strong], factors: Sequence[str]) -> str:
    """Return the strongest channels below the name of each factor; a click shows one."""
    labels = factor_labels(factors)
    of_factor: dict[str, list[str]] = {name: [] for name in factors}
    for one in found:
        of_factor[one.factor].append(_channel_card(one))
    parts = []
    for factor, cards in of_factor.items():
        body = "".join(cards) or '<div class="beside">No channel beyond its interval.</div>'
        parts.append(
            '<div class="strong"><div class="factor">'
            f"{_swatch(factor)}{escape(labels[factor])}</div>"
            f'<div class="cards">{body}</div></div>'
        )
    return "".join(parts)


def colors_of(factors: Sequence[str]) -> str:
    """Return a legend of the factors that wraps where there is little room."""
    labels = factor_labels(factors)
    names = "".join(
        f'<span style="white-space:nowrap">{_swatch(name)}{escape(labels[name])}</span>'
        for name in factors
    )
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:0.2rem 1rem;font-size:0.85rem">{names}</div>'
    )


def findings_list(findings: Sequence[Finding]) -> str:
    """Return findings as HTML, the question of each in bold."""
    items = "".join(
        f'<li style="margin:0.45rem 0"><strong>{escape(one.question)}</strong> '
        f"{_marked(one.text)}</li>"
        for one in findings
    )
    return (
        f'<ul style="padding-left:1.1rem;margin:0;font-size:0.92rem;line-height:1.45">{items}</ul>'
    )


def place_cards(places: Iterable[tuple[str, str, Mapping[str, str], str]]) -> str:
    """Return where to look on.

    Arguments:
        places: Name, what it shows, what a click chooses, and the command that makes it, which
            is shown where there is nothing to choose.
    """
    cards = []
    for name, what, wishes, command in places:
        words = f"<strong>{escape(name)}</strong><div class='beside'>{escape(what)}</div>"
        cards.append(
            f"<button {choice(wishes)}>{words}</button>"
            if wishes
            else f'<div class="off beside">{words}Make it with: '
            f"<code>{escape(command)}</code></div>"
        )
    return f'<div class="cards">{"".join(cards)}</div>'


def _channel_card(one: Strong) -> str:
    place = ", ".join(f"{axis} {number}" for axis, number in one.at.items())
    place += f" ({one.name})" * bool(one.name)
    width = f" ± {one.half:.2f}" if np.isfinite(one.half) else ""
    thumbs = "".join(f'<img src="{address}" alt="">' for address in one.images)
    wishes = {"view": "units", "layer": one.layer, "factor": one.factor, **one.at}
    return (
        f"<button {choice(wishes, instead_of=UNIT)}>"
        f'<div class="thumbs">{thumbs}</div><div>{escape(one.layer)}, {escape(place)}'
        f'<div class="beside">{one.value:.2f}{width}</div></div></button>'
    )


def _swatch(factor: str) -> str:
    color = FACTOR_COLORS.get(factor, "#0072B2")
    return (
        '<span style="display:inline-block;width:0.75rem;height:0.75rem;border-radius:50%;'
        f'margin-right:0.35rem;background:{color}"></span>'
    )


def _marked(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
