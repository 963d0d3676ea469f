"""Published predictions of masked networks as a masking store: the masks of one design.

A condition is a mask from the map of a factor, on activations of all layers with positions
together: quantile masks are rule `top`, those that multiply with the map itself or with one minus
it `soft` and `inverse`. There are no random masks and no other control.
"""

__all__ = ["convert_predictions"]

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.inspection.published.arrays import reading_values
from actsense.inspection.published.names import PredictionFile
from actsense.masking.evaluate import condition_coordinates, described_metrics
from actsense.masking.plan import TOGETHER, Condition, MaskPlan
from actsense.progress import progress
from actsense.sampling.designs import ORIGINAL
from actsense.statistics.resampling import image_draws, interval
from actsense.statistics.shares import wilson

Floats = NDArray[np.floating]
Classes = NDArray[np.int16]

LABELS = "true_labels/labels"
PUBLISHED = {"order": "permutation"}  # what a factor is called in the files
CONTEXT = ("order", "class", "partition")
SCALES = (0.0, 0.5, 1.5)
KEPT = (0.5, 0.6, 0.7, 0.8, 0.9)  # quantile below which activations are left alone
AT_ONCE = 64  # conditions


@dataclass(frozen=True)
class Mask:
    """One condition, and where its predictions are."""

    condition: Condition
    file: PredictionFile
    place: str


def convert_predictions(
    files: Sequence[PredictionFile],
    design: str,
    augmentations: Sequence[str],
    *,
    classes: Sequence[str],
    bootstrap: int,
    seed: int,
) -> dict[str, xr.Dataset]:
    """Return the datasets of a masking store from published predictions.

    Intervals resample images, with all draws of an augmentation on them; that of a share without
    draws is Wilson's. Divergences were not published, nor how many units a mask held.

    Arguments:
        files: Predictions of one network, a file per index.
        design: Name of the design, such as `set1`.
        augmentations: Its augmentations.
        classes: Names of the outputs; numbers stand for those that are missing.
        bootstrap: Resamples of images.
        seed: Of the resamples.

    Raises:
        ConfigError: If a file is damaged or of another layout, or two do not belong together.
    """
    number = design.removeprefix("set")
    files = sorted(files, key=lambda file: ("S1", "ST", "shapley").index(file.value))
    masks = [mask for file in files for mask in _masks(file, number, augmentations)]
    unmasked = {m.condition: m for m in reversed(masks) if m.condition.plan.rule == "none"}
    masks = [*reversed(unmasked.values()), *(m for m in masks if m.condition.plan.rule != "none")]
    labels = _labels(files)
    highest = max(len(classes), int(labels.max(initial=0)) + 1)
    draws = image_draws(len(labels), bootstrap, seed=seed).astype(np.float32)
    summaries, orders, most = [], [], 1
    for start in progress(
        range(0, len(masks), AT_ONCE), desc="masks", unit="mask", total=len(masks), each=AT_ONCE
    ):
        chosen = masks[start : start + AT_ONCE]
        read = [_read(mask, len(labels)) for mask in chosen]
        most = max(most, *(one.shape[1] for one in read))
        summaries.append(_summary(read, labels, draws, highest))
        orders += [
            one[:, 0]
            for mask, one in zip(chosen, read, strict=True)
            if mask.condition.keeps_predictions
        ]
    names = [*classes, *map(str, range(len(classes), highest))]
    root = _root([mask.condition for mask in masks], summaries).assign_coords({"class": names})
    facts = {
        "images": len(labels),
        "draws": most,
        "design": design,
        "network": files[0].network,
        "label": "class",
        "k": int(orders[0].shape[-1]),
        "controls": "none",
        "intervals": "of images alone; divergences were not published",
    }
    kept = [mask.condition for mask in masks if mask.condition.keeps_predictions]
    predictions = xr.Dataset(
        {
            "classes": (
                ("prediction", "image", "rank"),
                np.stack(orders),
                {"description": "number of the predicted output, best first; of the first draw"},
            ),
            "label": (
                "image",
                labels.astype(np.int16),
                {"description": "number of the output that is right"},
            ),
        },
        coords=condition_coordinates(kept, "prediction"),
    )
    return {"": root.assign_attrs(facts), "predictions": predictions}


def _masks(file: PredictionFile, number: str, augmentations: Sequence[str]) -> Iterator[Mask]:
    """Yield what a file holds of a set of augmentations."""
    factors = {name: name for name in augmentations}
    factors |= {name: f"{PUBLISHED.get(name, name)}-{number}" for name in CONTEXT}
    with reading_values(file.path) as opened:
        for name in (ORIGINAL, *augmentations):
            if name not in opened:
                continue
            group = opened[name]
            if (place := f"iaug={ORIGINAL}") in group:
                yield Mask(Condition(name, MaskPlan("none"), True), file, f"{name}/{place}")
            for factor, published in factors.items():
                guided = partial(
                    MaskPlan, value=file.value, factor=factor, level="activation", layers=TOGETHER
                )
                for inverted, rule in enumerate(("soft", "inverse")):
                    if (place := f"iaug={published}_invert={inverted}") in group:
                        yield Mask(Condition(name, guided(rule), True), file, f"{name}/{place}")
                for scale in SCALES:
                    for kept in KEPT:
                        place = f"alpha={scale:.2f}_perc={kept:.2f}_iaug={published}"
                        if place in group:
                            plan = guided("top", scale=scale, fraction=round(1 - kept, 3))
                            yield Mask(Condition(name, plan, True), file, f"{name}/{place}")


def _labels(files: Sequence[PredictionFile]) -> NDArray[np.int64]:
    """Read the labels, the same in all files of a network."""
    found = []
    for file in files:
        with reading_values(file.path) as opened:
            found.append(np.asarray(opened[LABELS][:]).ravel().astype(np.int64))
        if not np.array_equal(found[0], found[-1]):
            raise ConfigError(
                f"{file.path} and {files[0].path.name} are of different images. "
                "They cannot belong together."
            )
    return found[0]


def _read(mask: Mask, images: int) -> Classes:
    """Read what was predicted, (images, draws, ranks)."""
    with reading_values(mask.file.path) as opened:
        held = opened[f"{mask.place}/predictions"]
        _check(held, images, mask)
        return np.asarray(held[:], dtype=np.int16).reshape(images, -1, held.shape[1])


def _check(held: h5py.Dataset, images: int, mask: Mask) -> None:
    if held.ndim != 2 or not images or held.shape[0] % images:
        raise ConfigError(
            f"{mask.file.path}: {mask.place}/predictions has shape {held.shape}, which is not "
            f"(draws of {images} images, classes)."
        )


def _summary(
    read: Sequence[Classes], labels: NDArray[np.int64], draws: Floats, classes: int
) -> dict[str, NDArray[Any]]:
    """Return the metrics of some conditions, in the arrays of `summarize`."""
    right = np.stack([(one[..., 0] == labels[:, None]).mean(axis=1) for one in read])
    within = np.stack([(one == labels[:, None, None]).any(axis=-1).mean(axis=1) for one in read])
    found: dict[str, NDArray[Any]] = {}
    for name, hits in (("top1", right), ("top5", within)):
        samples = draws @ hits.T.astype(np.float32) / len(labels)
        found[name] = hits.mean(axis=1)
        low, high = interval(samples.astype(np.float64))
        exact = wilson(hits.sum(axis=1), hits.shape[1])
        drawn = np.array([one.shape[1] > 1 for one in read])
        found[f"{name}_low"] = np.where(drawn, low, exact[0])
        found[f"{name}_high"] = np.where(drawn, high, exact[1])
        if name == "top1":
            found["top1_bootstrap"] = samples[1:].astype(np.float32)
    unknown = np.full(len(read), np.nan)
    first = [one[..., 0].ravel() for one in read]
    predicted = np.stack([np.bincount(one, minlength=classes) for one in first])
    shares = predicted / predicted.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        found["entropy"] = -np.where(shares > 0, shares * np.log(shares), 0).sum(axis=1)
    found |= dict.fromkeys(("kl", "kl_low", "kl_high", "entropy_low", "entropy_high"), unknown)
    found["predicted"] = predicted.astype(np.int32)
    return found | _recall(right, labels, classes)


def _recall(
    right: Floats, labels: NDArray[np.int64], classes: int
) -> dict[str, NDArray[np.float32]]:
    images = np.bincount(labels, minlength=classes)
    hits = np.stack([np.bincount(labels, weights=row, minlength=classes) for row in right])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hits / images
    low, high = wilson(hits, images)
    found = {"recall": share, "recall_low": low, "recall_high": high}
    return {name: value.astype(np.float32) for name, value in found.items()}


def _root(
    conditions: Sequence[Condition], summaries: Sequence[Mapping[str, NDArray[Any]]]
) -> xr.Dataset:
    data: dict[str, Any] = {}
    for name, first in summaries[0].items():
        resampled = name == "top1_bootstrap"
        values = np.concatenate([one[name] for one in summaries], axis=int(resampled))
        vector = ("bootstrap", "condition") if resampled else ("condition", "class")
        data[name] = (vector if first.ndim > 1 else "condition", values)
    unknown = np.full(len(conditions), np.nan, dtype=np.float32)
    for name in ("masked_units", "dead_units", "rare_units", "certain_share"):
        data[name] = "condition", unknown
    return described_metrics(
        xr.Dataset(data, coords=condition_coordinates(conditions, "condition"))
    )
