"""Guided masking: does what a map calls sensitive matter to what the network predicts?"""

__all__ = [
    "condition_coordinates",
    "described_metrics",
    "evaluate_masks",
    "evaluate_part",
    "masking_table",
]

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from actsense.device.precision import arithmetic
from actsense.masking.asked import Asked
from actsense.masking.metrics import METRICS, Outcomes, Summary, summarize
from actsense.masking.outcomes_file import StoredOutcomes, write_part
from actsense.masking.plan import COORDINATES, Condition, MaskPlan
from actsense.masking.ranks import MaskRanks
from actsense.masking.settings import Masking
from actsense.networks.subject import Subject
from actsense.sampling.designs import ORIGINAL
from actsense.sampling.opening import Sampling
from actsense.statistics import CONFIDENCE
from actsense.statistics.resampling import image_draws

DESCRIPTIONS = {
    "top1": "share of images whose label is predicted first",
    "top5": "share of images whose label is among the first k predictions",
    "kl": "mean divergence from the unmasked network with the same input, nats",
    "entropy": "entropy of the histogram of first predictions, nats",
    "recall": "share of the images with a label that are predicted as it",
    "predicted": "images that are predicted as the class",
    "top1_bootstrap": "top1 of images that are drawn again, the same for all conditions",
    "masked_units": "units that are masked in all layers",
    "dead_units": "units of the masked layers that are dead: they come last under every rule",
    "rare_units": "units of the masked layers that are rare: they come last under every rule",
    "certain_share": "share of the masked units, or channels, whose interval lies above 0",
}


def evaluate_masks(
    sampling: Sampling,
    indices: Path,
    settings: Masking,
    parts: Sequence[Path] = (),
) -> dict[str, xr.Dataset]:
    """Evaluate all conditions of a design on validation images.

    Labels are the outputs of the classes; images of classes without one are left out. Where no
    class has one, all images are labelled by what the unmasked network says of them when they are
    original, and top1 is agreement with that; the attribute `label` says which: `class` or
    `prediction`. `class` names the outputs, all of which compete.

    The same settings give the same bits, in one job or in any number of parts. Another
    `batch_size` moves logits by roundings; images, parameters and masks it leaves alone.

    Arguments:
        sampling: Network, images and augmentations.
        indices: The index store of the design.
        settings: The section `masking` of the configuration.
        parts: What `evaluate_part` wrote, all of it in order; without it everything is tried here.

    Returns:
        The root: metrics of all conditions. `predictions`: the first k classes of every image,
        for the unmasked network, and for `top` in the first place with the original and its own
        augmentation; `prediction` has the coordinates that `condition` has.

    Raises:
        ConfigError: If there are fewer than two classes or no layer can be masked.
        CorruptFileError: If a part is damaged or of another run.
    """
    asked, subject = Asked(sampling, indices, settings), sampling.subject
    labels = asked.labels
    if subject.label == "prediction":
        first = asked.trial.run(ORIGINAL, [MaskPlan("none")])
        labels = first.order[0, :, 0].astype(np.int64)
    counts = image_draws(len(asked.rows), settings.bootstrap, seed=sampling.design.seed)
    draws = torch.from_numpy(counts).to(subject.device, torch.float32)
    if parts:
        stored = StoredOutcomes(parts, _identity(sampling, settings, len(parts)))
        summaries, orders = _summed(asked, asked.read(stored), subject, labels, draws)
    else:
        summaries, orders = _summed(asked, asked.tried(), subject, labels, draws)
    subject.compare(labels, orders[0, :, 0])  # unmasked, on original images
    listed = [condition for own in asked.conditions.values() for condition in own]
    facts = {
        "images": len(asked.rows),
        "design": sampling.design.name,
        "network": subject.network.name,
        "label": subject.label,
        "outputs": subject.outputs.basis,
        "k": asked.trial.k,
        "masked_layers": json.dumps(asked.ranks.layers),
        "unmasked_layers": json.dumps(asked.ranks.unmasked),
        "rare_ranked": int(asked.ranks.rare),
    }
    if settings.draws > 1:
        facts["draws"] = settings.draws
    root = _root(listed, summaries, asked.ranks).assign_coords({"class": subject.classes})
    kept = [condition for condition in listed if condition.keeps_predictions]
    return {"": root.assign_attrs(facts), "predictions": _predictions(kept, orders, labels)}


def evaluate_part(
    sampling: Sampling,
    indices: Path,
    settings: Masking,
    path: Path,
    *,
    part: int,
    parts: int,
) -> None:
    """Try one part of what `evaluate_masks` evaluates, and write what networks predict.

    Arguments:
        sampling: Network, images and augmentations.
        indices: The index store of the design.
        settings: The section `masking` of the configuration.
        path: The archive to make.
        part: Which part, counted from 0.
        parts: How many there are.

    Raises:
        ConfigError: As `evaluate_masks` does.
    """
    asked = Asked(sampling, indices, settings)
    told = _identity(sampling, settings, parts) | {"part": part}
    write_part(path, asked.tried_part(part, parts), told, k=asked.trial.k)


def masking_table(data: xr.Dataset) -> pd.DataFrame:
    """Return one row per condition; all draws of a random mask share one.

    That row holds means over draws. Its intervals add up, as independent errors, the middle 95 %
    of the draws and the mean interval over images.

    Arguments:
        data: The root of what `evaluate_masks` returned.
    """
    single = [name for name, array in data.data_vars.items() if array.dims == ("condition",)]
    rows = data[single].to_dataframe()
    kinds = [name for name in COORDINATES if name != "draw"]
    groups = rows.groupby(kinds, dropna=False, sort=False)
    table = groups[["masked_units", "dead_units", "rare_units", "certain_share"]].first()
    table.insert(0, "draws", groups.size())
    table.insert(1, "images", int(data.attrs["images"]))
    for metric in METRICS:
        mean = table[metric] = groups[metric].mean()
        for side, sign in (("low", -1), ("high", 1)):
            between = groups[metric].quantile((1 + sign * CONFIDENCE) / 2) - mean
            within = groups[f"{metric}_{side}"].mean() - mean
            table[f"{metric}_{side}"] = mean + sign * np.hypot(between, within)
    return table.reset_index()


def _identity(sampling: Sampling, settings: Masking, parts: int) -> dict[str, Any]:
    """Return what tells the parts of one run from those of others."""
    subject, design = sampling.subject, sampling.design
    return {
        "network": subject.network.name,
        "design": design.name,
        "seed": design.seed,
        "masking": settings.plain(),
        "parts": parts,
        "batch": subject.batch_size,
    }


def _summed(
    asked: Asked,
    tried: Iterable[tuple[str, list[Outcomes]]],
    subject: Subject,
    labels: NDArray[np.int64],
    draws: Tensor,
) -> tuple[list[Summary], NDArray[np.int16]]:
    """Return metrics under every input, and the first classes under the conditions to keep.

    Of an input that is drawn several times, those of the first draw are kept.
    """
    summaries, orders = [], []
    for name, found in tried:
        with arithmetic("float32", subject.device):
            summaries.append(summarize(found, labels, len(subject.classes), draws))
        own = asked.conditions[name]
        orders.append(found[0].order[[condition.keeps_predictions for condition in own]])
    return summaries, np.concatenate(orders)


def _root(
    listed: Sequence[Condition], summaries: Sequence[Summary], ranks: MaskRanks
) -> xr.Dataset:
    plans = dict.fromkeys(condition.plan for condition in listed)
    described = {
        plan: {
            "masked_units": ranks.masked_units(plan),
            **ranks.left_out(plan).columns,
            "certain_share": np.float32(ranks.certain_share(plan)),
        }
        for plan in plans
    }
    rows = pd.DataFrame([described[condition.plan] for condition in listed])
    data: dict[str, Any] = {str(name): ("condition", rows[name].to_numpy()) for name in rows}
    for name, first in summaries[0].items():
        resampled = name == "top1_bootstrap"
        vector = ("bootstrap", "condition") if resampled else ("condition", "class")
        values = np.concatenate([summary[name] for summary in summaries], axis=int(resampled))
        data[name] = (vector if first.ndim > 1 else "condition", values)
    return described_metrics(xr.Dataset(data, coords=condition_coordinates(listed, "condition")))


def described_metrics(root: xr.Dataset) -> xr.Dataset:
    """Describe every array of the root of a masking store."""
    for array in root.data_vars.values():
        array.attrs["description"] = _description(str(array.name))
    return root


def _description(name: str) -> str:
    if name in DESCRIPTIONS:
        return DESCRIPTIONS[name]
    measured, _, side = name.rpartition("_")
    return f"{side} end of the 95 % interval: {DESCRIPTIONS[measured]}"


def _predictions(
    kept: Sequence[Condition], order: NDArray[np.int16], labels: NDArray[np.int64]
) -> xr.Dataset:
    return xr.Dataset(
        {
            "classes": (
                ("prediction", "image", "rank"),
                order,
                {"description": "number of the predicted output, best first"},
            ),
            "label": (
                "image",
                labels.astype(np.int16),
                {"description": "number of the output that is right"},
            ),
        },
        # Not `condition`: groups of a tree share an axis with the root only if it is all of it.
        coords=condition_coordinates(kept, "prediction"),
    )


def condition_coordinates(
    listed: Sequence[Condition], axis: str
) -> dict[str, tuple[str, list[Any]]]:
    """Return what some conditions are, as coordinates along an axis of this name."""
    rows = [condition.coordinates for condition in listed]
    return {name: (axis, [row[name] for row in rows]) for name in COORDINATES}
