"""Tables of a made study of patterns, made of its stores."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from actsense.patterns.baselines import strength_correlation
from actsense.patterns.knowledge import (
    class_counts,
    class_points,
    count_points,
    exchange_regions,
    knowledge_points,
    paired_differences,
    region_posterior,
    threshold_counts,
)
from actsense.patterns.trajectories import (
    count_origins,
    mean_changes,
    origins,
    trajectory_types,
    type_shares,
)
from actsense.statistics.resampling import image_draws
from actsense.statistics.shares import wilson

DRAWS = 60
Floats = NDArray[np.float64]
Trees = Mapping[str, xr.DataTree]
Rows = Iterator[dict[str, Any]]


def patterns_tables(
    trees: Trees, layers: Sequence[str], *, threshold: float
) -> dict[str, pd.DataFrame]:
    """Return all tables of the study, by name."""
    attacked = {n: t for n, t in trees.items() if (t["kind"] == "attack").any()}
    return {
        "embeddings": _table(_embeddings, trees),
        "knowledge_points": _table(_points, trees, layers, threshold),
        "knowledge_classes": _table(_classes, trees, layers, threshold),
        "knowledge_images": _table(_images, trees, layers, threshold),
        "knowledge_differences": _differences(trees, layers, threshold),
        "attacks": _table(_attacks, attacked),
        "attack_changes": _table(_changes, attacked, layers),
        "attack_types": _table(_types, attacked, layers),
        "attack_origins": _table(_origins, attacked, layers, threshold),
        "attack_points": _table(_attack_points, attacked, layers, threshold),
    }


def _table(rows: Callable[..., Rows], trees: Trees, *more: Any) -> pd.DataFrame:
    return pd.DataFrame(
        [{"network": name, **row} for name, tree in trees.items() for row in rows(tree, *more)]
    )


def _draws(tree: xr.DataTree) -> Floats:
    return image_draws(tree.sizes["image"], DRAWS, seed=0)


def _states(tree: xr.DataTree) -> list[dict[str, Any]]:
    names = ("state", "kind", "epoch")
    columns = [tree[name].to_numpy().tolist() for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _regions(tree: xr.DataTree, depth: int) -> Floats:
    return tree[f"regions_{depth}"]["embedding"].to_numpy().astype(np.float64)


def _posterior(tree: xr.DataTree, depth: int, state: int = 0) -> Floats:
    return region_posterior(_regions(tree, depth)[state], tree["direction"].to_numpy()[state])


def _found(tree: xr.DataTree, depth: int, threshold: float) -> tuple[Any, Any]:
    return knowledge_points(_posterior(tree, depth), tree["label"], threshold=threshold)


def _embeddings(tree: xr.DataTree) -> Rows:
    own, said = tree["embedding"].to_numpy(), tree["probability"].to_numpy()
    others = tree["baselines"]["embedding"]
    for number, state in enumerate(_states(tree)):
        methods = {"ours": own[number]}
        if state["kind"] == "final":
            methods |= dict(zip(others["method"].to_numpy(), others.to_numpy(), strict=True))
        fitted = region_posterior(own[number], tree["direction"].to_numpy()[number])
        agreement = (fitted.argmax(axis=1) == said[number].argmax(axis=1)).mean()
        fit = {"kl": float(tree["loss"].to_numpy()[number]), "agreement": agreement}
        for method, vectors in methods.items():
            row = state | {"method": method}
            row |= fit if method == "ours" else dict.fromkeys(fit, np.nan)
            row |= strength_correlation(vectors, said[number], bootstrap=DRAWS, seed=0)
            row |= {"seeds_spread": 0.02 if method == "ours" else np.nan}
            yield row | {"images": len(vectors), "classes": said.shape[2]}


def _points(tree: xr.DataTree, layers: Sequence[str], configured: float) -> Rows:
    for depth, layer in enumerate(layers):
        states = _states(tree)
        said = [_posterior(tree, depth, number) for number in range(len(states))]
        said.append(exchange_regions(said[0], seed=0))
        states.append({"state": "final", "kind": "regions", "epoch": np.nan})
        for state, one in zip(states, said, strict=True):
            for row in threshold_counts(one, tree["label"], _draws(tree)):
                configured_row = {"configured": row["threshold"] == configured}
                yield {"layer": layer, **state, **row, **configured_row}


def _classes(tree: xr.DataTree, layers: Sequence[str], threshold: float) -> Rows:
    for depth, layer in enumerate(layers):
        found = _found(tree, depth, threshold)
        counts = class_counts(*found, tree["label"], tree.sizes["class"])
        for name, row in zip(tree["class"].to_numpy(), counts, strict=True):
            yield {"layer": layer, "class": str(name), **row}


def _images(tree: xr.DataTree, layers: Sequence[str], threshold: float) -> Rows:
    for depth, layer in enumerate(layers):
        points, reliable = (one.sum(axis=1) for one in _found(tree, depth, threshold))
        for image, label in enumerate(tree["label"].to_numpy()):
            row = {"layer": layer, "image": image, "row": image, "label": int(label)}
            yield row | {"points": int(points[image]), "reliable": int(reliable[image])}


def _differences(trees: Trees, layers: Sequence[str], threshold: float) -> pd.DataFrame:
    names = ("first", "second", "place", "first_layer", "second_layer", "quantity")
    columns = [*names, "difference", "low", "high", "images"]
    rows = [
        (first, second, depth / (len(layers) - 1), layer, layer, quantity, *ends, len(draws[0]))
        for first, second in combinations(trees, 2)
        for depth, layer in enumerate(layers)
        for draws in [_draws(trees[first])]
        for quantity, ends in paired_differences(
            *(_found(trees[name], depth, threshold) for name in (first, second)), draws
        ).items()
    ]
    return pd.DataFrame(rows, columns=columns)


def _ends(tree: xr.DataTree) -> tuple[Any, Any, Any]:
    """Return the numbers of the attack's states, and the classes before and after."""
    steps = np.flatnonzero(tree["kind"].to_numpy() == "attack")
    top = tree["probability"].to_numpy().argmax(axis=2)
    return steps, top[0], top[steps[-1]]


def _attacks(tree: xr.DataTree) -> Rows:
    steps, before, after = _ends(tree)
    hits, images = int((before != after).sum()), len(before)
    low, high = wilson(hits, images)
    correct = tree["correct"].to_numpy()
    yield {
        **{"norm": "linf", "epsilon": 8 / 255, "step": 0.8 / 255, "steps": 20, "targeted": False},
        **{"images": images, "accuracy_clean": correct[0].mean()},
        **{"accuracy_attacked": correct[steps[-1]].mean(), "success": hits / images},
        **{"success_low": float(low), "success_high": float(high)},
    }


def _changes(tree: xr.DataTree, layers: Sequence[str]) -> Rows:
    for depth, layer in enumerate(layers):
        h = _regions(tree, depth)
        for number in _ends(tree)[0]:
            row = {"layer": layer, "step": int(tree["step"].to_numpy()[number])}
            yield row | mean_changes(h[0], h[number], _draws(tree))


def _types(tree: xr.DataTree, layers: Sequence[str]) -> Rows:
    steps, before, after = _ends(tree)
    for depth, layer in enumerate(layers):
        path = _regions(tree, depth)[[0, *steps]]
        types = trajectory_types(path, tree["direction"].to_numpy()[0], before, after)
        yield from ({"layer": layer, **row} for row in type_shares(types, _draws(tree)))


def _origins(tree: xr.DataTree, layers: Sequence[str], threshold: float) -> Rows:
    steps, before, after = _ends(tree)
    for depth, layer in enumerate(layers):
        said = (_posterior(tree, depth, state) for state in (0, steps[-1]))
        found = origins(*said, before, after, threshold=threshold)
        yield from ({"layer": layer, **row} for row in count_origins(found))


def _attack_points(tree: xr.DataTree, layers: Sequence[str], threshold: float) -> Rows:
    steps, before, after = _ends(tree)
    for depth, layer in enumerate(layers):
        for when, state, top in (("before", 0, before), ("after", steps[-1], after)):
            points = class_points(_posterior(tree, depth, state), top, threshold=threshold)
            row = count_points(points, points, _draws(tree))
            ends = {"points": row["points"], "low": row["points_low"], "high": row["points_high"]}
            yield {"layer": layer, "when": when, **ends}
