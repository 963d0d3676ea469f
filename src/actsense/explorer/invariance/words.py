"""What table `invariance_kept` says, in sentences for somebody who knows nothing of it."""

__all__ = ["BETWEEN", "consistency_table", "kept_table", "kept_verdicts", "percent"]

from collections.abc import Iterator

import numpy as np
import pandas as pd

from actsense.invariance.choices import RANDOM, TRAINED

FREE = "explained_latent"
BETWEEN = {"agreement": "class agreement", "cosine": "centred cosine"}
LIMITED = "limited by the autoencoder"
STATES = {TRAINED: "trained", RANDOM: "random weights"}


def kept_verdicts(own: pd.DataFrame) -> Iterator[str]:
    """Say what the layers of a network keep.

    Arguments:
        own: Rows of table `invariance_kept` on one network, layers in their order.
    """
    free = _of(own, TRAINED, FREE)
    if len(free) > 1:
        yield _over_depth(free)
    elif len(free):
        only = free.iloc[0]
        yield f"{only['layer']} leaves {_with_span(only)} of what the images are made of free."
    changed = _of(own, f"{TRAINED} - {RANDOM}", FREE)
    if len(free) and len(row := changed[changed["layer"] == free["layer"].iloc[-1]]):
        yield _against_random(row.iloc[0])
    if len(free):
        yield from _likeness(own, str(free["layer"].iloc[-1]))
    if len(limited := free[free["limited"].astype(bool)]):
        names = ", ".join(limited["layer"])
        yield (
            f"At {names} the autoencoder loses too much: numbers there tell of it as much as of "
            "the layer."
        )


def kept_table(own: pd.DataFrame) -> pd.DataFrame:
    """Return the shares left free as a chart takes them: also whether they are limited.

    Returns:
        Columns `layer`, `state` in words, `value`, `low`, `high` and `limited`.
    """
    rows = own[(own["measure"] == FREE) & _layers(own)]
    columns = ["layer", "value", "low", "high"]
    told = rows["limited"].astype(bool).map({True: LIMITED, False: "not limited"})
    return rows[columns].assign(state=rows["state"].map(STATES), limited=told)


def consistency_table(own: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return a measure between its floor and its ceiling, a row for every layer and state.

    Arguments:
        own: Rows of table `invariance_kept` on one network.
        measure: One of `BETWEEN`.

    Returns:
        Columns of `kept_table`, with `floor` and `ceiling`.
    """
    rows = own[_layers(own)]
    keys = ["layer", "state"]
    found = rows[rows["measure"] == measure][[*keys, "value", "low", "high", "limited"]]
    for end in ("floor", "ceiling"):
        other = rows[rows["measure"] == f"{measure}_{end}"][[*keys, "value"]]
        found = found.merge(other.rename(columns={"value": end}), on=keys, how="left")
    told = found["limited"].astype(bool).map({True: LIMITED, False: "not limited"})
    return found.assign(state=found["state"].map(STATES), limited=told)


def percent(value: float) -> str:
    """Write a share: neither 0 nor 100 % if it is not."""
    if np.isnan(value):
        return "an unknown share"
    shown = 100 * value
    if 0 < shown < 1 or 99 < shown < 100:
        return f"{shown:.1f} %"
    return f"{shown:.0f} %"


def _of(own: pd.DataFrame, state: str, measure: str) -> pd.DataFrame:
    """Return the rows of layers, without those of differences between layers."""
    rows = own[(own["state"] == state) & (own["measure"] == measure)]
    return rows[~rows["layer"].isin(_differences(own))]


def _layers(own: pd.DataFrame) -> pd.Series:
    return own["state"].isin(STATES) & ~own["layer"].isin(_differences(own))


def _differences(own: pd.DataFrame) -> set[str]:
    """Name the differences of one layer from the one before it."""
    names = list(dict.fromkeys(own["layer"]))
    return {f"{layer} - {before}" for layer in names for before in names}


def _with_span(row: pd.Series) -> str:
    text = percent(row["value"])
    if np.isnan(row["low"]) or np.isnan(row["high"]):
        return text
    return f"{text} ({100 * row['low']:.0f} to {100 * row['high']:.0f})"


def _over_depth(free: pd.DataFrame) -> str:
    first, last = free.iloc[0], free.iloc[-1]
    apart = last["low"] > first["high"] or last["high"] < first["low"]
    verb = "rises" if last["value"] > first["value"] else "falls"
    said = (
        f"From {first['layer']} to {last['layer']}, the share of what images are made of that is "
        f"left free {verb} from {_with_span(first)} to {_with_span(last)}."
    )
    return said if apart else f"{said} That difference is not certain."


def _against_random(row: pd.Series) -> str:
    low, high = 100 * row["low"], 100 * row["high"]
    points = f"{100 * abs(row['value']):.0f} points ({low:.0f} to {high:.0f})"
    points += ", as far as the autoencoder shows it" if row["limited"] else ""
    if low > 0:
        return f"Training lets {row['layer']} discard more than random weights do: by {points}."
    if high < 0:
        return f"Training lets {row['layer']} keep more than random weights do: by {points}."
    return (
        f"Whether training changed how much {row['layer']} discards is not certain: "
        f"{100 * row['value']:+.0f} points ({low:.0f} to {high:.0f})."
    )


def _likeness(own: pd.DataFrame, layer: str) -> Iterator[str]:
    rows = own[(own["state"] == TRAINED) & (own["layer"] == layer)].set_index("measure")["value"]
    names = ("agreement", "agreement_floor", "agreement_ceiling")
    if not {*names} <= {*rows.index}:
        return
    value, floor, ceiling = (float(rows[name]) for name in names)
    yield (
        f"The network gives {percent(value)} of the samples of {layer} the class of their image. "
        f"Of other images' samples it would be {percent(floor)}, and the autoencoder allows "
        f"{percent(ceiling)}."
    )
