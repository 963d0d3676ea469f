"""From a network to pictures of what its layers and units respond to, and what came of them."""

__all__ = ["Places", "visualise_features", "write_pictures"]

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from actsense.featvis.images import natural_rows
from actsense.featvis.outcome import measures
from actsense.featvis.outcome.shifts import Versions, list_versions
from actsense.featvis.outcome.shown import outcome, shifted_drive
from actsense.featvis.sets import TargetSet, channel_set, facet_set, unit_set
from actsense.featvis.settings import Featvis
from actsense.featvis.studio import Studio
from actsense.featvis.targets.facets import FacetSplit, find_facets, retarget
from actsense.featvis.targets.natural import Natural, record_natural, sorted_responses
from actsense.featvis.targets.units import ChosenUnit, choose_units
from actsense.networks.subject import Subject
from actsense.progress import Progress
from actsense.sampling.told import recorded_designs
from actsense.store import read_indices, write_results

TRAINED, RANDOM = "trained", "random"
AXES = {
    "image": ("kept", "picture", "rgb", "y", "x"),
    "transparency": ("picture", "y", "x"),
    "balance": ("picture",),
    "silent": ("picture",),
    "response": ("picture", "channel"),
    "standard": ("picture", "channel"),
    "end_cosine": ("picture",),
    "end_cosine_centred": ("picture",),
    "end_distance": ("picture",),
    "drive": ("picture", "target"),
    "own_drive": ("picture", "target"),
    "output": ("picture", "class_rank"),
    "probability": ("picture", "class_rank"),
}
CURVE = ("picture", "iteration")


@dataclass(frozen=True)
class Places:
    """Where pictures of a network are made.

    Attributes:
        facets: Layers whose facets are drawn.
        units: Layers that units are taken from.
        channels: Layers of which every channel is drawn.
    """

    facets: Sequence[str] = ()
    units: Sequence[str] = ()
    channels: Sequence[str] = ()

    @property
    def layers(self) -> list[str]:
        """All of them, each once."""
        return [*dict.fromkeys((*self.facets, *self.units, *self.channels))]


def write_pictures(
    path: Path,
    subject: Subject,
    settings: Featvis,
    places: Places,
    *,
    seed: int,
    random: Callable[[], Subject],
    indices: Iterable[str],
    attributes: Mapping[str, Any],
) -> None:
    """Write what `visualise_features` makes; cut off, it goes on from a folder beside the store.

    Arguments:
        path: Where the store is written.
        subject: The network and its images.
        settings: The section `featvis` of the configuration.
        places: The layers.
        seed: Seed of the study.
        random: Opens the same architecture with random weights.
        indices: Store of the indices that units are chosen by, or none.
        attributes: Kept with the pictures.
    """
    states = path.with_name(f".{path.stem}.state")
    chosen = next((read_indices(Path(own)) for own in indices), None)
    groups = visualise_features(
        *(subject, settings, places),
        states=states,
        seed=seed,
        random=random,
        indices=chosen,
    )
    write_results(path, groups, attributes=attributes)
    rmtree(states, ignore_errors=True)


def visualise_features(
    subject: Subject,
    settings: Featvis,
    places: Places,
    *,
    states: Path,
    seed: int,
    random: Callable[[], Subject],
    indices: xr.DataTree | None = None,
) -> dict[str, xr.Dataset]:
    """Make the pictures of a network, and see what comes of them.

    Arguments:
        subject: The network and its images.
        settings: The section `featvis` of the configuration.
        places: The layers.
        states: Folder of what a run goes on from after it was cut off.
        seed: Seed of the study.
        random: Opens the same architecture with random weights.
        indices: Store of the indices that units are chosen by.

    Returns:
        The root: the natural images that pictures are compared with. `facets_0` and so on, one
        for every layer, `units_0` and `channels_0`: pictures, curves, and what came of them;
        docs/featvis.md lists the arrays.

    Raises:
        ConfigError: If there are too few images, a layer never responds to them, or no unit can
            be chosen.
    """
    rows, classes = natural_rows(subject, settings)
    aims = _aims(subject, settings, places, rows, indices, random, seed)
    studio = Studio.open(subject, settings, rows, states=states, seed=seed)
    factor = settings.units.factor if settings.units else ""
    recorded = recorded_designs(indices.attrs if indices is not None else {})
    design = next(iter(recorded.values()), None)
    versions = list_versions(factor, subject.side, seed=seed, design=design)
    groups = {"": _root(subject, settings, studio, rows, classes)}
    steps = sum(map(studio.iterations, (*aims.sets, *aims.controls.values())))
    with Progress(steps, desc="pictures", unit="iteration") as bar:
        for own in aims.sets:
            pictures = _all_pictures(studio, own, aims, bar)
            if versions is not None and own.kind == "units":
                pictures = pictures.assign(_shifted(subject, own, pictures, versions))
                pictures.attrs["parameter"] = versions.parameter
            number = sum(name.startswith(own.kind) for name in groups)
            groups[f"{own.kind}_{number}"] = _described(own, aims, pictures)
    return groups


@dataclass(frozen=True)
class _Aims:
    """What pictures are made of.

    Attributes:
        sets: Targets of the network.
        control: The same architecture with random weights, or None.
        controls: What facets of the same images are to it, by layer.
    """

    sets: list[TargetSet]
    control: Subject | None
    controls: dict[str, TargetSet]


def _aims(
    subject: Subject,
    settings: Featvis,
    places: Places,
    rows: NDArray[np.int64],
    indices: xr.DataTree | None,
    random: Callable[[], Subject],
    seed: int,
) -> _Aims:
    """Find facets, choose units, and see how natural images drive them."""
    units = _units(subject, settings, places, indices)
    positions = {name: [unit.unit for unit in own] for name, own in units.items()}
    natural = record_natural(subject, places.layers, rows, positions)
    splits = {
        name: find_facets(natural[name].whole, settings.facets, seed=seed, layer=name)
        for name in places.facets
    }
    why = settings.units.plain() if settings.units else {}
    sets = [
        *(_facets(subject, natural[name], own, rows, settings) for name, own in splits.items()),
        *(unit_set(natural[name], own, why) for name, own in units.items()),
        *(channel_set(natural[name]) for name in places.channels),
    ]
    control, controls = random() if settings.control and splits else None, {}
    if control is not None:
        seen = record_natural(control, list(splits), rows)
        for name, split in splits.items():
            drawn = retarget(split, seen[name].whole, settings.facets, layer=name)
            controls[name] = _facets(control, seen[name], drawn, rows, settings)
    return _Aims(sets, control, controls)


def _units(
    subject: Subject, settings: Featvis, places: Places, indices: xr.DataTree | None
) -> dict[str, list[ChosenUnit]]:
    """Return the chosen units by layer."""
    if indices is None or settings.units is None or not places.units:
        return {}
    layers = subject.tap(list(places.units)).layers
    found: dict[str, list[ChosenUnit]] = {}
    for unit in choose_units(indices, layers, settings.units):
        found.setdefault(unit.layer, []).append(unit)
    return {layer.name: found[layer.name] for layer in layers if layer.name in found}


def _facets(
    subject: Subject,
    natural: Natural,
    split: FacetSplit,
    rows: NDArray[np.int64],
    settings: Featvis,
) -> TargetSet:
    distribution = settings.objective.distance == "distribution"
    ordered = None
    if distribution:
        ordered = sorted_responses(subject, natural.layer.name, rows[split.member], split.weight)
    return facet_set(natural, split, ordered)


def _root(
    subject: Subject,
    settings: Featvis,
    studio: Studio,
    rows: NDArray[np.int64],
    classes: NDArray[np.int64],
) -> xr.Dataset:
    """Return what is known of the natural images, and what pictures were made by."""
    chosen = settings.plain()
    return xr.Dataset(
        {
            "row": ("image", rows),
            "label": ("image", classes),
            "contrast": ("image", studio.measured(measures.contrast)),
            "high_frequency": ("image", studio.measured(measures.high_frequency)),
        },
        attrs={
            "side": subject.side,
            "classes": list(subject.images.class_names),
            "outputs": list(subject.classes),
            **{key: chosen[key] for key in ("picture", "search", "objective", "facets")},
        },
    )


def _all_pictures(studio: Studio, own: TargetSet, aims: _Aims, bar: Progress) -> xr.Dataset:
    """Make the pictures of a set, and of facets those of random weights behind them."""
    made = [_pictures(studio, studio.subject, own, own, TRAINED, bar)]
    if own.kind == "facets" and aims.control is not None:
        drawn = aims.controls[own.layer.name]
        made.append(_pictures(studio, aims.control, own, drawn, RANDOM, bar))
    return xr.concat(made, dim="picture")


def _pictures(
    studio: Studio,
    maker: Subject,
    shown: TargetSet,
    aimed: TargetSet,
    weights: str,
    bar: Progress,
) -> xr.Dataset:
    """Make the pictures of a set, and show them to the trained network.

    Arguments:
        studio: What all pictures are made with.
        maker: The network that makes them.
        shown: The targets of the trained network.
        aimed: The same in the network that makes the pictures.
        weights: Which weights that network has.
        bar: How far all pictures are.
    """
    made, labels = studio.make(maker, aimed, weights, bar)
    results = made.images[-1]
    seen = outcome(studio.subject, shown.targets, results, labels["target"])
    own = seen
    if weights == RANDOM:
        own = outcome(maker, aimed.targets, results, labels["target"])
    arrays = {
        "image": made.images,
        "transparency": made.transparency,
        "balance": made.balance,
        "silent": made.silent,
        "response": own.response,
        "standard": own.standard,
        "end_cosine": own.cosine,
        "end_cosine_centred": own.cosine_centred,
        "end_distance": own.distance,
        "drive": seen.drive,
        "own_drive": own.drive,
        "output": seen.output,
        "probability": seen.probability,
    }
    return xr.Dataset(
        {name: (AXES[name], values) for name, values in arrays.items()}
        | {name: (CURVE, values) for name, values in made.curves.items()},
        coords={
            **{name: ("picture", values) for name, values in labels.items()},
            "weights": ("picture", [weights] * len(labels["target"])),
            "kept": made.kept,
            "iteration": made.iterations,
        },
    )


def _shifted(
    subject: Subject, own: TargetSet, pictures: xr.Dataset, versions: Versions
) -> dict[str, Any]:
    """Return how much versions of every picture drive its target."""
    results, target = pictures["image"][-1].to_numpy(), pictures["target"].to_numpy()
    drive = shifted_drive(subject, own.targets, results, target, versions)
    return {"shifted": (("picture", "version"), drive), "value": ("version", versions.value)}


def _described(own: TargetSet, aims: _Aims, pictures: xr.Dataset) -> xr.Dataset:
    """Return the pictures of a set with what is known of its targets."""
    targets = own.targets
    arrays: dict[str, Any] = {
        "direction": (("target", "channel"), _plain(targets.direction)),
        "target_response": (("target", "channel"), _plain(targets.response)),
        "natural": (("image", "target"), own.natural),
        "best": (("target", "rank"), own.best),
        **own.described,
    }
    if own.kind == "facets" and aims.control is not None:
        drawn = aims.controls[own.layer.name]
        arrays["natural_random"] = (("image", "target"), drawn.natural)
    attributes = {"kind": own.kind, "layer": own.layer.name, "shape": list(own.layer.shape)}
    return xr.Dataset(
        arrays | dict(pictures.data_vars),
        coords={
            **pictures.coords,
            "name": ("target", own.names),
            "role": ("target", own.roles),
        },
        attrs=attributes | own.attributes | pictures.attrs,
    )


def _plain(values: torch.Tensor) -> NDArray[Any]:
    return values.cpu().numpy()
