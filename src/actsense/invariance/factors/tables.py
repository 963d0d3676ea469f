"""What concepts take up in latents, and in the layers of all networks, as tables."""

__all__ = ["COLUMNS", "compare_factors", "explained_table", "response_table", "size_table"]

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from actsense.invariance.factors.explained import explained_factors
from actsense.invariance.factors.stored import StoredFactors
from actsense.invariance.kept.estimates import Estimate, Floats, anchor_draws, anchor_mean
from actsense.store import read_facts, read_results
from actsense.store.tables import joined

COLUMNS = {
    "factor_sizes": ("factor", "rule", "size", "chosen", "score", "error", "rank"),
    "factors_explained": (
        *("network", "state", "epoch", "layer", "factor", "value", "low", "high"),
        *("anchors", "samples", "accuracy", "limited"),
    ),
    "factor_responses": (
        *("network", "factor", "measure", "value", "low", "high", "anchors", "samples"),
    ),
}


def compare_factors(
    card: Path, stores: Mapping[str, Path], *, bootstrap: int, seed: int
) -> dict[str, pd.DataFrame]:
    """Return the tables of a study by name, see `COLUMNS`.

    Arguments:
        card: What was told of the factors.
        stores: What was found in every network, by name.
        bootstrap: Resamples of anchors.
        seed: Seed of the study.
    """
    opened = [StoredFactors(read_results(path)) for path in stores.values()]
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in COLUMNS}
    parts["factor_sizes"].append(size_table(read_facts(card)))
    for stored in opened:
        # The same resamples for all networks, which have the same anchors.
        draws = anchor_draws(stored.anchors, bootstrap, seed=seed)
        parts["factors_explained"].append(explained_table(stored, draws))
        parts["factor_responses"].append(response_table(stored, draws))
    return {name: joined(found, COLUMNS[name]) for name, found in parts.items()}


def size_table(card: Mapping[str, Any]) -> pd.DataFrame:
    """Return how many numbers every part gets by every rule, and why.

    `score` is how much of the variance of latents a concept decides, `error` its standard error,
    `rank` in how many directions pairs agree; nothing of these for the residual. `size` is
    missing where a rule gives none.
    """
    rows = [
        {
            "factor": factor,
            "rule": rule,
            "size": np.nan if sizes is None else sizes[factor],
            "chosen": rule == card["rule"],
            "score": card["scores"].get(factor, {}).get("value", np.nan),
            "error": card["scores"].get(factor, {}).get("error", np.nan),
            "rank": card["scores"].get(factor, {}).get("rank", np.nan),
        }
        for rule, sizes in card["rules"].items()
        for factor in card["sizes"]
    ]
    return pd.DataFrame(rows)


def explained_table(stored: StoredFactors, draws: Floats) -> pd.DataFrame:
    """Return which share of the variance of every part a layer explains.

    Arguments:
        stored: What was found in a network.
        draws: From `anchor_draws`, (1 + draws, anchors).
    """
    rows = []
    for place in stored.places:
        spreads = {part: place.spread(part) for part in stored.parts}
        for part, explained in explained_factors(spreads, draws).items():
            known = {
                "network": stored.network,
                "state": place.state,
                "epoch": place.epoch,
                "layer": place.layer,
                "factor": part,
            }
            told = {"accuracy": place.accuracy, "limited": place.limited}
            rows.append(known | _estimated(stored, explained.by_layer) | told)
    return pd.DataFrame(rows)


def response_table(stored: StoredFactors, draws: Floats) -> pd.DataFrame:
    """Return what a network makes of images one part of which is another.

    With the part drawn at random: `changed`, the share of images that get another class, and
    `scatter`, the standard deviation of the numbers of their classes, as published. With the part
    of another anchor, among anchors of different classes: `follows`, the share that gets the
    other's class, and `stays`, the share that keeps its own.

    Arguments:
        stored: What was found in a network.
        draws: From `anchor_draws`, (1 + draws, anchors).
    """
    rows = []
    for part in stored.parts:
        response = stored.response(part)
        own, other, said = stored.exchanged(part)
        differ = own != other
        measures = {
            "changed": response.changed,
            "scatter": response.scatter,
            "follows": np.where(differ, said == other, np.nan),
            "stays": np.where(differ, said == own, np.nan),
        }
        for measure, values in measures.items():
            known = {"network": stored.network, "factor": part, "measure": measure}
            rows.append(known | _estimated(stored, anchor_mean(values, draws)))
    return pd.DataFrame(rows)


def _estimated(stored: StoredFactors, estimate: Estimate) -> dict[str, float]:
    low, high = estimate.interval
    counts = {"anchors": stored.anchors, "samples": stored.samples}
    return {"value": estimate.value, "low": low, "high": high} | counts
