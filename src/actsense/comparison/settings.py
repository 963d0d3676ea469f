"""What two runs were made under: their law, images, weights and effort, beside each other."""

__all__ = ["UNKNOWN", "describe_settings"]

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from actsense.comparison.pairing import Pair
from actsense.comparison.sides import Side

UNKNOWN = "not stated"
LAW = "those with parameters always on for S1, ST and S2; all with a switch for shapley"
STRETCH = "every channel to [0, 1]"
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
    return table.assign(same=table["in_a"] == table["in_b"])


def _facts(side: Side) -> dict[str, str]:
    """Return what a run says of itself, each in a few words."""
    run, attributes = side.run, side.run.indices.attrs
    settings = run.settings
    facts: dict[str, Any] = {"augmentations": ", ".join(side.applied)}
    own: Mapping[str, Any] = settings.get("designs", {}).get(run.design, {})
    facts |= {name: one for name, one in own.items() if name not in (*FOLLOW, *EFFORT)}
    if "law" in own:
        facts["stretch"] = STRETCH if own.get("stretch") else "none"
    elif not side.content:  # published value files, as they are or imported
        facts |= {"law": LAW, "stretch": STRETCH}
    hidden = "image" not in side.factors and facts.get("law") in (LAW, "published")
    facts["image"] = "drawn anew for every evaluation" if hidden else _varied(side)
    facts |= {name: own[name] for name in EFFORT if name in own}
    dataset = settings.get("dataset")
    if isinstance(dataset, Mapping):
        kind = dataset.get("kind")
        images = dataset.get("images") if kind == "published" else kind
        facts |= {"dataset": images, "image size": dataset.get("image_size")}
    else:
        facts["dataset"] = dataset
    for name in ("dataset_sha256", "weights_sha256"):
        if name in attributes:
            facts[name.replace("_sha256", " (SHA-256)")] = str(attributes[name])[:12]
    facts |= {name: int(attributes[name]) for name in EFFORT if name in attributes}
    facts |= {name: settings[name] for name in ("precision", "seed") if name in settings}
    return {name: _written(one) for name, one in facts.items() if one is not None}


def _varied(side: Side) -> str:
    if "image" not in side.factors:
        return "not varied by itself"
    return "a factor, part of content" if side.content else "a factor of its own"


def _written(fact: Any) -> str:
    if isinstance(fact, Mapping):
        return ", ".join(f"{name} {_written(one)}" for name, one in fact.items())
    if isinstance(fact, list | tuple):
        return ", ".join(map(_written, fact))
    whole = isinstance(fact, int | np.integer) and not isinstance(fact, bool)
    return f"{fact:,}" if whole else str(fact)
