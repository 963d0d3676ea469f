"""What came of a set of pictures: medians, the random-weights control, other networks, losses."""

__all__ = ["likeness_words", "losses_words", "show_outcome", "summary_words", "transfer_words"]

from collections.abc import Iterator

import pandas as pd
import streamlit as st

from actsense.drawing.style import counted
from actsense.explorer.controls import plain, show_words, told
from actsense.explorer.pictures.closely import rows_of
from actsense.explorer.pictures.sets import Chosen, PictureSet
from actsense.explorer.pictures.words import percent
from actsense.explorer.shelf import Shelf
from actsense.featvis.stored import RANDOM, TRAINED
from actsense.inspection import StudyResults

MEASURES = {
    "percentile": ("natural images that a picture beats, %", "100 is the aim"),
    "ratio": ("drive over that of the best natural image", "1 or more is the aim"),
    "specificity": ("share of other targets that it drives less than its own", "1 is best"),
    "cosine": ("cosine with the facet's response", "1 is best; 0.8 or more is the aim"),
    "cosine_centred": ("the same, of what differs from the mean image", "1 is best"),
    "distance": ("distance from the facet's response", "0 is best"),
    "transfer": ("natural images that it beats in another network, %", "80 or more is the aim"),
    "high_frequency_ratio": ("fine detail over that of natural images", "2 or less is the aim"),
}
BETWEEN = {
    "seeds": "two starts of one target",
    "variants": "two variants of one target",
    "targets": "two different targets",
}


def show_outcome(shelf: Shelf[StudyResults], chosen: Chosen, known: PictureSet) -> None:
    """Show whether the pictures of a set worked."""
    st.markdown(f"##### Did the pictures of {plain(chosen.layer)} work?")
    with told():
        _show_summary(shelf, chosen, known)
    left, right = st.columns(2, gap="medium")
    with left, told():
        _show_likeness(shelf, chosen)
    with right, told():
        _show_transfers(shelf, chosen)
    if chosen.kind == "units":
        with told():
            _show_losses(shelf, chosen, known)


def _show_summary(shelf: Shelf[StudyResults], chosen: Chosen, known: PictureSet) -> None:
    summary = shelf.read(rows_of, "picture_summary", chosen)
    shown, gone = known.shown, known.failures
    st.markdown(
        f"{len(shown) - gone:,} of {counted(len(shown), 'picture')} can be looked at"
        + (
            f"; **{gone:,} failed: grey, or without any effect on the network.**"
            if gone
            else "; none failed."
        )
    )
    show_words(summary_words(summary))
    st.caption(
        "Medians over targets, in brackets their 95 % intervals. Natural images are the "
        "yardstick; pictures of random weights are measured in the network that made them, and "
        "the other network is the trained one."
    )


def summary_words(summary: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every measure, a column for every role, and for random weights."""
    lines = []
    for measure, (words, aim) in MEASURES.items():
        own = summary[summary["measure"] == measure]
        cells = {_role(one): _interval(one) for _, one in own.iterrows()}
        if {*cells.values()} - {"none"}:
            lines.append({"measure": words, **cells, "how to read it": aim})
    return pd.DataFrame(lines)


def _role(row: pd.Series) -> str:
    if row["weights"] == RANDOM:
        return "random weights"
    return {"most": "feel it most", "least": "feel it least"}.get(row["role"], "trained network")


def _interval(row: pd.Series) -> str:
    if pd.isna(row["median"]):
        return "none"
    text = f"{row['median']:.3g}"
    return text if pd.isna(row["low"]) else f"{text} ({row['low']:.3g} to {row['high']:.3g})"


def _show_likeness(shelf: Shelf[StudyResults], chosen: Chosen) -> None:
    likeness = shelf.read(rows_of, "picture_likeness", chosen)
    st.markdown("**How much is chance?**")
    show_words(likeness_words(likeness))
    st.caption(
        "1: alike; 0: as unlike as can be. **Two starts should be alike to the layer, two targets "
        "should not;** pixels may differ all the same."
    )


def likeness_words(likeness: pd.DataFrame) -> pd.DataFrame:
    """Write how alike pictures are to the layer, and in their pixels."""
    return pd.DataFrame(
        {
            "between": likeness["between"].map(BETWEEN),
            "of": [_role(one) for _, one in likeness.iterrows()],
            "to the layer": _two_digits(likeness["responses"]),
            "in pixels": _two_digits(likeness["pixels"]),
            "pairs": likeness["pairs"].astype(str),
        }
    )


def _show_transfers(shelf: Shelf[StudyResults], chosen: Chosen) -> None:
    transfers = shelf.read(rows_of, "picture_transfers", chosen)
    st.markdown("**Do other networks see the same in them?**")
    if transfers.empty:
        st.info("They were shown to no other network.", icon=":material/info:")
        return
    show_words(transfer_words(transfers))
    st.caption(
        "Natural images that the median picture beats in the other network: 50 % is what a "
        "natural image reaches; 80 % is the aim. Pictures of random weights are shown to the "
        "trained network: **what they reach needs no training.**"
    )


def transfer_words(transfers: pd.DataFrame) -> pd.DataFrame:
    """Write what pictures reach in other networks, the median over pictures."""
    keys = ["weights", "other", "other_layer"]
    median = transfers.groupby(keys, sort=False)["percentile"].median().reset_index()
    return pd.DataFrame(
        {
            "pictures of": median["weights"].map(
                {TRAINED: "the trained network", RANDOM: "random weights"}
            ),
            "shown to": median["other"],
            "layer": median["other_layer"],
            "beat": [f"{percent(value)} %" for value in median["percentile"]],
        }
    )


def _show_losses(shelf: Shelf[StudyResults], chosen: Chosen, known: PictureSet) -> None:
    losses = shelf.read(_losses)
    own = losses[(losses["network"] == chosen.network) & (losses["factor"] == known.factor)]
    st.markdown(f"**Do pictures of units that feel {plain(known.factor)} need it?**")
    for line in losses_words(own, known.factor):
        st.markdown(f"- {plain(line)}")
    st.caption(
        f"The {plain(known.factor)} of finished pictures is shifted, and units see them again; "
        "mean over all shifts. In brackets: 95 % intervals over units, of all layers together."
    )


def losses_words(losses: pd.DataFrame, factor: str) -> Iterator[str]:
    """Say how much of their drive pictures lose when their factor is shifted."""
    of = {"most": f"units that feel {factor} most", "least": f"units that feel {factor} least"}
    for role, row in losses.set_index("role").iterrows():
        low, high = row["low"], row["high"]
        if role in of:
            yield f"{of[str(role)]} lose {_share(row['lost'])} of their drive ({_span(low, high)})"
        else:
            certain = "certain" if low > 0 or high < 0 else "not certain"
            yield f"difference: {_share(row['lost'])} ({_span(low, high)}), which is {certain}"


def _losses(study: StudyResults) -> pd.DataFrame:
    return study.table("picture_losses")


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _span(low: float, high: float) -> str:
    return f"{100 * low:.0f} to {100 * high:.0f}"


def _two_digits(values: pd.Series) -> list[str]:
    return ["" if pd.isna(value) else f"{round(value, 2) + 0.0:.2f}" for value in values]
