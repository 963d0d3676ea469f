"""What is kept: shares left free over the layers of a network, and whether samples are true."""

__all__ = ["show_kept"]

import pandas as pd
import streamlit as st

from actsense.explorer.controls import plain, show_words
from actsense.explorer.curves import curves_legend
from actsense.explorer.invariance.charts import between_chart, free_chart, state_styles
from actsense.explorer.invariance.words import (
    BETWEEN,
    LIMITED,
    consistency_table,
    kept_table,
    kept_verdicts,
)
from actsense.explorer.shelf import Shelf
from actsense.inspection import StudyResults


def show_kept(shelf: Shelf[StudyResults], network: str) -> None:
    """Show what the layers of a network keep, by the tables of the study."""
    st.markdown(f"##### What do the layers of {plain(network)} keep of images?")
    table = shelf.read(kept_rows)
    own = table[table["network"] == network]
    for line in kept_verdicts(own):
        st.markdown(f"- {plain(line)}")
    free = kept_table(own)
    found = {measure: consistency_table(own, measure) for measure in BETWEEN}
    found = {measure: table for measure, table in found.items() if not table.empty}
    st.html(curves_legend(state_styles(free)))
    first, *others = st.columns(1 + len(found), gap="medium")
    with first:
        st.markdown("**Left free by the layer**")
        st.vega_lite_chart(free_chart(free), width="stretch", key="free")
        st.caption(
            "Share of the variance of what images are made of, the latents of the autoencoder, "
            "that is left when the layer is known. **0: the layer keeps everything; 1: it "
            "discards everything.** Bars: 95 % intervals over images. Hollow: limited by the "
            "autoencoder."
        )
    for column, (measure, between) in zip(others, found.items(), strict=True):
        with column:
            st.markdown(f"**{EXPLAINED[measure][0]}**")
            chart = between_chart(between, BETWEEN[measure])
            st.vega_lite_chart(chart, width="stretch", key=measure)
            st.caption(EXPLAINED[measure][1])
    st.markdown("**In numbers**")
    show_words(_numbers(own))


EXPLAINED = {
    "agreement": (
        "The same class to the network?",
        "Dots: share of samples with the class of their image. Bars: from the floor, samples of "
        "other images, to the ceiling, which the autoencoder sets. **Only what is well above the "
        "floor was kept.**",
    ),
    "cosine": (
        "The same to the layer?",
        "Dots: cosine of what the layer says of samples and of their image, both from the mean. "
        "Bars: from floor to ceiling, too. **Near the ceiling, samples are what the layer does "
        "not tell apart.**",
    ),
}


def kept_rows(study: StudyResults) -> pd.DataFrame:
    """Read the table of what is kept."""
    return study.table("invariance_kept")


def _numbers(own: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every layer and state, intervals in brackets."""
    free = kept_table(own)
    words = pd.DataFrame(
        {
            "layer": free["layer"],
            "weights": free["state"],
            "left free": [_span(one) for _, one in free.iterrows()],
        }
    )
    for measure, title in BETWEEN.items():
        between = consistency_table(own, measure)
        cells = {
            (one["layer"], one["state"]): f"{_rounded(one['value'])}, of "
            f"{_rounded(one['floor'])} to {_rounded(one['ceiling'])}"
            for _, one in between.iterrows()
        }
        keys = zip(free["layer"], free["state"], strict=True)
        words[title] = [cells.get(key, "") for key in keys]
    limited = free["limited"] == LIMITED
    return words.assign(note=free["limited"].where(limited, "")) if limited.any() else words


def _span(row: pd.Series) -> str:
    value, low, high = (_rounded(row[name]) for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _rounded(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # never -0.00
