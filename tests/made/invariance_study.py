"""The invariances of made networks, in the stores of a real study; what is planted is known.

Latents of anchors are independent standard normal numbers. A layer leaves a share of every number
free, which rises with depth and is higher along some augmentations than along others:

    sample = sqrt(1 - free) anchor + sqrt(free) noise

so that the share of variance that is free is the mean of `planted_free` over numbers, and along an
augmentation it is that of its own two numbers. Random weights leave nearly the same everywhere.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from actsense.invariance.kept.explained import Spread
from actsense.invariance.kept.maps import Maps
from actsense.store import write_facts, write_results

CLASSES = ("disc", "square", "cross", "ring")
LAYERS: Mapping[str, tuple[int, ...]] = {
    "stage2": (8, 4, 4),
    "hidden": (12,),
    "logits": (len(CLASSES),),
}
AUGMENTATIONS = ("brightness", "rolling", "hue")  # each moves two numbers of a latent
ALONG = {"brightness": 1.4, "rolling": 1.0, "hue": 0.6}  # of the free share; 1 elsewhere
LATENT, SIDE, JUDGE, JUDGE_LAYER, FEATURES, REAL = 8, 16, "bag", "features", 5, 60
SHOWN, SHOWN_SAMPLES, INVERTED = 24, 8, 3
DEEPEST, SHALLOWEST, UNTRAINED = 0.6, 0.1, 0.3  # free shares
LIMITED = ("random", "stage2")  # state and layer that do not pass the gate
STATES = ("trained", "random")

Floats = NDArray[np.float64]


def planted_free(state: str, layer: int, layers: int = len(LAYERS)) -> Floats:
    """Return the share that a layer leaves free of every number of a latent, (LATENT,).

    Arguments:
        state: `trained` or `random`.
        layer: Number of the layer.
        layers: How many there are.
    """
    depth = layer / max(1, layers - 1)
    share = SHALLOWEST + (DEEPEST - SHALLOWEST) * depth if state == "trained" else UNTRAINED
    factors = np.ones(LATENT)
    if state == "trained":
        for number, name in enumerate(AUGMENTATIONS):
            factors[2 * number : 2 * number + 2] = ALONG[name]
    return share * factors


def planted_likeness(state: str, layer: int, layers: int = len(LAYERS)) -> dict[str, float]:
    """Return the means over anchors of cosines and agreements, of samples and reconstructions."""
    depth = layer / max(1, layers - 1)
    trained = state == "trained"
    ceiling = {"centred": 0.95, "agreement": 0.96 if trained else 0.86, "cosine": 0.97}
    ceiling["distance"] = 0.1
    if (state, layer) == (LIMITED[0], 0):
        ceiling["centred"] = 0.7
    samples = {
        "centred": 0.85 - 0.1 * depth,
        "agreement": (0.82 + 0.1 * depth) if trained else 0.5,
        "cosine": 0.9,
        "distance": 0.3 + 0.1 * depth,
    }
    floors = {"cosine_floor": 0.02, "agreement_floor": 1 / len(CLASSES)}
    return {
        **samples,
        **floors,
        **{f"reconstructed_{name}": value for name, value in (ceiling | floors).items()},
    }


def faithful_facts(network: str, state: str, layers: Sequence[str] = tuple(LAYERS)) -> Any:
    """Return what `autoencoder/{state}.json` of a network holds."""
    known = [planted_likeness(state, number, len(layers)) for number in range(len(layers))]
    agreement = known[0]["reconstructed_agreement"]
    cosine = {name: own["reconstructed_centred"] for name, own in zip(layers, known, strict=True)}
    gate = {name: agreement >= 0.9 and value >= 0.85 for name, value in cosine.items()}
    return {
        "images": 80,
        "absolute": 0.03,
        "squared": 0.002,
        "explained": 0.94,
        "divergence": 140.0,
        "noise": 0.12,
        "networks": {network: {"agreement": agreement, "cosine": cosine}},
        "gate": {network: gate},
    }


def flow_facts(network: str, state: str, layer: str, shape: Sequence[int]) -> dict[str, Any]:
    """Return the card of a flow: what `flows/{state}/{layer}.json` holds."""
    steps = [100, 200, 300]
    noise = {
        "mean_square": 1.02,
        "std_lowest": 0.95,
        "std_highest": 1.08,
        "ks": 0.04,
        "ks_p": 0.6,
        "correlation": 0.1,
    }
    return {
        "network": network,
        "state": state,
        "layer": layer,
        "latent": LATENT,
        "condition_shape": [*shape],
        "parameters": 12_345,
        "images": {"train": 400, "validation": 100},
        "steps": 300,
        "best_step": 200,
        "nats": {"train": 7.5, "validation": 8.25},
        "bits_per_dimension": {"train": 1.35, "validation": 1.49},
        "gap_nats": 0.75,
        "shuffled_nats": 21.0,
        "noise": {"train": noise | {"mean_square": 0.99}, "validation": noise},
        "inverse_error": 3e-6,
        "history": {
            "steps": steps,
            "train": [11.0, 8.5, 7.75],
            "validation": [11.5, 8.25, 8.5],
            "best": 200,
        },
    }


def make_cards(
    folder: Path, network: str = "net", layers: Mapping[str, tuple[int, ...]] = LAYERS
) -> Path:
    """Write cards of autoencoder and flows as a network's folder `invariance` holds them.

    Returns:
        The folder.
    """
    for state in STATES:
        card = folder / "autoencoder" / f"{state}.json"
        card.parent.mkdir(parents=True, exist_ok=True)
        write_facts(card, faithful_facts(network, state, [*layers]))
        for layer, shape in layers.items():
            flow = folder / "flows" / state / f"{layer}.json"
            flow.parent.mkdir(parents=True, exist_ok=True)
            write_facts(flow, flow_facts(network, state, layer, shape))
    return folder


def make_indices(
    path: Path,
    values: Mapping[str, Sequence[float]],
    *,
    factors: Sequence[str] = (*AUGMENTATIONS, "order", "content"),
    half_width: float = 0.0,
    replicates: int = 4,
) -> Path:
    """Write a store of indices and return its path: all three of a layer are the same.

    Arguments:
        path: Folder of the store.
        values: Indices of every layer, one for each factor.
        factors: Names of the factors.
        half_width: Of all intervals.
        replicates: Replicates behind them.
    """
    axes, table = ("factor", "layer"), np.array([*values.values()], dtype=np.float32).T
    wide = np.full_like(table, half_width)
    root = xr.Dataset(
        {
            f"{name}{end}": (axes, own)
            for name in ("S1", "ST", "shapley")
            for end, own in (("", table), ("_ci", wide))
        },
        coords={"factor": [*factors], "layer": [*values]},
    )
    write_results(path, {"": root}, attributes={"replicates": replicates})
    return path


def make_invariances(path: Path, **made: Any) -> Path:
    """Write a store `kept` and return its path.

    Arguments:
        path: Folder of the store.
        made: What is made, see `invariance_groups`.
    """
    groups, attributes = invariance_groups(**made)
    write_results(path, groups, attributes=attributes)
    return path


def invariance_groups(
    *,
    network: str = "net",
    anchors: int = 12,
    samples: int = 4,
    layers: Mapping[str, tuple[int, ...]] = LAYERS,
    random: bool = True,
    judge: bool = True,
    inversion: bool = True,
    augmentations: Sequence[str] = AUGMENTATIONS,
    side: int = SIDE,
    seed: int = 0,
) -> tuple[dict[str, xr.Dataset], dict[str, Any]]:
    """Return the groups and attributes of a store `kept`.

    Arguments:
        network: Name of the network.
        anchors: Anchors; their classes take turns.
        samples: Samples of each.
        layers: Layers with their shapes, from the first.
        random: Whether there are random weights too.
        judge: Whether there are features of samples in a judge.
        inversion: Whether there are inverted images.
        augmentations: Those of `AUGMENTATIONS` that have directions.
        side: Of the images, pixels.
        seed: Of all that is drawn.
    """
    draw = np.random.default_rng(seed)
    labels = np.arange(anchors) % len(CLASSES)
    latent = draw.standard_normal((anchors, LATENT))
    axes = {"anchor": anchors, "number": LATENT}
    pixels = _decoded(latent, labels, side)
    root: dict[str, Any] = {
        "row": ("anchor", 400 + np.arange(anchors)),
        "label": ("anchor", labels),
        "image": (_image_axes("anchor"), _bytes(pixels)),
        "reconstruction": (_image_axes("anchor"), _bytes(0.9 * pixels + 0.05)),
        "latent": ([*axes], latent.astype(np.float32)),
    }
    coords = {}
    if augmentations:
        coords = {"augmentation": [*augmentations]}
        root |= _directions(anchors, augmentations, draw)
    if judge:
        features = draw.standard_normal((REAL, FEATURES)).astype(np.float32)
        root["real_features"] = (("real", "feature"), features)
    groups = {"": xr.Dataset(root, coords)}
    # Layers and states get the same noise, as in a real study.
    noise = draw.standard_normal((anchors, samples, LATENT))
    places = [(state, *item) for state in STATES for item in enumerate(layers.items())]
    for number, (state, depth, (layer, shape)) in enumerate(places):
        if state == "random" and not random:
            break
        free = planted_free(state, depth, len(layers))
        drawn = np.sqrt(1 - free) * latent[:, None] + np.sqrt(free) * noise
        data = _measured(drawn, labels, side) | _likenesses(
            planted_likeness(state, depth, len(layers)), anchors, draw
        )
        if inversion:
            data |= _inverted(pixels[: min(INVERTED, anchors)], labels, depth, draw)
        if judge:
            moved = draw.standard_normal((anchors * samples, FEATURES)) + 0.3 * depth
            data["features"] = (("generated", "feature"), moved.astype(np.float32))
        known = faithful_facts(network, state, [*layers])
        faithful = known["networks"][network]
        groups[f"kept_{number}"] = xr.Dataset(
            data,
            attrs={
                "state": state,
                "layer": layer,
                "shape": json.dumps([*shape]),
                "passes": known["gate"][network][layer],
                "agreement_ceiling_all": faithful["agreement"],
                "cosine_ceiling_all": faithful["cosine"][layer],
                "flow": json.dumps(flow_facts(network, state, layer, shape)),
            },
        )
    attributes = {
        "side": side,
        "classes": [*CLASSES],
        "outputs": [*CLASSES],
        "network": network,
        "seed": seed,
        "samples": samples,
        "judge": JUDGE if judge else "",
        "judge_layer": JUDGE_LAYER if judge else "",
    }
    return groups, attributes


def _measured(drawn: Floats, labels: NDArray[np.int64], side: int) -> dict[str, Any]:
    """Measure samples, (anchors, samples, LATENT), and show some of them."""
    images = _decoded(drawn, labels[:, None], side)
    spread, maps = Spread.of(torch.from_numpy(drawn)), Maps.of(torch.from_numpy(images))
    shown = images[:SHOWN, :SHOWN_SAMPLES]
    predicted = np.tile(labels[:SHOWN, None], shown.shape[1])
    predicted[:, -1] = (predicted[:, -1] + 1) % len(CLASSES)  # one that is taken for another
    axes = ("shown", "shown_sample")
    return {
        "predicted": ("anchor", labels),
        "within": ("anchor", spread.within),
        "mean": (("anchor", "number"), spread.mean.astype(np.float32)),
        "pixel_mean": (_image_axes("anchor"), maps.mean),
        "pixel_variance": (_image_axes("anchor"), maps.variance),
        "sample_latent": (("anchor", "sample", "number"), drawn.astype(np.float32)),
        "sample_image": (_image_axes(*axes), _bytes(shown)),
        "sample_predicted": (axes, predicted),
    }


def _likenesses(
    means: Mapping[str, float], anchors: int, draw: np.random.Generator
) -> dict[str, Any]:
    """Spread anchors around planted means, which theirs is exactly."""
    found = {}
    for name, mean in means.items():
        away = 0.04 * draw.uniform(-1, 1, anchors)
        found[name] = ("anchor", mean + away - away.mean())
    return found


def _inverted(
    pixels: Floats, labels: NDArray[np.int64], depth: int, draw: np.random.Generator
) -> dict[str, Any]:
    noise = 0.2 * draw.standard_normal(pixels.shape)
    return {
        "inverted": (_image_axes("inverted_anchor"), _bytes(pixels + noise)),
        "inverted_distance": ("inverted_anchor", np.full(len(pixels), 0.01 * (1 + depth))),
        "inverted_predicted": ("inverted_anchor", labels[: len(pixels)]),
    }


def _directions(
    anchors: int, augmentations: Sequence[str], draw: np.random.Generator
) -> dict[str, Any]:
    """Let every augmentation move two numbers of its own, hue one of them alone."""
    rooms = np.zeros((anchors, len(augmentations), 2, LATENT), np.float32)
    for number, name in enumerate(augmentations):
        own = 2 * AUGMENTATIONS.index(name)
        rooms[:, number, 0, own] = 1
        rooms[:, number, 1, own + 1] = name != "hue"
    length = draw.uniform(0.5, 1.5, (anchors, len(augmentations)))
    axes = ("anchor", "augmentation")
    return {"room": ((*axes, "direction", "number"), rooms), "length": (axes, length)}


def _decoded(latents: Floats, labels: NDArray[np.int64], side: int) -> Floats:
    """Draw the shape of a class in colours and at a place that the latent tells, in [0, 1]."""
    u = np.linspace(-1, 1, side)
    wide = (..., None, None)
    x = u[None, :] - 0.2 * np.tanh(latents[..., 2])[wide]
    y = u[:, None] - 0.2 * np.tanh(latents[..., 3])[wide]
    r = np.hypot(x, y)
    shapes = [
        r < 0.5,
        np.maximum(abs(x), abs(y)) < 0.45,
        np.minimum(abs(x), abs(y)) < 0.15,
        abs(r - 0.5) < 0.15,
    ]
    mask = np.select([labels[wide] == k for k in range(len(CLASSES))], shapes, False)
    colour = 1 / (1 + np.exp(-latents[..., [0, 1, 4], None, None]))
    ground = 1 / (1 + np.exp(-0.5 * latents[..., [5, 6, 7], None, None]))
    return np.where(mask[..., None, :, :], colour, 0.5 * ground)


def _image_axes(*first: str) -> tuple[str, ...]:
    return (*first, "colour", "y", "x")


def _bytes(images: Floats) -> NDArray[np.uint8]:
    found: NDArray[np.uint8] = (255 * images).round().clip(0, 255).astype(np.uint8)
    return found
