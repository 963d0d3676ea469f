"""Tables of what networks say under transforms, paired over the same images.

    top1, top5   share of images whose label is first, or among the first five, of all outputs
    relative     top1 among the images that are right when intact, a ratio of sums
    agreement    share of images that are predicted as when they are intact
    probability  mean probability of the label

Intervals are Wilson's where one prediction per image is counted; elsewhere images are drawn again,
the same for all networks, and intervals of shares are no narrower than Wilson's of as many
independent predictions: resamples of images that are all alike would be certain. Where labels are
a network's own predictions of the intact images, top1, relative and agreement are one. Images
whose class is no output of a network have no label there: only its agreement counts them.
"""

__all__ = ["compare_transforms"]

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.spatial.transforms.settings import ORIGINAL_IMAGE
from actsense.statistics.resampling import (
    Floats,
    curve_area,
    half_way,
    image_draws,
    interval,
    sample_ratio,
)
from actsense.statistics.shares import no_narrower, wilson
from actsense.store import read_results

Row = dict[str, Any]

SHARES = ("top1", "top5", "relative", "agreement")
METRICS = (*SHARES, "probability")
COMPARED = ("top1", "relative")
FIRST = 5  # predictions that may hold the label for top5
UNSATURATED = 2.0  # level
# What networks must share to be compared image by image.
PAIRED = {
    "images": ("row",),
    "transforms": ("transform", "mode", "level", "rows", "columns", "repeat", "moved"),
}


def _bounded(*names: str) -> list[str]:
    return [name + side for name in names for side in ("", "_low", "_high")]


COLUMNS = {
    "shuffle": [
        *(
            "network",
            "mode",
            "k",
            "rows",
            "columns",
            "repeat",
            "images",
            "labelled",
            "label",
            "moved",
            "area",
        ),
        *(*_bounded(*SHARES), "probability", "chance", "seed"),
    ],
    "shuffle_curves": [
        *(
            "network",
            "mode",
            "k",
            "rows",
            "columns",
            "repeats",
            "images",
            "labelled",
            "label",
            "chance",
        ),
        *_bounded(*METRICS),
    ],
    "shuffle_differences": [
        *("first", "second", "mode", "k", "rows", "columns", "metric"),
        *("difference", "low", "high"),
    ],
    "shuffle_scores": ["network", "mode", *_bounded("area", "k50"), "censored"],
    "saturation_curves": [
        *("network", "level", "images", "labelled", "label", "chance"),
        *_bounded(*METRICS),
    ],
}


@dataclass(frozen=True)
class Point:
    """A point of a curve: the conditions, one per repeat, that are averaged."""

    mode: str
    rows: int
    columns: int
    conditions: list[int]

    @property
    def k(self) -> int | None:
        """Patches along both sides; None if sides differ."""
        return self.rows if self.rows == self.columns else None

    @property
    def named(self) -> Row:
        """What tables call it."""
        return {"mode": self.mode, "k": self.k, "rows": self.rows, "columns": self.columns}


@dataclass(frozen=True)
class Answers:
    """What one network said under every condition."""

    network: str
    data: xr.Dataset

    @cached_property
    def intact(self) -> int:
        """The condition that changes nothing."""
        return int(np.flatnonzero(self.data["transform"].to_numpy() == ORIGINAL_IMAGE)[0])

    @cached_property
    def points(self) -> list[Point]:
        """The curves of all modes, each from the intact image on, and rectangles behind them."""
        mode = self.data["mode"].to_numpy()
        rows, columns = (self._patches(name) for name in ("rows", "columns"))
        points = []
        for own in dict.fromkeys(mode[mode != ""]):
            points.append(Point(own, 1, 1, [self.intact]))
            shape = rows[mode == own], columns[mode == own]
            known = {(int(r), int(c)) for r, c in zip(*shape, strict=True)}
            for r, c in sorted(known, key=lambda pair: (pair[0] != pair[1], prod(pair), pair)):
                conditions = np.flatnonzero((mode == own) & (rows == r) & (columns == c))
                points.append(Point(own, r, c, conditions.tolist()))
        return points

    def _patches(self, side: str) -> NDArray[Any]:
        """Return rows or columns; stores of before there were rectangles have only a level."""
        return np.asarray(self.data[side if side in self.data.coords else "level"].to_numpy())

    @cached_property
    def saturations(self) -> dict[float, int]:
        """The condition of every level, ascending."""
        transform, level = (self.data[name].to_numpy() for name in ("transform", "level"))
        own = np.flatnonzero(transform == "saturation")
        return dict(sorted({UNSATURATED: self.intact, **{level[c]: int(c) for c in own}}.items()))

    @cached_property
    def hits(self) -> dict[str, Floats]:
        """What images count for a metric, (conditions, images)."""
        rank, predicted = (self.data[name].to_numpy() for name in ("rank", "predicted"))
        counted = {
            "top1": rank == 0,
            "top5": self.labelled & (rank < FIRST),
            "relative": (rank == 0) & (rank[self.intact] == 0),
            "agreement": predicted == predicted[self.intact],
            "probability": np.where(self.labelled, self.data["probability"].to_numpy(), 0),
        }
        return {metric: each.astype(np.float64) for metric, each in counted.items()}

    @cached_property
    def labelled(self) -> NDArray[np.bool_]:
        """Whether the class of an image is an output of the network, (images,)."""
        return np.asarray(self.data["rank"].to_numpy()[self.intact] >= 0)

    def among(self, metric: str) -> Floats:
        """Which images a metric is counted among, (images,)."""
        if metric == "relative":
            right: Floats = self.hits["top1"][self.intact]
            return right
        counted: Floats = np.ones(len(self.labelled))
        return counted if metric == "agreement" else counted * self.labelled

    def samples(self, metric: str, points: Sequence[Sequence[int]], draws: Floats) -> Floats:
        """Return a metric's means over the conditions of every point, (1 + draws, points)."""
        means = [self.hits[metric][conditions].mean(axis=0) for conditions in points]
        return sample_ratio(np.stack(means, axis=1), self.among(metric), draws)

    def shares(self, condition: int) -> Row:
        """Return all shares under a condition with Wilson's intervals."""
        row: Row = {}
        for metric in SHARES:
            hits, images = self.hits[metric][condition].sum(), self.among(metric).sum()
            row[metric] = hits / images if images else np.nan
            row[f"{metric}_low"], row[f"{metric}_high"] = map(float, wilson(hits, images))
        return row

    @property
    def facts(self) -> Row:
        """What is the same in all rows of the network."""
        facts = self.data.attrs
        return {
            "network": self.network,
            "images": facts["images"],
            "labelled": int(self.labelled.sum()),
            "label": facts["label"],
            "chance": 1 / facts["classes"],
        }


def compare_transforms(
    stores: Mapping[str, Path], *, bootstrap: int, seed: int
) -> dict[str, pd.DataFrame]:
    """Return the tables of all networks.

    Arguments:
        stores: What `evaluate_transforms` returned of every network, as stores.
        bootstrap: How often images are drawn again.
        seed: Seed of the draws.

    Returns:
        `shuffle`: a row per shuffle of all images. `shuffle_curves`: means over repeats.
        Rows of rectangles have no `k`. `shuffle_scores`, over k alone: the area under top1 as a
        mean accuracy, and `k50`, where top1 first has fallen half way from intact to chance: empty
        and `censored` where it does not, as are ends of its interval. `shuffle_differences`:
        first network minus second, of those whose labels are of one kind and of the same images.
        `saturation_curves`: a row per level.

    Raises:
        ConfigError: If networks were shown different images or transforms.
    """
    networks = [
        Answers(name, read_results(path).to_dataset().load()) for name, path in stores.items()
    ]
    for other in networks[1:]:
        _check_paired(networks[0], other)
    draws = image_draws(networks[0].data.sizes["image"], bootstrap, seed=seed)
    curves = {
        each.network: {
            metric: each.samples(metric, [point.conditions for point in each.points], draws)
            for metric in METRICS
        }
        for each in networks
    }
    rows: dict[str, list[Row]] = {
        "shuffle": [row for each in networks for row in _shuffles(each)],
        "shuffle_curves": [
            row for each in networks for row in _curves(each, curves[each.network])
        ],
        "shuffle_differences": [
            row
            for first, second in combinations(networks, 2)
            if first.facts["label"] == second.facts["label"]
            and (first.labelled == second.labelled).all()
            for row in _differences(first, second, curves)
        ],
        "shuffle_scores": [
            row for each in networks for row in _scores(each, curves[each.network]["top1"])
        ],
        "saturation_curves": [row for each in networks for row in _saturations(each, draws)],
    }
    return {name: _table(each, COLUMNS[name]) for name, each in rows.items()}


def _table(rows: list[Row], columns: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=columns)
    rectangles = "k" in columns and table["k"].isna().any()
    return table.astype({"k": "Int64"}) if rectangles else table  # whole, where there is one


def _check_paired(first: Answers, second: Answers) -> None:
    for what, names in PAIRED.items():
        one, other = (
            {
                name: each.data[name].reset_coords(drop=True)
                for name in names
                if name in first.data.variables and name in second.data.variables
            }
            for each in (first, second)
        )
        if not all(one[name].equals(other[name]) for name in one):
            raise ConfigError(
                f"spatial: {first.network} and {second.network} were shown different {what} and "
                "cannot be compared. Delete their files spatial/transforms.zarr and run again."
            )


def _shuffles(answers: Answers) -> Iterator[Row]:
    moved, area = (answers.data[name].to_numpy() for name in ("moved", "area"))
    for point in answers.points:
        for repeat, condition in enumerate(point.conditions):
            yield {
                **answers.facts,
                **point.named,
                "repeat": repeat,
                "moved": moved[condition].mean(dtype=np.float64),
                "area": area[condition],
                **answers.shares(condition),
                "probability": answers.hits["probability"][condition].mean(where=answers.labelled),
                "seed": answers.data.attrs["seed"],
            }


def _curves(answers: Answers, samples: Mapping[str, Floats]) -> Iterator[Row]:
    for number, point in enumerate(answers.points):
        row = {
            **answers.facts,
            **point.named,
            "repeats": len(point.conditions),
        }
        for metric in METRICS:
            row |= _estimate(metric, samples[metric][:, number])
        for metric in SHARES:
            trials = answers.among(metric).sum() * len(point.conditions)
            if trials:
                share, low, high = (row[metric + side] for side in ("", "_low", "_high"))
                low, high = no_narrower(low, high, share * trials, trials)
                row |= {f"{metric}_low": float(low), f"{metric}_high": float(high)}
        yield row


def _differences(
    first: Answers, second: Answers, samples: Mapping[str, Mapping[str, Floats]]
) -> Iterator[Row]:
    for number, point in enumerate(first.points):
        for metric in COMPARED:
            one, other = (samples[each.network][metric][:, number] for each in (first, second))
            low, high = interval(one - other)
            yield {
                "first": first.network,
                "second": second.network,
                **point.named,
                "metric": metric,
                "difference": one[0] - other[0],
                "low": low,
                "high": high,
            }


def _scores(answers: Answers, top1: Floats) -> Iterator[Row]:
    for mode in dict.fromkeys(point.mode for point in answers.points):
        own = {
            point.k: number
            for number, point in enumerate(answers.points)
            if point.mode == mode and point.k
        }
        k, squares = np.array([*own], dtype=np.float64), top1[:, [*own.values()]]
        k50 = half_way(k, squares, answers.facts["chance"])
        yield {
            "network": answers.network,
            "mode": mode,
            **_estimate("area", curve_area(k, squares)),
            **_estimate("k50", k50),
            "censored": bool(np.isnan(k50[0])),
        }


def _saturations(answers: Answers, draws: Floats) -> Iterator[Row]:
    for level, condition in answers.saturations.items():
        samples = answers.samples("probability", [[condition]], draws)[:, 0]
        yield {
            **answers.facts,
            "level": level,
            **answers.shares(condition),
            **_estimate("probability", samples),
        }


def _estimate(name: str, samples: Floats) -> Row:
    """Return an estimate and its interval, from samples of one number."""
    low, high = interval(samples)
    return {name: samples[0], f"{name}_low": low, f"{name}_high": high}
