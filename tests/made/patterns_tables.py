"""Tables of a made study of patterns, counted one by one from its stores."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

from actsense.statistics.shares import wilson

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
Floats = NDArray[np.float64]


def patterns_tables(
    trees: Mapping[str, xr.DataTree], layers: Sequence[str], *, threshold: float
) -> dict[str, pd.DataFrame]:
    """Return all tables of the study, by name."""
    attacked = {n: t for n, t in trees.items() if (t["kind"] == "attack").any()}
    points = _table(_points, trees, layers, threshold)
    return {
        "embeddings": _table(_embeddings, trees),
        "knowledge_points": points,
        "knowledge_classes": _table(_classes, trees, layers, threshold),
        "knowledge_images": _table(_images, trees, layers, threshold),
        "knowledge_differences": _differences(points, layers),
        "attacks": _table(_attacks, attacked),
        "attack_changes": _table(_changes, attacked, layers),
        "attack_types": _table(_types, attacked, layers),
        "attack_origins": _table(_origins, attacked, layers, threshold),
        "attack_points": _table(_attack_points, attacked, layers, threshold),
    }


def posterior(embedding: Floats, directions: Floats) -> Floats:
    """Return how probable every class is, (..., classes)."""
    from patterns_study import said

    return said(embedding, directions)


def _table(rows: Any, trees: Mapping[str, xr.DataTree], *more: Any) -> pd.DataFrame:
    return pd.DataFrame(
        [{"network": name, **row} for name, tree in trees.items() for row in rows(tree, *more)]
    )


def _embeddings(tree: xr.DataTree) -> Iterator[dict[str, Any]]:
    for number, state in enumerate(tree["state"].to_numpy()):
        own = tree["embedding"].to_numpy()[number]
        said, unsure = (tree[n].to_numpy()[number] for n in ("probability", "uncertainty"))
        fitted = posterior(own, tree["direction"].to_numpy()[number])
        agreement = (fitted.argmax(axis=1) == said.argmax(axis=1)).mean()
        methods = {"ours": own}
        if state == "final":
            others = tree["baselines"]["embedding"]
            methods |= dict(zip(others["method"].to_numpy(), others.to_numpy(), strict=True))
        for method, vectors in methods.items():
            ours = method == "ours"
            row = {
                "state": state,
                "kind": str(tree["kind"].to_numpy()[number]),
                "epoch": float(tree["epoch"].to_numpy()[number]),
                "method": method,
                "kl": float(tree["loss"].to_numpy()[number]) if ours else np.nan,
                "agreement": agreement if ours else np.nan,
            }
            for name, measure in (("pearson", pearsonr), ("spearman", spearmanr)):
                value = float(measure(np.linalg.norm(vectors, axis=1), unsure)[0])
                row |= _around(name, value, 0.06)
            row |= {"seeds_spread": 0.02 if ours else np.nan, "images": len(own)}
            yield row | {"classes": said.shape[1]}


def _points(
    tree: xr.DataTree, layers: Sequence[str], configured: float
) -> Iterator[dict[str, Any]]:
    labels = tree["label"].to_numpy()
    rng = np.random.default_rng(0)
    for depth, layer in enumerate(layers):
        h = tree[f"regions_{depth}"]["embedding"].to_numpy()
        kinds = [*zip(tree["state"].to_numpy(), tree["kind"].to_numpy(), strict=True)]
        for number, (state, kind) in [*enumerate(kinds), (-1, ("final", "regions"))]:
            own = h[number] if number >= 0 else h[0][rng.permutation(len(labels))]
            said = posterior(own, tree["direction"].to_numpy()[max(number, 0)])
            for threshold in THRESHOLDS:
                points = said.max(axis=2) >= threshold
                right = points & (said.argmax(axis=2) == labels[:, None])
                row = {"layer": layer, "state": state, "kind": kind}
                row["epoch"] = float(tree["epoch"].to_numpy()[number]) if number >= 0 else np.nan
                row |= {"threshold": threshold, "configured": threshold == configured}
                row |= _around("points", points.sum(axis=1).mean(), 0.4)
                row |= {"reliable": right.sum(axis=1).mean()} | _ratio(right, points)
                low, high = row["ratio_low"], row["ratio_high"]
                row |= {"ratio_boot_low": low, "ratio_boot_high": high}
                yield row | {"images": len(labels), "regions": h.shape[2]}


def _judged(tree: xr.DataTree, depth: int, threshold: float) -> tuple[Any, Any]:
    h = tree[f"regions_{depth}"]["embedding"].to_numpy()[0]
    said = posterior(h, tree["direction"].to_numpy()[0])
    points = said.max(axis=2) >= threshold
    return points, points & (said.argmax(axis=2) == tree["label"].to_numpy()[:, None])


def _classes(
    tree: xr.DataTree, layers: Sequence[str], threshold: float
) -> Iterator[dict[str, Any]]:
    for depth, layer in enumerate(layers):
        points, right = _judged(tree, depth, threshold)
        for k, name in enumerate(tree["class"].to_numpy()):
            own = tree["label"].to_numpy() == k
            row = {"layer": layer, "class": str(name)}
            row |= {"points": points[own].sum(1).mean(), "reliable": right[own].sum(1).mean()}
            yield row | _ratio(right[own], points[own])


def _images(
    tree: xr.DataTree, layers: Sequence[str], threshold: float
) -> Iterator[dict[str, Any]]:
    for depth, layer in enumerate(layers):
        points, right = _judged(tree, depth, threshold)
        for image, label in enumerate(tree["label"].to_numpy()):
            row = {"layer": layer, "image": image, "row": image, "label": int(label)}
            yield row | {"points": points[image].sum(), "reliable": right[image].sum()}


def _differences(table: pd.DataFrame, layers: Sequence[str]) -> pd.DataFrame:
    own = table[(table["kind"] == "final") & table["configured"]].set_index(["network", "layer"])
    rows = []
    for first, second in combinations(dict.fromkeys(table["network"]), 2):
        for depth, layer in enumerate(layers):
            for quantity in ("points", "reliable", "ratio"):
                one, other = (own.loc[(name, layer), quantity] for name in (first, second))
                half = 0.1 if quantity == "ratio" else 0.8
                row = {"first": first, "second": second, "place": depth / (len(layers) - 1)}
                row |= {"first_layer": layer, "second_layer": layer, "quantity": quantity}
                row |= {"difference": one - other, "low": one - other - half}
                rows.append(row | {"high": one - other + half, "images": own["images"].iloc[0]})
    columns = ("first", "second", "place", "first_layer", "second_layer", "quantity")
    return pd.DataFrame(rows, columns=[*columns, "difference", "low", "high", "images"])


def _ends(tree: xr.DataTree) -> tuple[Any, Any, Any]:
    """Return the numbers of the attack's states, and the classes before and after."""
    steps = np.flatnonzero(tree["kind"].to_numpy() == "attack")
    top = tree["probability"].to_numpy().argmax(axis=2)
    return steps, top[0], top[steps[-1]]


def _attacks(tree: xr.DataTree) -> Iterator[dict[str, Any]]:
    steps, before, after = _ends(tree)
    hits, images = (before != after).sum(), len(before)
    low, high = wilson(hits, images)
    correct = tree["correct"].to_numpy()
    yield {
        **{"norm": "linf", "epsilon": 8 / 255, "step": 0.8 / 255, "steps": 20, "targeted": False},
        **{"images": images, "accuracy_clean": correct[0].mean()},
        **{"accuracy_attacked": correct[steps[-1]].mean(), "success": hits / images},
        **{"success_low": float(low), "success_high": float(high)},
    }


def _changes(tree: xr.DataTree, layers: Sequence[str]) -> Iterator[dict[str, Any]]:
    steps, _, _ = _ends(tree)
    for depth, layer in enumerate(layers):
        h = tree[f"regions_{depth}"]["embedding"].to_numpy()
        length = np.linalg.norm(h, axis=-1)
        for number in steps:
            cosine = (h[0] * h[number]).sum(-1) / (length[0] * length[number])
            row = {"layer": layer, "step": int(tree["step"].to_numpy()[number])}
            row |= _around("orientation", (1 - cosine).mean(), 0.02)
            yield row | _around("strength", abs(length[number] - length[0]).mean(), 0.03)


def _types(tree: xr.DataTree, layers: Sequence[str]) -> Iterator[dict[str, Any]]:
    regions = tree["regions_0"].sizes["region"] * tree.sizes["image"]
    for layer in layers:
        for kind, share in enumerate((0.05, 0.03, 0.08, 0.02), start=1):
            row = {"layer": layer, "type": kind, "regions": round(share * regions)}
            yield row | {"share": share, "low": share - 0.01, "high": share + 0.015}


def _origins(
    tree: xr.DataTree, layers: Sequence[str], threshold: float
) -> Iterator[dict[str, Any]]:
    steps, before, after = _ends(tree)
    directions, images = tree["direction"].to_numpy()[0], np.arange(tree.sizes["image"])
    for depth, layer in enumerate(layers):
        h = tree[f"regions_{depth}"]["embedding"].to_numpy()
        first, last = (posterior(h[k], directions) for k in (0, steps[-1]))
        taken = (last[images, :, after] >= threshold) & (before != after)[:, None]
        counts, edges = np.histogram(first[images, :, before][taken], 20, (0, 1))
        for low, high, count in zip(edges, edges[1:], counts, strict=False):
            yield {"layer": layer, "bin_low": low, "bin_high": high, "regions": int(count)}


def _attack_points(
    tree: xr.DataTree, layers: Sequence[str], threshold: float
) -> Iterator[dict[str, Any]]:
    steps, before, after = _ends(tree)
    directions, images = tree["direction"].to_numpy()[0], np.arange(tree.sizes["image"])
    for depth, layer in enumerate(layers):
        h = tree[f"regions_{depth}"]["embedding"].to_numpy()
        for when, number, top in (("before", 0, before), ("after", steps[-1], after)):
            said = posterior(h[number], directions)[images, :, top] >= threshold
            mean = said.sum(axis=1).mean()
            row = {"layer": layer, "when": when, "points": mean}
            yield row | {"low": mean - 0.5, "high": mean + 0.5}


def _around(name: str, value: float, half: float) -> dict[str, float]:
    value = float(value)
    return {name: value, f"{name}_low": value - half, f"{name}_high": value + half}


def _ratio(right: NDArray[np.bool_], points: NDArray[np.bool_]) -> dict[str, float]:
    hits, trials = int(right.sum()), int(points.sum())
    low, high = wilson(hits, trials)
    ratio = hits / trials if trials else np.nan
    return {"ratio": ratio, "ratio_low": float(low), "ratio_high": float(high)}
