"""What is there of a study, a network or a run, and what makes the rest, for a terminal."""

__all__ = ["describe_folder"]

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from actsense.inspection.network_facts import validation_accuracy
from actsense.inspection.run_results import RunResults
from actsense.inspection.study_results import StudyResults, open_part
from actsense.layout import ANALYSES, LEVELS, PLACES, Place, make_command, recorded


def describe_folder(path: Path) -> str:
    """List the networks, layers and results of a study, or those of one network or run of it.

    Arguments:
        path: Folder of the study, of a network or of a run in it.

    Raises:
        ConfigError: If there are no results of a study there, or they are damaged.
    """
    study, owner = open_part(path)
    if owner:
        networks = {owner[0]: tuple(owner[1:]) or study.designs(owner[0])}
    else:
        networks = {name: study.designs(name) for name in study.networks}
    lines = [f"{path}"]
    for network, designs in networks.items():
        lines += ["", *_network(study, network, designs)]
    return "\n".join([*lines, "", *_results(study, networks, level=len(owner))])


def _network(study: StudyResults, network: str, designs: tuple[str, ...]) -> Iterator[str]:
    """Say what a network is, and what its layers feel most under every design."""
    yield f"{network}{_accuracy(study, network)}"
    runs = [study[network, design] for design in designs]
    there = {run.design: run for run in runs if run.has("indices")}
    if not there:
        yield "  no indices yet"
        return
    names = list(next(iter(there.values())).layers)
    totals = {design: run.indices.to_dataset().sel(layer=names) for design, run in there.items()}
    first = next(iter(there.values()))
    left = np.stack([_left_out(own) for own in totals.values()])
    table = pd.DataFrame(
        {
            "shape": ["x".join(map(str, first.layer(name)["dead"].shape)) for name in names],
            "units": next(iter(totals.values()))["units"].to_numpy(),
            "left out": [_range(counts) for counts in left.T],
            **{design: _strongest(there[design], own) for design, own in totals.items()},
        },
        index=names,
    )
    yield "  Of every layer: units that no map counts, dead or rare, and the augmentation with the"
    yield f"  largest Shapley effect under {', '.join(there)}"
    yield from (f"  {line.rstrip()}" for line in table.to_string(justify="left").splitlines())


def _accuracy(study: StudyResults, network: str) -> str:
    found = validation_accuracy(study, network)
    return "" if found is None else f", {100 * found:.1f} % of validation images right"


def _left_out(totals: xr.Dataset) -> NDArray[np.int64]:
    """Count the dead and rare units of every layer."""
    flags = [totals[name].to_numpy() for name in ("dead_units", "rare_units") if name in totals]
    return np.asarray(sum(flags), dtype=np.int64)


def _range(counts: NDArray[np.int64]) -> str:
    low, high = counts.min(), counts.max()
    return str(low) if low == high else f"{low}-{high}"


def _strongest(run: RunResults, totals: xr.Dataset) -> list[str]:
    """Name the augmentation with the largest effect on every layer, with its effect."""
    effects = totals["shapley"].sel(factor=list(run.augmentations)).transpose("layer", "factor")
    values, names = effects.fillna(-np.inf).to_numpy(), effects["factor"].to_numpy()
    return [
        f"{names[row.argmax()]} {row.max():.2f}" if np.isfinite(row.max()) else ""
        for row in values
    ]


def _results(
    study: StudyResults, networks: dict[str, tuple[str, ...]], *, level: int
) -> Iterator[str]:
    """List the results that are there, and the commands that make those that are not."""
    there: list[tuple[str, str]] = []
    lacking: dict[str, list[str]] = {}
    for place in PLACES:
        if LEVELS.index(place.level) < level:
            continue
        owners = _owners(place, networks)
        found = [owner for owner in owners if _held(study.path.joinpath(*owner), place)]
        if found:
            some = "" if len(found) == len(owners) else f": {', '.join(map('/'.join, found))}"
            there.append((place.what, f"{_folder(place)}{some}"))
        elif owners and _wanted(study.path, place, networks):
            what = place.what.removesuffix(", network by network")
            lacking.setdefault(place.target, []).append(what)
    width = max((len(what) for what, _ in there), default=0)
    yield "There are"
    yield from (f"  {what:{width}}  {where}" for what, where in there)
    if lacking:
        yield "Not there yet"
        for target, whats in lacking.items():
            yield f"  {', '.join(dict.fromkeys(whats))}: {make_command(target, study.path)}"


def _owners(place: Place, networks: dict[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    if place.level == "study":
        return [()]
    if place.level == "network":
        return [(network,) for network in networks]
    return [(network, design) for network, designs in networks.items() for design in designs]


def _folder(place: Place) -> str:
    above = ("", "<network>/", "<network>/<design>/")[LEVELS.index(place.level)]
    return f"{above}{place.folder}" or "."


def _held(folder: Path, place: Place) -> bool:
    return any(next(folder.glob(inside), None) for inside in place.paths)


def _wanted(study: Path, place: Place, networks: Iterable[str]) -> bool:
    """Tell whether a target would leave anything: analyses do not where no design is analysed."""
    analysed = recorded(study).get("analysed")
    if place.target not in ANALYSES or analysed is None:
        return True
    return any(analysed.get(network) for network in networks)
