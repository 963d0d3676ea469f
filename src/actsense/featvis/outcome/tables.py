"""Tables of what came of pictures, from the stores of all networks.

Rows are pictures that a network made, of its trained weights or of random ones as a control. Each
is compared with natural images in the eyes of the network that made it.
"""

__all__ = ["TABLES", "picture_tables"]

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.featvis.outcome import measures
from actsense.featvis.stored import OF_PICTURE, RANDOM, PictureGroup, StoredPictures
from actsense.statistics.resampling import interval, resample, sample_ratio

Floats = NDArray[np.float64]
Row = dict[str, Any]

WHICH = ("network", "layer", "kind", "target", "name", "role", "weights", "seed", "variant")
TOLD = 3  # classes of a picture
MEASURES = (
    *("percentile", "ratio", "cosine", "cosine_centred", "distance"),
    *("high_frequency_ratio", "specificity", "transfer"),
)
TABLES = {
    "pictures": (
        *WHICH,
        *("activation", "percentile", "ratio", "cosine", "cosine_centred", "distance"),
        *("specificity", "high_frequency", "high_frequency_ratio", "contrast", "grey"),
        *(f"{what}_{k + 1}" for k in range(TOLD) for what in ("class", "probability")),
    ),
    "picture_summary": (
        *("network", "layer", "kind", "role", "weights", "measure"),
        *("targets", "failed", "median", "low", "high"),
    ),
    "picture_transfers": (*WHICH, "other", "other_layer", "percentile"),
    "picture_likeness": (
        *("network", "layer", "kind", "role", "weights"),
        *("between", "pairs", "responses", "pixels"),
    ),
    "picture_shifts": (
        *("network", "layer", "target", "name", "role"),
        *("factor", "parameter", "value", "drive", "kept"),
    ),
    "picture_losses": ("network", "factor", "role", "units", "lost", "low", "high"),
}


def picture_tables(
    stores: Mapping[str, StoredPictures],
    transfers: Iterable[Row],
    *,
    bootstrap: int,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Put what came of all pictures into tables.

    Arguments:
        stores: Pictures by network.
        transfers: Where pictures lie in the eyes of other networks, see `transfers`.
        bootstrap: Resamples of the targets behind intervals.
        seed: Seed of the study.

    Returns:
        The tables by name, with the columns of `TABLES`; docs/featvis.md says what is in them.
    """
    rows: dict[str, list[Row]] = {name: [] for name in TABLES}
    rows["picture_transfers"] += transfers
    for network, stored in stores.items():
        for group in stored.groups:
            where = {"network": network, "layer": group.layer, "kind": group.kind}
            rows["pictures"] += (where | row for row in _pictures(stored, group))
            rows["picture_transfers"] += (where | row for row in _controls(network, group))
            rows["picture_likeness"] += (where | row for row in _likeness(group))
            if group.kind == "units":
                del where["kind"]
                rows["picture_shifts"] += (where | row for row in _shifts(group))
    tables = {name: pd.DataFrame(rows[name], columns=[*TABLES[name]]) for name in TABLES}
    draws = {"bootstrap": bootstrap, "seed": seed}
    summary = _summary(tables["pictures"], tables["picture_transfers"], **draws)
    losses = _losses(tables["picture_shifts"], **draws)
    for name, found in (("picture_summary", summary), ("picture_losses", losses)):
        tables[name] = pd.DataFrame(found, columns=[*TABLES[name]])
    return tables


def _pictures(stored: StoredPictures, group: PictureGroup) -> Iterator[Row]:
    """Yield what came of every picture of a set."""
    told, data, names = group.pictures, group.data, list(stored.tree.attrs["outputs"])
    results = data["image"][-1].to_numpy()
    fast, contrast = measures.high_frequency(results), measures.contrast(results)
    usual = float(np.median(stored.high_frequency))
    grey = measures.grey_pictures(contrast, stored.contrast) | data["silent"].to_numpy()
    outputs, probability = data["output"].to_numpy(), data["probability"].to_numpy()
    for own in _measured(group):
        number = own.pop("number")
        target = int(told["target"][number])
        yield {
            "name": group.names[target],
            "role": group.roles[target],
            **_labels(told, number),
            **own,
            "high_frequency": fast[number],
            "high_frequency_ratio": fast[number] / usual if usual else np.nan,
            "contrast": contrast[number],
            "grey": bool(grey[number]),
            **{f"class_{k + 1}": names[o] for k, o in enumerate(outputs[number])},
            **{f"probability_{k + 1}": float(p) for k, p in enumerate(probability[number])},
        }


def _labels(told: pd.DataFrame, number: int) -> Row:
    """Return what tells a picture of a set apart."""
    return {name: told[name][number] for name in OF_PICTURE}


def _measured(group: PictureGroup) -> Iterator[Row]:
    """Yield what a network says of the pictures that it made, beside natural images."""
    told, data = group.pictures, group.data
    for weights, own in told.groupby("weights", sort=False):
        random = weights == RANDOM
        natural = data["natural_random"].to_numpy() if random else group.natural
        numbers, target = own.index.to_numpy(), own["target"].to_numpy()
        drive = data["own_drive"].to_numpy().astype(np.float64)[numbers]
        activation = drive[np.arange(len(drive)), target]
        columns = {
            "number": numbers,
            "activation": activation,
            "percentile": measures.percentile(activation, natural[:, target]),
            "ratio": measures.ratio_to_best(activation, natural[:, target]),
            "cosine": data["end_cosine"].to_numpy()[numbers],
            "cosine_centred": data["end_cosine_centred"].to_numpy()[numbers],
            "distance": data["end_distance"].to_numpy()[numbers],
            "specificity": measures.specificity(drive, natural, target),
        }
        for values in zip(*columns.values(), strict=True):
            yield {key: value.item() for key, value in zip(columns, values, strict=True)}


def _controls(network: str, group: PictureGroup) -> Iterator[Row]:
    """Yield where pictures of random weights lie in the eyes of the trained network."""
    told = group.pictures
    drive = group.data["drive"].to_numpy().astype(np.float64)
    for number in np.flatnonzero(told["weights"] == RANDOM):
        target = int(told["target"][number])
        percent = measures.percentile(
            drive[number, target : target + 1], group.natural[:, target : target + 1]
        )
        yield {
            "name": group.names[target],
            "role": group.roles[target],
            **_labels(told, int(number)),
            "other": network,
            "other_layer": group.layer,
            "percentile": percent.item(),
        }


def _likeness(group: PictureGroup) -> Iterator[Row]:
    """Yield how alike pictures are: of one target, and of different ones."""
    told = group.pictures.assign(role=[group.roles[t] for t in group.pictures["target"]])
    results = group.data["image"][-1].to_numpy().reshape(len(told), -1) / 255
    pixels = results - results.mean(axis=1, keepdims=True)
    standard = group.data["standard"].to_numpy()
    for (role, weights), own in told.groupby(["role", "weights"], sort=False):
        first = own["variant"] == 0
        compared = {
            "seeds": (own[first], ["target"]),
            "variants": (own, ["target", "seed"]),
            "targets": (own[first & (own["seed"] == 0)], ["weights"]),
        }
        for between, (some, alike) in compared.items():
            numbers, groups = (
                some.index.to_numpy(),
                some.groupby(alike).ngroup().to_numpy(),
            )
            if pairs := measures.likeness(standard[numbers], groups):
                yield {
                    **{"role": role, "weights": weights, "between": between},
                    "pairs": len(pairs),
                    "responses": float(np.mean(pairs)),
                    "pixels": float(np.mean(measures.likeness(pixels[numbers], groups))),
                }


def _shifts(group: PictureGroup) -> Iterator[Row]:
    """Yield which share of its drive every unit keeps at every value, of all its pictures.

    Pictures that do not drive it have nothing to lose.
    """
    if "shifted" not in group.data:
        return
    data, told = group.data, group.pictures
    drive = data["drive"].to_numpy()[np.arange(len(told)), told["target"]].astype(np.float64)
    for target, name in enumerate(group.names):
        own = (told["target"] == target).to_numpy() & (drive > 0)
        total = drive[own].sum() or np.nan
        kept = data["shifted"].to_numpy()[own].sum(axis=0) / total
        for value, share in zip(data["value"].to_numpy(), kept, strict=True):
            yield {
                **{"target": target, "name": name, "role": group.roles[target]},
                **{"factor": group.factor, "parameter": data.attrs["parameter"]},
                "value": float(value),
                **{"drive": float(total / max(1, own.sum())), "kept": float(share)},
            }


def _summary(
    pictures: pd.DataFrame, transfers: pd.DataFrame, *, bootstrap: int, seed: int
) -> Iterator[Row]:
    """Yield medians over the targets of a set, of the pictures that are shown."""
    which = [*WHICH]
    carried = transfers.groupby(which)["percentile"].mean().rename("transfer").reset_index()
    shown = pictures.merge(carried, how="left", on=which)
    shown = shown[(shown["seed"] == 0) & (shown["variant"] == 0)]
    for labels, own in shown.groupby(["network", "layer", "kind", "role", "weights"], sort=False):
        where = dict(zip(("network", "layer", "kind", "role", "weights"), labels, strict=True))
        good = own[~own["grey"].astype(bool)]
        for measure in MEASURES:
            values = good[measure].dropna().to_numpy(dtype=np.float64)
            if len(values):
                draws = resample(len(values), bootstrap, seed, "resampled targets")
                low, high = interval(samples := _medians(values, draws))
                yield {
                    **where,
                    **{"measure": measure, "targets": len(values), "failed": len(own) - len(good)},
                    **{"median": samples[0], "low": float(low), "high": float(high)},
                }


def _losses(shifts: pd.DataFrame, *, bootstrap: int, seed: int) -> Iterator[Row]:
    """Yield which share of their drive units lose under the factor, and what roles differ by.

    Of all units together: those that are hardly driven would lose any multiple of little.
    """
    for (network, factor), own in shifts.groupby(["network", "factor"], sort=False):
        each = own.groupby(["role", "layer", "target"], sort=False)
        units = each[["drive", "kept"]].mean().dropna()
        samples = {}
        for role in units.index.unique(0):
            drive, kept = units.loc[role].to_numpy().T
            draws = resample(len(drive), bootstrap, seed, "resampled units", str(role))
            samples[str(role)] = 1 - sample_ratio((drive * kept)[:, None], drive, draws)[:, 0]
        counts = units.groupby(level=0).size()
        if {"most", "least"} <= samples.keys():
            samples["difference"] = samples["most"] - samples["least"]
        for role, drawn in samples.items():
            low, high = interval(drawn)
            yield {
                **{"network": network, "factor": factor, "role": role},
                "units": int(counts.get(role, counts.sum())),
                **{"lost": drawn[0], "low": float(low), "high": float(high)},
            }


def _medians(values: Floats, draws: Floats) -> Floats:
    """Return the median of the values, each as often as it was drawn, (1 + draws,)."""
    order = np.argsort(values)
    reached = draws[:, order].cumsum(axis=1)
    half = len(values) / 2
    ends = (np.argmax(reached >= half, axis=1), np.argmax(reached > half, axis=1))
    return np.asarray(sum(values[order][end] for end in ends) / 2)
