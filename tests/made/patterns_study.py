"""A study of patterns with planted structure: shapes on grey ground, in the stores of a real one.

What shows the shape, and no other region, supports the class, more so in higher layers, in later
checkpoints, and in the first network. An attack turns most of these regions towards another class.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import entropy

from actsense.data.cache import Sample, write_cache
from actsense.patterns.tables.comparison import compare_patterns
from actsense.store import write_results, write_tables
from actsense.store.columns import Column
from actsense.store.rows import write_rows

CLASSES = ("disc", "ring", "square, filled", "cross", "sawtooth roof of a factory, a long name")
LAYERS = ("stage1", "stage2.block", "stage3.block", "stage4.block")
EPOCHS, STEPS = (1, 3, 8), (1, 5, 10, 20)
GRID, SIDE, EACH, CHANNELS = 4, 32, 8, 6
TEMPERATURE, THRESHOLD, EPSILON = 4.0, 0.4, 8 / 255
BASELINES = ("pca", "tsne", "lle", "isomap")

Floats = NDArray[np.float64]


def make_patterns(
    folder: Path,
    *,
    networks: Sequence[str] = ("teacher", "student"),
    classes: Sequence[str] = CLASSES,
    each: int = EACH,
    seed: int = 0,
) -> Path:
    """Write the study and return its folder; the first network has checkpoints.

    Arguments:
        folder: Folder of the study.
        networks: Their names.
        classes: Names of the classes.
        each: Images of a class.
        seed: Seed of all numbers.
    """
    pixels, labels, shapes = _images(len(classes), each, np.random.default_rng(seed))
    _write_images(folder, pixels, labels, classes)
    stores: dict[str, Path] = {}
    attacks: dict[str, Path] = {}
    for number, network in enumerate(networks):
        rng = np.random.default_rng((seed, number))
        (folder / network / "patterns").mkdir(parents=True, exist_ok=True)
        (folder / network / "card.json").write_text(json.dumps({"name": network}))
        states = _states(grown=number == 0)
        groups = _network(rng, states, labels, shapes, len(classes), skill=0.6**number)
        groups[""] = groups[""].assign_coords({"class": list(classes)})
        groups[""].attrs |= {"layers": list(LAYERS), "grid": [GRID, GRID]}
        attributes = {
            **{"network": network, "temperature": TEMPERATURE, "label": "class"},
        }
        home = folder / network / "patterns"
        stores[network], attacks[network] = home / "patterns.zarr", home / "attack.zarr"
        write_results(stores[network], groups, attributes=attributes)
        _write_attack(attacks[network], rng, pixels, labels, groups[""])
    tables = compare_patterns(
        *(stores, attacks), threshold=THRESHOLD, exchanged=True, bootstrap=60, seed=seed
    )
    place = folder / "patterns/tables"
    write_tables(tables, {name: place / f"{name}.csv" for name in tables})
    return folder


def sphere(count: int) -> Floats:
    """Return unit vectors, (count, 3), spread evenly."""
    z = 1 - (2 * np.arange(count) + 1) / count
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - z**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)


def said(embedding: Floats, directions: Floats) -> Floats:
    """Return how sure each class is, (..., classes): surer the longer the vector."""
    strength = np.linalg.norm(embedding, axis=-1, keepdims=True)
    kappa = 1.6 * strength + 0.9 * strength**2
    logits = kappa / np.maximum(strength, 1e-12) * (embedding @ directions.T)
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: Floats = raised / raised.sum(axis=-1, keepdims=True)
    return found


def _images(
    classes: int, each: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.bool_]]:
    """Return pictures (images, 3, side, side), labels, and the regions with the shape."""
    labels = np.repeat(np.arange(classes), each)
    cell, place = SIDE // GRID, np.mgrid[:SIDE, :SIDE]
    colors = np.array([[214, 94, 0], [0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167]])
    pixels = np.empty((len(labels), 3, SIDE, SIDE), np.uint8)
    shapes = np.zeros((len(labels), GRID * GRID), bool)
    for number, label in enumerate(labels):
        center = rng.uniform(11, SIDE - 11, 2)
        down, right = place - center[:, None, None]
        far, square = np.hypot(down, right), np.maximum(abs(down), abs(right))
        inside = (
            far < 7,
            (far < 8) & (far > 4),
            square < 6,
            (square < 8) & (np.minimum(abs(down), abs(right)) < 2.5),
            (abs(down) < 6) & (down > (right % 6) * 1.5 - 6) & (abs(right) < 9),
        )[label % 5]
        ground = 90 + 60 * place[label % 2] / SIDE + rng.normal(0, 9, (SIDE, SIDE))
        drawn = np.repeat(ground[None], 3, axis=0)
        drawn[:, inside] = colors[label % 5][:, None] * rng.uniform(0.75, 1)
        pixels[number] = drawn.clip(0, 255)
        share = inside.reshape(GRID, cell, GRID, cell).mean(axis=(1, 3))
        shapes[number] = share.ravel() > 0.15
    return pixels, labels, shapes


def _write_images(
    folder: Path, pixels: NDArray[np.uint8], labels: NDArray[np.int64], classes: Sequence[str]
) -> None:
    samples = [
        Sample(f"{classes[label]}/{number}.png", int(label), "validation", image)
        for number, (image, label) in enumerate(zip(pixels, labels, strict=True))
    ]
    (folder / "data").mkdir(parents=True)
    write_cache(
        samples,
        *(folder / "data/images.zarr", folder / "data/manifest.csv"),
        capacity=len(samples),
        side=SIDE,
        class_names=list(classes),
        provenance={},
    )


def _states(*, grown: bool) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [{"state": "final", "kind": "final"}]
    if grown:
        rows += [{"state": f"epoch_{e}", "kind": "checkpoint", "epoch": e} for e in EPOCHS]
    rows += [{"state": kind, "kind": kind} for kind in ("random", "shuffled")]
    rows += [{"state": f"attack_{s}", "kind": "attack", "step": s} for s in STEPS]
    return pd.DataFrame(rows, columns=["state", "kind", "epoch", "step"])


def _network(
    rng: np.random.Generator,
    states: pd.DataFrame,
    labels: NDArray[np.int64],
    shapes: NDArray[np.bool_],
    classes: int,
    *,
    skill: float,
) -> dict[str, xr.Dataset]:
    """Return the groups of the store of one network."""
    directions, images = sphere(classes), len(labels)
    sure = rng.gamma(6, 0.3, images) * skill
    final = sure[:, None] * directions[labels] + rng.normal(0, 0.25, (images, 3))
    other = (labels + 1) % classes
    shuffled = rng.permutation(images)
    samples, groups = [], {}
    regions: list[list[Floats]] = [[] for _ in LAYERS]
    ground = (images, GRID * GRID, 1)
    noise = [rng.normal(0, 0.2, (*ground[:2], 3)) * rng.gamma(0.4, 2, ground) for _ in LAYERS]
    vary = rng.uniform(0.25, 1.1, ground)
    fresh = ~shapes & (np.cumsum(~shapes, axis=1) <= 2)  # an attack makes patterns there
    for state in states.to_dict("records"):
        grown, turned, target = _progress(state), 0.0, labels
        if state["kind"] == "attack":
            turned = state["step"] / STEPS[-1]
        if state["kind"] == "shuffled":
            target = labels[shuffled]
        toward = _turned(directions[target], directions[other], turned)
        if state["kind"] == "shuffled":
            own = 0.35 * rng.normal(0, 1, (images, 3))
        else:
            own = grown * (sure[:, None] * toward + (final - sure[:, None] * directions[labels]))
        samples.append(own)
        for depth in range(len(LAYERS)):
            high = (depth + 1) / len(LAYERS)
            planted = high**1.5 * skill * grown * 2.2 * vary * toward[:, None] * shapes[..., None]
            planted += turned * high * directions[other][:, None] * fresh[..., None]
            if state["kind"] in {"random", "shuffled"}:
                planted = 0.3 * planted
            regions[depth].append(planted + noise[depth])
    embedding = np.stack(samples)
    probability = said(embedding, directions)
    clean = (states["kind"] != "attack").to_numpy()
    top = probability.argmax(axis=2)
    groups[""] = xr.Dataset(
        {
            "probability": (("state", "image", "class"), probability),
            "embedding": (("state", "image", "axis"), embedding),
            "direction": (("state", "class", "axis"), np.repeat(directions[None], len(states), 0)),
            "prior": (("state", "class"), np.full((len(states), classes), 1 / classes)),
            "spread": ("image", np.abs(rng.normal(0, 0.05, images))),
            "loss": ("state", np.where(clean, rng.uniform(0.05, 0.2, len(states)), np.nan)),
            "uncertainty": (
                ("state", "image"),
                entropy(probability, axis=2) + rng.normal(0, 0.03, top.shape),
            ),
            "correct": (("state", "image"), top == labels),
        },
        coords={
            "state": states["state"].to_numpy(),
            **{name: ("state", states[name].to_numpy()) for name in ("kind", "epoch", "step")},
            "row": ("image", np.arange(images)),
            "label": ("image", labels),
        },
    )
    weight = np.where(shapes, 1.0, 0.1) * rng.uniform(0.5, 1.5, shapes.shape)
    weight /= weight.sum(axis=1, keepdims=True)
    for depth, layer in enumerate(LAYERS):
        raw = np.stack(regions[depth])
        scale = np.linalg.norm(raw, axis=-1).mean(axis=(1, 2))
        scale[~clean] = scale[0]
        weights = np.where(clean[:, None, None], weight, np.nan)
        channels = rng.dirichlet(np.ones(CHANNELS), images)
        groups[f"regions_{depth}"] = xr.Dataset(
            {
                "embedding": (
                    ("state", "image", "region", "axis"),
                    (raw / scale[:, None, None, None]).astype(np.float32),
                ),
                "scale": ("state", scale),
                "weight": (("state", "image", "region"), weights.astype(np.float32)),
                "channel_weight": (("image", "channel"), channels.astype(np.float32)),
                "angle": ("state", np.full(len(states), 0.1)),
            },
            attrs={"layer": layer},
        )
    flat = final + rng.normal(0, 0.6, (len(BASELINES), *final.shape))
    groups["baselines"] = xr.Dataset(
        {"embedding": (("method", "image", "axis"), flat)}, coords={"method": list(BASELINES)}
    )
    groups["seeds"] = xr.Dataset({"loss": ("seed", np.sort(rng.uniform(0.05, 0.08, 3)))})
    return groups


def _progress(state: dict[str, Any]) -> float:
    if state["kind"] == "random":
        return 0.15
    before = dict(zip(EPOCHS, (0.2, 0.5, 0.85), strict=True))
    return before.get(state["epoch"], 1.0)


def _turned(start: Floats, end: Floats, share: float) -> Floats:
    """Return vectors part of the way from one to the other; some go around the origin."""
    around = np.arange(len(start)) % 3 > 0
    straight = (1 - share) * start + share * end
    length = np.linalg.norm(straight, axis=1, keepdims=True)
    stays = np.arange(len(start)) % 4 == 3
    found: Floats = np.where(around[:, None], straight / length, straight)
    return np.where(stays[:, None], start, found)


def _write_attack(
    path: Path,
    rng: np.random.Generator,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    root: xr.Dataset,
) -> None:
    attacked = root["kind"].to_numpy() == "attack"
    top = root["probability"].to_numpy().argmax(axis=2)
    predictions = np.concatenate([top[:1], top[attacked]]).T.astype(np.int64)
    shape = (len(STEPS), 3, SIDE, SIDE)
    columns = {
        "images": Column(shape, "float32", ("image", "step", "channel", "height", "width")),
        **{name: Column((), "int64", ("image",)) for name in ("row", "label", "target")},
        "predictions": Column((len(STEPS) + 1,), "int64", ("image", "step")),
    }
    moved = rng.uniform(-EPSILON, EPSILON, (len(pixels), *shape))
    shown = (pixels[:, None] / 255 + moved).clip(0, 1).astype(np.float32)
    with write_rows(path, columns, capacity=len(pixels)) as writer:
        writer.append(
            {
                "images": shown,
                "row": np.arange(len(pixels)),
                "label": labels,
                "target": np.full(len(pixels), -1),
                "predictions": predictions,
            }
        )
        writer.attributes = {
            **{"norm": "linf", "epsilon": EPSILON, "step": EPSILON / 10, "steps": STEPS[-1]},
            **{"recorded": list(STEPS), "targeted": False, "random_start": True, "seed": 0},
            "success": float((predictions[:, -1] != predictions[:, 0]).mean()),
            "accuracy_clean": float((predictions[:, 0] == labels).mean()),
            "accuracy_attacked": float((predictions[:, -1] == labels).mean()),
            "largest": EPSILON,
        }
