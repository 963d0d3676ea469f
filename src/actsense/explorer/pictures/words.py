"""What tables say of pictures, in words for somebody who knows nothing of them."""

__all__ = [
    "KIND_WORDS",
    "Row",
    "failed",
    "measures_table",
    "percent",
    "picture_titles",
    "short_verdict",
    "verdict",
]

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

KIND_WORDS = {"facets": "facets of images", "units": "units", "channels": "all channels"}
FAILED = "failed: no picture"
Row = Mapping[Any, Any]  # of table `pictures`: one picture


def picture_titles(pictures: pd.DataFrame) -> list[str]:
    """Name every picture among those of its target: `seed 1`, `random weights, seed 1`.

    Arguments:
        pictures: Columns `weights`, `seed` and `variant`.
    """
    many = pictures["variant"].nunique() > 1
    titles = []
    for weights, seed, variant in zip(
        pictures["weights"], pictures["seed"], pictures["variant"], strict=True
    ):
        start = f"seed {seed + 1}" + (f", variant {variant + 1}" if many else "")
        titles.append(start if weights == "trained" else f"random weights, {start}")
    return titles


def failed(row: Row) -> bool:
    """Tell whether a picture is known to have failed."""
    return bool(row.get("grey", 0) == 1)


def percent(value: float) -> str:
    """Write a percentage: 100 only if it is."""
    return "100" if value == 100 else f"{min(value, 99.9):.3g}"


def short_verdict(row: Row) -> str:
    """Say in a line how much a picture drives its target, beside natural images."""
    if failed(row):
        return FAILED
    if np.isnan(row.get("percentile", np.nan)):
        return "not judged"
    beaten = percent(row["percentile"])
    return f"beats {beaten} % of images, {row['ratio']:.2g} times the best"


def verdict(row: Row, name: str, images: int) -> str:
    """Say in sentences what came of a picture of the trained network.

    Arguments:
        row: What table `pictures` says of it.
        name: What its target is called.
        images: How many natural images it is compared with.
    """
    beaten = f"{percent(row['percentile'])} % of {images:,} natural images"
    said = (
        f"It drives {name} more than {beaten} do, "
        f"{row['ratio']:.2g} times as much as the strongest of them."
    )
    if np.isfinite(row["cosine"]):
        said += f" The layer responds to it as to the facet: cosine {row['cosine']:.2f}."
    fine = f"{row['high_frequency_ratio']:.2g} times the fine detail"
    return f"{said} It has {fine} of a natural image."


def measures_table(rows: pd.DataFrame, transfers: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of the pictures of a target: a row for every measure.

    Of those that failed nothing is told but that.

    Arguments:
        rows: What table `pictures` says of them, with their `title`.
        transfers: Rows of table `picture_transfers` on the same target.

    Returns:
        Column `measure`, one for every picture by its title, and `how to read it`.
    """
    pictures = rows.to_dict("records")
    lines: list[dict[str, str]] = []
    if any(map(failed, pictures)):
        cells = {str(one["title"]): FAILED if failed(one) else "a picture" for one in pictures}
        lines.append({"measure": "outcome", **cells, "how to read it": OUTCOME})
    for measure, (write, reading) in MEASURES.items():
        cells = {str(one["title"]): _cell(write, one) for one in pictures}
        if any(cells.values()):
            lines.append({"measure": measure, **cells, "how to read it": reading})
    for (other, layer), own in transfers.groupby(["other", "other_layer"], sort=False):
        cells = {str(one["title"]): _reached(own, one) for one in pictures}
        lines.append(
            {"measure": f"shown to {other}", **cells, "how to read it": TRANSFER.format(layer)}
        )
    return pd.DataFrame(lines)


OUTCOME = "what ended grey, or never moved the network, is no result: nothing is told of it"
TRANSFER = "natural images it beats there, in {}: whether it shows more than one network's quirks"


def _cell(write: Callable[[Row], str], row: Row) -> str:
    try:
        return "" if failed(row) else write(row)
    except (KeyError, ValueError):  # a column that this set has not, or no value
        return ""


def _number(name: str, form: str, after: str = "") -> Callable[[Row], str]:
    def write(row: Row) -> str:
        value = float(row[name])
        return f"{value:{form}}{after}" if np.isfinite(value) else ""

    return write


def _output(place: int) -> Callable[[Row], str]:
    def write(row: Row) -> str:
        said = row[f"class_{place}"]
        if not isinstance(said, str):
            return ""
        return f"{said} ({100 * row[f'probability_{place}']:.0f} %)"

    return write


def _reached(transfers: pd.DataFrame, row: Row) -> str:
    if failed(row):
        return ""
    own = transfers
    for name in ("weights", "seed", "variant"):
        own = own[own[name] == row[name]]
    return f"beats {percent(own['percentile'].iloc[0])} %" if len(own) else ""


MEASURES: dict[str, tuple[Callable[[Row], str], str]] = {
    "natural images it beats": (
        lambda row: f"{percent(row['percentile'])} %" if np.isfinite(row["percentile"]) else "",
        "100 %: it drives its target more than every natural image",
    ),
    "over the best natural image": (
        _number("ratio", ".2f", " times"),
        "its drive over that of the strongest natural image",
    ),
    "drive": (_number("activation", ".2f"), "standard deviations above the mean natural image"),
    "other targets it drives less": (
        lambda row: (
            f"{100 * float(row['specificity']):.0f} %" if np.isfinite(row["specificity"]) else ""
        ),
        "of the same set; 100 %: it is made for its own alone",
    ),
    "cosine with the facet": (
        _number("cosine", ".2f"),
        "1: the same channels respond in the same proportions",
    ),
    "cosine, from the mean image": (
        _number("cosine_centred", ".2f"),
        "the same, of what differs from the mean natural image",
    ),
    "distance from the facet": (
        _number("distance", ".2f"),
        "0: the same response in every channel",
    ),
    "fine detail": (
        _number("high_frequency_ratio", ".2g", " times"),
        "share of high frequencies over that of natural images; much more is noise",
    ),
    "contrast": (
        _number("contrast", ".2f"),
        "standard deviation of its values, which are from 0 to 1; near 0, grey",
    ),
    "the network says": (_output(1), "its output with the largest probability"),
    "... and then": (_output(2), "its second"),
}
