"""From factors, and flows of the layers of a network, to what these keep of every concept."""

__all__ = ["Place", "Watched", "explain_factors", "list_places", "write_explained"]

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from actsense.errors import ConfigError
from actsense.invariance.autoencoder.opening import open_autoencoder
from actsense.invariance.choices import RANDOM, TRAINED
from actsense.invariance.evaluate.anchors import Anchors
from actsense.invariance.evaluate.representations import in_state
from actsense.invariance.factors.editing import swap_factor, swap_matrix, walk_factor
from actsense.invariance.factors.explained import factor_spreads
from actsense.invariance.factors.factors import Factors, open_factors
from actsense.invariance.factors.plan import SHOWN, STEPS, WALKS
from actsense.invariance.factors.response import factor_response
from actsense.invariance.flow.opening import open_flow
from actsense.invariance.kept.sampling import Decoder, invariance_noise
from actsense.invariance.recorded import latent_rows
from actsense.invariance.representations import open_representation, record_representations
from actsense.job.files import by_name
from actsense.layout import make_command
from actsense.networks.outputs import NONE
from actsense.networks.subject import Subject
from actsense.store import read_facts, write_results

LENGTH = 0.8  # of a step of a walk, in standard deviations of the part
PICTURE = ("rgb", "y", "x")


@dataclass(frozen=True)
class Place:
    """A layer of a network in one of its states.

    Attributes:
        state: Of the network.
        layer: Name of the layer.
        epoch: After which the state was reached; None for random weights.
        flow: File of its flow.
        card: File of the autoencoder's card for this state.
    """

    state: str
    layer: str
    epoch: int | None
    flow: Path
    card: Path


@dataclass(frozen=True)
class Watched:
    """What concepts are looked for with.

    Attributes:
        factors: What splits latents, on the device of the network.
        autoencoder: From latents to images, likewise.
        latents: Store of the latents of images.
        anchors: Validation images whose invariances are sampled.
        samples: Samples of every anchor.
        seed: Seed of the study.
    """

    factors: Factors
    autoencoder: Decoder
    latents: Path
    anchors: int
    samples: int
    seed: int


def list_places(
    described: Iterable[Mapping[str, Any]],
    flows: Iterable[str],
    cards: Iterable[str],
) -> list[Place]:
    """Return places with their files.

    Arguments:
        described: `state`, `layer` and `epoch` of every place.
        flows: Files of their flows, in the same order.
        cards: The autoencoder's cards, one for every state, in the order in which they come first.
    """
    known = list(described)
    told = by_name(dict.fromkeys(place["state"] for place in known), cards)
    return [
        Place(**place, flow=Path(flow), card=told[place["state"]])
        for place, flow in zip(known, flows, strict=True)
    ]


def write_explained(
    output: Path,
    subject: Subject,
    settings: Mapping[str, Any],
    inputs: Mapping[str, Path],
    places: Sequence[Place],
    *,
    checkpoints: Iterable[str],
    anchors: int,
    samples: int,
    seed: int,
    attributes: Mapping[str, Any],
) -> None:
    """Write what `explain_factors` finds.

    Arguments:
        output: Where the store is written.
        subject: The trained network and its images.
        settings: What it was opened with, see `open_subject`.
        inputs: Files `factors` and `autoencoder`, and the store `latents`.
        places: Where concepts are looked for.
        checkpoints: Files of the states that are epochs, in the order of the places.
        anchors: Validation images whose invariances are sampled.
        samples: Samples of every anchor.
        seed: Seed of the study.
        attributes: Kept with the results.
    """
    states = dict.fromkeys(place.state for place in places)
    files = by_name([name for name in states if name not in (TRAINED, RANDOM)], checkpoints)

    def opened(state: str) -> Subject:
        return in_state(subject, settings, state, [files[state]] if state in files else [])

    watched = Watched(
        open_factors(inputs["factors"], device=subject.device),
        open_autoencoder(inputs["autoencoder"], side=subject.side, device=subject.device),
        *(inputs["latents"], anchors, samples, seed),
    )
    with TemporaryDirectory(dir=output.parent, prefix=f".{output.stem}.") as folder:
        found = explain_factors(subject, opened, watched, places, folder=Path(folder))
        write_results(output, found, attributes=attributes)


def explain_factors(
    subject: Subject,
    opened: Callable[[str], Subject],
    watched: Watched,
    places: Sequence[Place],
    *,
    folder: Path,
) -> dict[str, xr.Dataset]:
    """Measure what layers keep of every concept, and what a network makes of each.

    Arguments:
        subject: The trained network and its images.
        opened: Opens it in one of its states.
        watched: What concepts are looked for with.
        places: Where they are looked for.
        folder: Where representations of the anchors lie meanwhile.

    Returns:
        The root: anchors, images with other parts, and what the network says of these.
        `place_0` and so on: of every layer and state, variances of all parts for every anchor;
        docs/invariance.md lists the arrays.

    Raises:
        ConfigError: If there are too few anchors, or factors and flows are of other latents.
    """
    anchors = Anchors.chosen(subject, watched.latents, watched.anchors)
    latent = sum(watched.factors.sizes.values())
    if anchors.means.shape[1] != latent:
        raise ConfigError(
            f"Factors are of latents of {latent} numbers; these have {anchors.means.shape[1]}. "
            "Train factors again: " + make_command("invariance", rule="train_factors")
        )
    groups = {"": _root(subject, watched, anchors)}
    found: dict[Place, xr.Dataset] = {}
    for state in dict.fromkeys(place.state for place in places):
        own, chosen = opened(state), [place for place in places if place.state == state]
        store, accuracy = folder / f"{state}.zarr", _accuracy(own, watched.latents)
        record_representations(own, [place.layer for place in chosen], anchors.rows, store)
        for place in chosen:
            found[place] = _spreads(own, watched, place, anchors.rows, store).assign_attrs(
                accuracy=accuracy
            )
    return groups | {f"place_{number}": found[place] for number, place in enumerate(places)}


def _root(subject: Subject, watched: Watched, anchors: Anchors) -> xr.Dataset:
    """Return what is known of the anchors, and of images one part of which is another."""
    factors, rows = watched.factors, anchors.rows
    mean = torch.from_numpy(anchors.means).to(subject.device)
    shown, names = min(SHOWN, len(rows)), list(factors.names)
    walkers = min(WALKS, len(rows))
    responses = [_response(subject, watched, rows, mean, name) for name in names]
    swapped = [swap_matrix(factors, mean[:shown], mean[:shown], name) for name in names]
    walks = [
        walk_factor(
            *(factors, mean[:walkers], rows[:walkers], name),
            steps=STEPS,
            length=LENGTH,
            seed=watched.seed,
        )
        for name in names
    ]
    exchanged = [swap_factor(factors, mean, mean.roll(-1, dims=0), name) for name in names]
    pixels = {
        "image": ("shown", subject.images.read(rows[:shown])),
        "reconstruction": ("shown", _decoded(subject, watched, mean[:shown])),
        "swapped": (("part", "row", "column"), _decoded(subject, watched, torch.stack(swapped))),
        "walked": (("part", "walk", "step"), _decoded(subject, watched, torch.stack(walks))),
    }
    return xr.Dataset(
        {
            "dataset_row": ("anchor", rows),
            "label": ("anchor", anchors.labels),
            "own": ("anchor", responses[0].own),
            "drawn": (("part", "anchor", "sample"), np.stack([one.drawn for one in responses])),
            "exchanged": (
                ("part", "anchor"),
                np.stack([_said(subject, watched, latents) for latents in exchanged]),
            ),
        }
        | {
            name: ((*((axes,) if isinstance(axes, str) else axes), *PICTURE), values)
            for name, (axes, values) in pixels.items()
        },
        coords={"name": ("part", names)},
        attrs={
            "network": subject.network.name,
            "side": subject.side,
            "classes": list(subject.images.class_names),
            "outputs": list(subject.classes),
            "sizes": [[name, size] for name, size in factors.sizes.items()],
            "samples": watched.samples,
            "seed": watched.seed,
        },
    )


def _response(
    subject: Subject, watched: Watched, rows: NDArray[np.int64], mean: Tensor, name: str
) -> Any:
    return factor_response(
        *(watched.factors, watched.autoencoder, subject.logits, mean, rows, name),
        samples=watched.samples,
        seed=watched.seed,
        memory=subject.memory,
    )


def _spreads(
    subject: Subject, watched: Watched, place: Place, rows: NDArray[np.int64], store: Path
) -> xr.Dataset:
    """Return how parts of latents vary that a layer does not tell from the anchors."""
    flow = open_flow(place.flow, device=subject.device)
    latent = sum(watched.factors.sizes.values())
    spreads = factor_spreads(
        *(watched.factors, flow, open_representation(store, place.layer, rows)),
        invariance_noise(rows, watched.samples, latent, seed=watched.seed),
        memory=subject.memory,
        device=subject.device,
    )
    gate = read_facts(place.card)["gate"][subject.network.name][place.layer]
    return xr.Dataset(
        {
            "within": (("part", "anchor"), np.stack([own.within for own in spreads.values()])),
            "mean": (
                ("anchor", "number"),
                np.concatenate([own.mean for own in spreads.values()], axis=1),
            ),
        },
        attrs={
            "state": place.state,
            "layer": place.layer,
            "epoch": np.nan if place.epoch is None else float(place.epoch),
            "passes": int(gate),
        },
    )


def _accuracy(subject: Subject, latents: Path) -> float:
    """Return the share of recorded validation images that a state gives their class.

    NaN where none has an output of its class.
    """
    rows, classes = subject.pool.validation(subject.pool.size)
    labels = subject.outputs.places[classes]
    known = (labels != NONE) & np.isin(rows, latent_rows(latents).validation)
    if not known.any():
        return np.nan
    return float((subject.predictions(rows[known]).numpy() == labels[known]).mean())


def _decoded(subject: Subject, watched: Watched, latents: Tensor) -> NDArray[np.uint8]:
    """Return the pixels of latents, (..., 3, side, side)."""
    flat, found = latents.flatten(0, -2), []

    def decode(part: slice) -> None:
        with torch.inference_mode():
            images = watched.autoencoder.decode(flat[part])
        found.append((255 * images).round().clamp(0, 255).byte().cpu())

    subject.memory.run(len(flat), decode)
    pixels: NDArray[np.uint8] = torch.cat(found).numpy()
    return pixels.reshape(*latents.shape[:-1], *pixels.shape[1:])


def _said(subject: Subject, watched: Watched, latents: Tensor) -> NDArray[np.int64]:
    """Return what the network says of decoded latents, (n,)."""
    found: list[Tensor] = []

    def ask(part: slice) -> None:
        with torch.inference_mode():
            outputs = subject.logits(watched.autoencoder.decode(latents[part]))
        found.append(outputs.argmax(dim=1).cpu())

    subject.memory.run(len(latents), ask)
    classes: NDArray[np.int64] = torch.cat(found).numpy()
    return classes
