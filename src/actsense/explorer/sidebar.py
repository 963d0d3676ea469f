"""What is chosen on the left: a study, and in it a unit, a factor and an index."""

__all__ = ["choose_run", "choose_scene", "choose_study"]

from pathlib import Path

import streamlit as st

from actsense.drawing.style import factor_labels
from actsense.errors import MissingResultError
from actsense.explorer.controls import pick, pick_number, plain
from actsense.explorer.ordering import ordered
from actsense.explorer.outputs import unit_names
from actsense.explorer.reading import CONTRAST, INDICES, NAMES, layer_dimensions, ranking
from actsense.explorer.reading import strongest_position as strongest
from actsense.explorer.scene import Scene
from actsense.explorer.shelf import Shelf, run_shelf
from actsense.explorer.studies import find_studies
from actsense.inspection import RunResults, open_study
from actsense.layout import make_command
from actsense.sampling.told import freedom_words, recorded_designs

STRONGEST = "The largest variance due to the factor: the index times the variance."
SHORT = 6  # characters of a name that two lists beside each other show
FEW = 5  # replicates that say how uncertain an interval is
UNIT = ("channel", "unit", "row", "col", "axis_0", "axis_1")


def choose_study(path: Path) -> Path:
    """Choose one of the studies in a folder.

    Raises:
        ConfigError: If there is none.
    """
    studies = find_studies(path)
    return studies[pick(st.sidebar, "Study", "study", list(studies))]


def choose_scene(study: Path) -> Scene:
    """Choose network, design, layer, factor, index and unit.

    Raises:
        ConfigError: If the study has no indices, or they are damaged.
    """
    side = st.sidebar
    shelf = choose_run(study)
    run = shelf.held
    for design in recorded_designs(run.indices.attrs).values():
        if words := freedom_words(design):
            side.caption(words)
    layer = pick(side, "Layer", "layer", run.layers, instead_of=UNIT)
    factor = pick(
        side,
        "Factor",
        "factor",
        run.factors,
        words=factor_labels(run.factors),
        instead_of=("row", "col"),
    )
    contrasted = run.has(CONTRAST) and factor in run.augmentations
    index = pick(
        side,
        "Index",
        "index",
        [*INDICES, CONTRAST] if contrasted else INDICES,
        words=NAMES,
        default="shapley",
        explained="S1: the share of a unit's variance that the factor explains alone. ST: with "
        "all its interactions. Shapley effects share out everything and sum to one. Contrast: "
        "the factor alone against the untouched image.",
    )
    at, sizes = _choose_unit(shelf, layer, factor, index)
    names = tuple(shelf.read_study(unit_names, layer))
    if names:
        side.caption(f"The output for class {plain(names[next(iter(at.values()))])}")
    return Scene(shelf, layer, factor, index, at, sizes, names)


def choose_run(study: Path) -> Shelf[RunResults]:
    """Choose network and design; layer and factor stay, where the others have them.

    Raises:
        ConfigError: If the study has no indices.
    """
    side = st.sidebar
    opened = open_study(study)
    networks = [name for name in opened.networks if opened.designs(name)]
    if not networks:
        path = study / "<network>/<design>/indices.zarr"
        advice = f"not there. A study with designs makes it with: {make_command('indices', path)}"
        raise MissingResultError(path, "indices", advice)
    designs = {name: opened.designs(name) for name in networks}
    names = (*networks, *(design for own in designs.values() for design in own))
    short = max(map(len, names)) <= SHORT
    left, right = side.columns(2) if short else (side, side)
    ready = {
        name: [d for d in own if opened[name, d].has("indices")] for name, own in designs.items()
    }
    first = next((name for name in networks if ready[name]), networks[0])
    network = pick(left, "Network", "network", networks, default=first, instead_of=UNIT)
    default = next(iter(ready[network]), None)
    design = pick(right, "Design", "design", designs[network], default=default)
    shelf = run_shelf(study, network, design)
    replicates = shelf.held.indices.attrs.get("replicates", FEW)
    if replicates < FEW:
        side.caption(
            f":material/warning: Intervals rest on {replicates} replicates alone: they are wide "
            f"and uncertain themselves. Set `replicates` to {FEW} or more."
        )
    return shelf


def _choose_unit(
    shelf: Shelf[RunResults], layer: str, factor: str, index: str
) -> tuple[dict[str, int], dict[str, int]]:
    """Draw the controls of the unit; the strongest one is the first to be shown."""
    side = st.sidebar
    sizes = shelf.read(layer_dimensions, layer)
    axis, *positions = sizes
    table = shelf.read(ranking, layer, factor)
    first = int(ordered(table, index if index in table else "S1", "variance")["number"].iloc[0])
    columns = side.columns(len(sizes))
    number = pick_number(
        columns[0], axis.capitalize(), axis, sizes[axis], first, instead_of=positions
    )
    place = shelf.read(strongest, layer, factor, index, number)
    at = {axis: number}
    for column, name in zip(columns[1:], positions, strict=True):
        at[name] = pick_number(column, name.capitalize(), name, sizes[name], place[name])
    forget = st.session_state.wishes.forget
    side.button(
        f"Strongest {axis}", on_click=forget, args=(UNIT,), width="stretch", help=STRONGEST
    )
    if positions:
        side.button(
            "Strongest position",
            on_click=forget,
            args=(positions,),
            width="stretch",
            help=STRONGEST,
            disabled=place == {name: at[name] for name in positions},
        )
    return at, sizes
