"""What two runs were made under: their law, images, weights and effort, beside each other."""

__all__ = ["UNKNOWN", "describe_settings"]

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from actsense.comparison.pairing import Pair
from actsense.comparison.sides import Side

UNKNOWN = "not stated"
PUBLISHED = {
    "law": "those with parameters always on for S1, ST and S2; all with a switch for shapley",
    "stretch": "every channel to [0, 1]",
}
EFFORT = ("replicates", "base_points", "evaluations", "walks")
FOLLOW = ("augmentations", "analyses", "shards")  # said otherwise, or of no consequence


def describe_settings(pair: Pair) -> pd.DataFrame:
    """Return what both runs say of how they were made, one setting per row.

    Returns:
        Columns `setting`, `in_a`, `in_b` and `same`; a setting that a side does not state is not
        the same.
    """
    first, second = _facts(pair.a), _facts(pair.b)
    rows = [
        pair.named | {"setting": name, "in_a": first.get(name, UNKNOWN),
                      "in_b": second.get(name, UNKNOWN)}
        for name in dict.fromkeys([*first, *second])
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    return table.assign(same=(table["in_a"] == table["in_b"]) & (table["in_a"] != UNKNOWN))


def _facts(side: Side) -> dict[str, str]:
    """Return what a run says of itself, each in a few words."""
    run, attributes = side.run, side.run.indices.attrs
    settings = run.settings
    image = "a factor" if "image" in side.factors else "drawn anew for every evaluation"
    facts: dict[str, Any] = {
        "image": f"{image}, part of content" if side.content else image,
        "augmentations": ", ".join(n for k, n in side.factors.items() if n in run.augmentations),
    }
    designs: Mapping[str, Any] = settings.get("designs", {})
    if run.design in designs:
        own = {name: one for name, one in designs[run.design].items() if name not in FOLLOW}
        facts |= {name: one for name, one in own.items() if name not in EFFORT}
        facts |= {name: own[name] for name in EFFORT if name in own}
        facts["stretch"] = PUBLISHED["stretch"] if own.get("stretch") else "none"
    else:
        facts |= PUBLISHED
    dataset = settings.get("dataset")
    if isinstance(dataset, Mapping):
        facts |= {"dataset": dataset.get("kind"), "image size": dataset.get("image_size")}
    else:
        facts["dataset"] = dataset
    for name in ("dataset_sha256", "weights_sha256"):
        if name in attributes:
            facts[name.replace("_sha256", " (SHA-256)")] = str(attributes[name])[:12]
    facts |= {name: int(attributes[name]) for name in EFFORT if name in attributes}
    facts |= {name: settings[name] for name in ("precision", "seed") if name in settings}
    return {name: _written(one) for name, one in facts.items() if one is not None}


def _written(fact: Any) -> str:
    if isinstance(fact, Mapping):
        return ", ".join(f"{name} {_written(one)}" for name, one in fact.items())
    if isinstance(fact, list | tuple):
        return ", ".join(map(_written, fact))
    whole = isinstance(fact, int | np.integer) and not isinstance(fact, bool)
    return f"{fact:,}" if whole else str(fact)
