"""What masks do to a network under one design: curves over the masked fraction."""

__all__ = ["CONTROLS", "METRICS", "MaskChoice", "conditions_table", "curves", "unmasked"]

from dataclasses import dataclass

import numpy as np
import pandas as pd

from actsense.errors import OutdatedResultError
from actsense.inspection import RunResults
from actsense.store import CorruptFileError, reading

METRICS = {
    "top1": "top-1 accuracy",
    "top5": "top-k accuracy",
    "kl": "divergence from the unmasked network, nats",
    "entropy": "entropy of the predictions, nats",
}
CONTROLS = {
    "magnitude": "largest responses",
    "permuted": "same map, positions permuted",
    "least": "least sensitive",
    "mean": "replaced by their mean",
}


@dataclass(frozen=True)
class MaskChoice:
    """Which conditions a curve is made of.

    Attributes:
        value: Index whose maps choose what is masked.
        scale: What masked activations are multiplied by.
        input: `original`, or an augmentation that every image is shown with.
        metric: One of `METRICS`.
    """

    value: str
    scale: float
    input: str
    metric: str


def conditions_table(run: RunResults) -> pd.DataFrame:
    """Return one row per condition of the first place, of the first layer that is masked there.

    Raises:
        ConfigError: If no masks have been evaluated, or their store is damaged or outdated.
    """
    data, path = run.masking.to_dataset(), run.path / "masking.zarr"
    if "first_place" not in data:
        raise OutdatedResultError(
            path, "which masks every input sees", "masking", "evaluate_masks"
        )
    wanted = [m + end for m in METRICS for end in ("", "_low", "_high")]
    with reading(path):
        wanted += [str(name) for name in data["rule"].coords]
        table = pd.DataFrame({name: data[name].to_numpy() for name in wanted})
    table = table[table["first_place"]]
    guided = table[table["rule"] == "top"]
    if guided.empty:
        raise CorruptFileError(path, "it holds no masks")
    shown = table["layers"].isin(["", guided["layers"].iloc[0]])
    return table[shown].reset_index(drop=True)


def curves(table: pd.DataFrame, choice: MaskChoice, factor: str) -> pd.DataFrame:
    """Return points of every curve: `curve`, `kind`, `fraction`, `value`, `low`, `high`.

    Kinds: `factor` for the masks of every factor, `control` for the controls of the given one,
    `random` for all random masks, whose `low` and `high` are the extremes of the draws.
    """
    own = table[(table["scale"] == choice.scale) | table["scale"].isna()]
    own = own[own["input"] == choice.input]
    guided = own[own["value"] == choice.value]
    parts = [
        _points(part, choice.metric, str(name), "factor")
        for name, part in guided[guided["rule"] == "top"].groupby("factor", sort=False)
    ]
    for rule, name in CONTROLS.items():
        part = own if rule == "magnitude" else guided[guided["factor"] == factor]
        parts.append(_points(part[part["rule"] == rule], choice.metric, name, "control"))
    random = own[own["rule"] == "random"].groupby("fraction")[choice.metric]
    band = random.agg(value="mean", low="min", high="max").reset_index()
    parts.append(band.assign(curve="random masks", kind="random"))
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def unmasked(table: pd.DataFrame, choice: MaskChoice) -> float:
    """Return the metric of the unmasked network with the same input."""
    own = table[(table["rule"] == "none") & (table["input"] == choice.input)]
    return float(own[choice.metric].iloc[0]) if len(own) else float("nan")


def _points(part: pd.DataFrame, metric: str, curve: str, kind: str) -> pd.DataFrame:
    points = part.sort_values("fraction")
    value = points[metric].to_numpy()
    return pd.DataFrame(
        {
            "curve": curve,
            "kind": kind,
            "fraction": points["fraction"].to_numpy(),
            "value": value,
            # An estimate may lie outside the percentiles of its resamples.
            "low": np.minimum(points[f"{metric}_low"].to_numpy(), value),
            "high": np.maximum(points[f"{metric}_high"].to_numpy(), value),
        }
    )
