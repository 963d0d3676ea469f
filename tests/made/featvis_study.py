"""A study of synthesised pictures with planted structure, in the stores and tables of a real one.

A facet is a class: discs, squares and crosses in a colour of their own. Pictures fill with stripes
of the colour of their target while they are made, drive it more than any image does, and one of
them ends grey. Those of random weights stay noise that drives nothing.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from actsense.data.cache import Sample, write_cache
from actsense.store import write_results, write_tables

CLASSES = ("red disc", "green square", "blue cross")
COLORS = ((214, 64, 40), (60, 170, 90), (40, 90, 200))
NETWORKS = ("net", "twin")
LAYER, UNITS_LAYER, CHANNELS_LAYER = "stage3.block", "stage2.block", "stage1"
FACTOR = "hue"
SIDE, EACH, TRAIN = 24, 8, 6  # pixels, images of a class, and images before them in the dataset
KEPT = (0, 4, 16, 32, 64)
ITERATIONS = (1, 2, 4, 8, 16, 32, 64)
CHANNELS, SEEDS, MEMBERS = 8, 2, 5
GRID = (6, 6)  # of the layer of units
PLACES = ((1, 0, 3), (4, 2, 2), (6, 5, 1), (0, 3, 3), (2, 1, 5), (7, 4, 0))
INDICES = (0.81, 0.64, 0.49, 0.04, 0.02, 0.01)  # of three units most and three least
GREY = ("net", "facets", 2, 0)  # network, kind, target and seed of a picture that failed
DRIVE, CEILING = 3.0, 2.5  # of a result, and of the strongest image: standard deviations
SHIFTS = (-0.5, -0.25, 0.0, 0.25, 0.5)  # of hue, in turns
LOST = {"most": 0.6, "least": 0.1}  # share of the drive that the largest shift takes away

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


def make_featvis(
    folder: Path,
    *,
    networks: Sequence[str] = NETWORKS,
    classes: Sequence[str] = CLASSES,
    side: int = SIDE,
    kept: Sequence[int] = KEPT,
    layer: str = LAYER,
    seed: int = 0,
) -> Path:
    """Write the study and return its folder; the first network has units and channels too.

    Arguments:
        folder: Folder of the study.
        networks: Their names.
        classes: Names of the classes, which are the facets too.
        side: Of images and pictures, pixels.
        kept: Iterations whose pictures are kept.
        layer: Name of the layer of facets.
        seed: Seed of all numbers.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(classes)), EACH)
    pixels = np.stack([_shape(label, side, rng) for label in labels])
    _write_images(folder, pixels, labels, classes, rng)
    tables: dict[str, list[pd.DataFrame]] = {}
    for number, network in enumerate(networks):
        groups = {"facets_0": _facets(labels, pixels, kept, layer, rng, network)}
        if number == 0:
            groups["units_0"] = _units(labels, pixels, kept, rng)
            groups["channels_0"] = _channels(labels, pixels, kept, rng)
        root = xr.Dataset(
            {
                "row": ("image", TRAIN + np.arange(len(labels))),
                "label": ("image", labels),
                "contrast": ("image", rng.uniform(0.15, 0.25, len(labels))),
                "high_frequency": ("image", rng.uniform(0.05, 0.1, len(labels))),
            }
        )
        attributes = {
            **{"network": network, "side": side, "classes": list(classes)},
            **{"layers": list(dict.fromkeys(group.attrs["layer"] for group in groups.values()))},
            **{"objective": {"power": 1, "distance": "charbonnier"}},
            **{"picture": {"model": "fourier"}, "search": {"iterations": kept[-1]}},
        }
        home = folder / network / "featvis"
        home.mkdir(parents=True)
        (folder / network / "card.json").write_text(json.dumps({"name": network}))
        write_results(home / "pictures.zarr", {"": root, **groups}, attributes=attributes)
        for name, parts in _tables(network, networks, groups, root, classes, rng).items():
            tables.setdefault(name, []).extend(parts)
    home = folder / "featvis/tables"
    joined = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    write_tables(joined, {name: home / f"{name}.csv" for name in joined})
    return folder


def _shape(label: int, side: int, rng: np.random.Generator) -> Bytes:
    """Return a coloured shape on grey ground, (3, side, side)."""
    down, right = np.mgrid[:side, :side] - rng.uniform(0.35, 0.65, 2)[:, None, None] * side
    far, square = np.hypot(down, right), np.maximum(abs(down), abs(right))
    arms = np.minimum(abs(down), abs(right)) < 0.08 * side
    inside = (far < 0.27 * side, square < 0.22 * side, (square < 0.32 * side) & arms)[label % 3]
    drawn = np.repeat(rng.normal(130, 8, (1, side, side)), 3, axis=0)
    drawn[:, inside] = np.array(_color(label))[:, None] * rng.uniform(0.8, 1)
    found: Bytes = drawn.clip(0, 255).astype(np.uint8)
    return found


def _color(target: int) -> tuple[int, ...]:
    return COLORS[target % len(COLORS)]


def _stripes(target: int, side: int, rng: np.random.Generator) -> Bytes:
    """Return what a picture ends as: stripes of the target's colour and tilt."""
    down, right = np.mgrid[:side, :side] / side
    tilt = 0.7 * target + rng.uniform(0, 0.2)
    wave = np.sin(20 * (np.cos(tilt) * down + np.sin(tilt) * right) + rng.uniform(0, 6))
    lit = 0.65 + 0.35 * wave
    drawn: Bytes = (np.array(_color(target))[:, None, None] * lit).clip(0, 255).astype(np.uint8)
    return drawn


def _write_images(
    folder: Path,
    pixels: Bytes,
    labels: NDArray[np.int64],
    classes: Sequence[str],
    rng: np.random.Generator,
) -> None:
    side = pixels.shape[-1]
    before = [
        Sample(f"{classes[0]}/train {k}.png", 0, "train", _shape(0, side, rng))
        for k in range(TRAIN)
    ]
    samples = [
        Sample(f"{classes[label]}/{number}.png", int(label), "validation", image)
        for number, (image, label) in enumerate(zip(pixels, labels, strict=True))
    ]
    (folder / "data").mkdir(parents=True)
    write_cache(
        [*before, *samples],
        *(folder / "data/images.zarr", folder / "data/manifest.csv"),
        capacity=len(before) + len(samples),
        side=side,
        class_names=list(classes),
        provenance={},
    )


def _group(
    names: Sequence[str],
    roles: Sequence[str],
    starts: Bytes,
    kept: Sequence[int],
    natural: Floats,
    rng: np.random.Generator,
    *,
    weights: Sequence[str] = ("trained",),
    grey: tuple[int, int] = (-1, -1),
) -> xr.Dataset:
    """Return what all groups have; pictures by weights, then target, then seed."""
    count, side = len(names), starts.shape[-1]
    told = [(w, t, s) for w in weights for t in range(count) for s in range(SEEDS)]
    film = np.zeros((len(kept), len(told), 3, side, side), np.uint8)
    curves = {
        name: np.full((len(told), len(ITERATIONS)), np.nan)
        for name in ("total", "activation", "cosine", "distance", "penalty", "variation")
    }
    done = np.log(ITERATIONS) / np.log(ITERATIONS[-1])
    for picture, (weight, target, start) in enumerate(told):
        end = _stripes(target, side, rng)
        drive, failed = DRIVE + 0.5 * target + 0.1 * start, (target, start) == grey
        if weight == "random":
            end, drive = rng.integers(90, 170, end.shape).astype(np.uint8), -0.5
        elif failed:
            end, drive = np.full_like(end, 128), 0.0
        for place, iteration in enumerate(kept):
            share = iteration / kept[-1]
            film[place, picture] = (1 - share) * starts[target] + share * end
        curves["activation"][picture] = drive * done
        if roles[0] == "facet":
            curves["cosine"][picture] = (0.9 if weight == "trained" else 0.2) * done
            curves["distance"][picture] = 2 - done
        curves["variation"][picture] = 0.1
        curves["total"][picture] = 2 - drive * done
    direction = np.eye(count, CHANNELS)
    response = np.stack([direction[t] * curves["activation"][k, -1]
                         for k, (_, t, _) in enumerate(told)])  # fmt: skip
    order = np.argsort(-natural.T, axis=1, kind="stable")[:, :MEMBERS]
    return xr.Dataset(
        {
            "image": (("kept", "picture", "rgb", "y", "x"), film),
            "transparency": (("picture", "y", "x"), np.ones((len(told), side, side), "f4")),
            **{name: (("picture", "iteration"), c.astype("f4")) for name, c in curves.items()},
            "balance": ("picture", np.ones(len(told))),
            "response": (("picture", "channel"), response.astype("f4")),
            "direction": (("target", "channel"), direction.astype("f4")),
            "target_response": (("target", "channel"), 2 * direction.astype("f4")),
            "natural": (("image", "target"), natural.astype("f4")),
            "best": (("target", "rank"), order),
        },
        coords={
            "kept": list(kept),
            "iteration": list(ITERATIONS),
            "weights": ("picture", [w for w, _, _ in told]),
            "seed": ("picture", [s for _, _, s in told]),
            "variant": ("picture", [0 for _ in told]),
            "target": ("picture", [t for _, t, _ in told]),
            "name": ("target", list(names)),
            "role": ("target", list(roles)),
        },
    )


def _natural(labels: NDArray[np.int64], count: int, rng: np.random.Generator) -> Floats:
    """Return how much images drive targets: the strongest of a target's own class is `CEILING`."""
    natural = rng.normal(-0.5, 0.3, (len(labels), count))
    for target in range(count):
        own = np.flatnonzero(labels == target % (labels.max() + 1))
        natural[own, target] = np.linspace(CEILING, 1, len(own))
    return natural


def _means(pixels: Bytes, best: Floats) -> Bytes:
    """Return the start of every target: the mean of its strongest images."""
    order = np.argsort(-best.T, axis=1, kind="stable")[:, :MEMBERS]
    return pixels[order].mean(axis=1).astype(np.uint8)


def _facets(
    labels: NDArray[np.int64],
    pixels: Bytes,
    kept: Sequence[int],
    layer: str,
    rng: np.random.Generator,
    network: str,
) -> xr.Dataset:
    count = int(labels.max()) + 1
    natural = _natural(labels, count, rng)
    data = _group(
        [f"facet {k + 1}" for k in range(count)],
        ["facet"] * count,
        _means(pixels, natural),
        kept,
        natural,
        rng,
        weights=("trained", "random"),
        grey=GREY[2:] if network == GREY[0] else (-1, -1),
    )
    turn = 2 * np.pi * labels / count
    centre = 10 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    tried = np.arange(2, 7)
    weight = np.arange(MEMBERS, 0, -1) / np.arange(1, MEMBERS + 1).sum()
    more = {
        "facet": ("image", labels),
        "centre_distance": (("image", "target"), CEILING - natural),
        "point": (("image", "axis"), centre + rng.normal(0, 1.5, centre.shape)),
        "member_weight": (("target", "rank"), np.tile(weight, (count, 1))),
        "chosen": (("target", "channel"), np.eye(count, CHANNELS, dtype=bool)),
        "silhouette": ("count", 0.6 - 0.1 * abs(tried - count)),
    }
    return (
        data.assign(more)
        .assign_coords(count=tried)
        .assign_attrs(kind="facets", layer=layer, shape=[CHANNELS, 4, 4])
    )


def _units(
    labels: NDArray[np.int64], pixels: Bytes, kept: Sequence[int], rng: np.random.Generator
) -> xr.Dataset:
    count = len(PLACES)
    natural = _natural(labels, count, rng)
    names = [f"channel {channel} at {row}, {col}" for channel, row, col in PLACES]
    roles = ["most"] * 3 + ["least"] * 3
    data = _group(names, roles, _means(pixels, natural), kept, natural, rng)
    down, right = np.mgrid[: GRID[0], : GRID[1]]
    maps = [
        index * np.exp(-((down - row) ** 2 + (right - col) ** 2) / 6)
        for index, (_, row, col) in zip(INDICES, PLACES, strict=True)
    ]
    channel, row, col = np.array(PLACES).T
    more = {
        **{"channel": ("target", channel), "unit_row": ("target", row)},
        **{"unit_col": ("target", col), "index": ("target", list(INDICES))},
        "index_map": (("target", "unit_y", "unit_x"), np.stack(maps).astype("f4")),
    }
    return data.assign(more).assign_attrs(
        kind="units", layer=UNITS_LAYER, shape=[CHANNELS, *GRID], factor=FACTOR,
        by="shapley", design="augmentations",
    )  # fmt: skip


def _channels(
    labels: NDArray[np.int64], pixels: Bytes, kept: Sequence[int], rng: np.random.Generator
) -> xr.Dataset:
    natural = _natural(labels, CHANNELS, rng)
    names = [f"channel {k}" for k in range(CHANNELS)]
    starts = _means(pixels, natural)
    data = _group(names, ["channel"] * CHANNELS, starts, kept, natural, rng)
    return data.assign_attrs(kind="channels", layer=CHANNELS_LAYER, shape=[CHANNELS, 8, 8])


def _tables(
    network: str,
    networks: Sequence[str],
    groups: dict[str, xr.Dataset],
    root: xr.Dataset,
    classes: Sequence[str],
    rng: np.random.Generator,
) -> dict[str, list[pd.DataFrame]]:
    """Return the rows of all tables on one network."""
    found: dict[str, list[pd.DataFrame]] = {}
    for data in groups.values():
        pictures = _pictures(network, data, root, classes)
        found.setdefault("pictures", []).append(pictures)
        found.setdefault("picture_summary", []).append(_summary(pictures))
        others = [name for name in networks if name != network]
        found.setdefault("picture_transfers", []).append(_transfers(pictures, others))
        found.setdefault("picture_likeness", []).append(_likeness(pictures))
    if "units_0" in groups:
        found["picture_shifts"] = [_shifts(network, groups["units_0"], rng)]
        found["picture_losses"] = [_losses(network)]
    return found


def _pictures(
    network: str, data: xr.Dataset, root: xr.Dataset, classes: Sequence[str]
) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    natural = data["natural"].to_numpy()
    for picture, (target, weights, seed) in enumerate(
        zip(*(data[name].to_numpy() for name in ("target", "weights", "seed")), strict=True)
    ):
        last = {n: float(data[n][picture, -1]) for n in ("activation", "cosine", "distance")}
        trained, kind = weights == "trained", data.attrs["kind"]
        high = 0.12 if trained else 0.4
        row: dict[str, Any] = {
            **{"network": network, "layer": data.attrs["layer"], "kind": kind, "target": target},
            **{"name": data["name"].to_numpy()[target], "role": data["role"].to_numpy()[target]},
            **{"weights": weights, "seed": seed, "variant": 0, **last},
            "percentile": 100 * (natural[:, target] < last["activation"]).mean(),
            "ratio": last["activation"] / natural[:, target].max(),
            "cosine_centred": last["cosine"] - 0.1,
            "specificity": 1.0 if trained else 0.5,
            "high_frequency": high,
            "high_frequency_ratio": high / float(root["high_frequency"].mean()),
            "contrast": 0.2,
            "grey": (network, kind, target, seed) == GREY and trained,
        }
        for place, share in ((1, 0.7), (2, 0.2), (3, 0.05)):
            row[f"class_{place}"] = classes[(target + place - 1) % len(classes)]
            row[f"probability_{place}"] = share
        rows.append(row)
    return pd.DataFrame(rows)


SUMMED = ("percentile", "ratio", "cosine", "cosine_centred", "distance")
SHARED = ["network", "layer", "kind", "role", "weights"]


def _summary(pictures: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for key, own in pictures[~pictures["grey"]].groupby(SHARED, sort=False):
        for measure in (*SUMMED, "high_frequency_ratio", "specificity"):
            values = own.groupby("target")[measure].median()
            row = dict(zip(SHARED, key, strict=True)) | {"measure": measure}
            rows.append(row | {"targets": len(values), "median": values.median(),
                               "low": values.min(), "high": values.max()})  # fmt: skip
    return pd.DataFrame(rows)


def _transfers(pictures: pd.DataFrame, others: Sequence[str]) -> pd.DataFrame:
    """Pictures of the trained network go to all others, those of random weights to their own."""
    names = [*SHARED[:3], "target", "name", "role", "weights", "seed", "variant"]
    parts = []
    for other in others:
        own = pictures.loc[pictures["weights"] == "trained", names]
        reached = 90.0 - own["target"]
        parts.append(own.assign(other=other, other_layer=own["layer"], percentile=reached))
    own = pictures.loc[pictures["weights"] == "random", names]
    parts.append(own.assign(other=own["network"], other_layer=own["layer"], percentile=55.0))
    return pd.concat(parts, ignore_index=True)


def _likeness(pictures: pd.DataFrame) -> pd.DataFrame:
    told = pictures[SHARED].drop_duplicates()
    targets = pictures["target"].nunique()
    parts = [
        told.assign(between="seeds", pairs=targets, responses=0.95, pixels=0.4),
        told.assign(between="targets", pairs=targets * (targets - 1) // 2,
                    responses=0.1, pixels=0.05),
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _shifts(network: str, data: xr.Dataset, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    named = zip(data["name"].to_numpy(), data["role"].to_numpy(), strict=True)
    for target, (name, role) in enumerate(named):
        own = LOST[role] * rng.uniform(0.8, 1.2)
        for value in SHIFTS:
            row = {"network": network, "layer": data.attrs["layer"], "target": target}
            row |= {"name": name, "role": role, "factor": FACTOR, "parameter": "shift"}
            rows.append(row | {"value": value, "kept": 1 - own * abs(value) / max(SHIFTS)})
    return pd.DataFrame(rows)


def _losses(network: str) -> pd.DataFrame:
    lost = LOST | {"difference": LOST["most"] - LOST["least"]}
    rows = [
        {"network": network, "factor": FACTOR, "role": role, "units": 3, "lost": value,
         "low": value - 0.1, "high": value + 0.1}
        for role, value in lost.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)
