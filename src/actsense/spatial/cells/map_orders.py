"""Orders of cells from maps of the tested network, and from maps of others."""

__all__ = ["map_orders"]

import logging
from collections.abc import Mapping, Sequence

from actsense.attribution.methods import attribute, can_attribute
from actsense.attribution.regions import can_weigh_regions, region_maps
from actsense.errors import ConfigError
from actsense.networks.subject import Subject
from actsense.progress import progress
from actsense.spatial.cells.orders import CellOrder, permutations, rank_cells
from actsense.spatial.cells.plan import BORROWED
from actsense.spatial.cells.settings import Cells
from actsense.spatial.cells.trials import CellTrial, cell_means

log = logging.getLogger(__name__)


def map_orders(
    trial: CellTrial, sources: Mapping[str, Subject], settings: Cells, seed: int
) -> list[CellOrder]:
    """Order cells by the mean of a map over each, highest first, for every map.

    The tested network makes all maps of the configuration that it can. Every other one makes the
    first that it can of `evidence` and `integrated_gradients`, if that is configured, and if its
    outputs have the names of those of the tested one. Maps are of the classes that the tested
    network predicts. Cells of equal means follow each other in random order.

    Arguments:
        trial: The tested network and the images.
        sources: The networks of the study by name; whether the tested one is among them does not
            matter.
        settings: The section `spatial.cells` of the configuration.
        seed: Seed of the study.

    Raises:
        ConfigError: If a map is not finite.
    """
    tested = trial.subject
    chosen = [(tested, method) for method in settings.methods if _can(method, tested, trial)]
    for source in _comparable(tested, sources):
        able = [m for m in BORROWED if m in settings.methods and _can(m, source, trial)]
        chosen += [(source, method) for method in able[:1]]
    return [
        _map_order(trial, source, method, settings, seed)
        for source, method in progress(chosen, desc="maps", unit="map", each=len(trial.rows))
    ]


def _can(method: str, source: Subject, trial: CellTrial) -> bool:
    if method == "regions":
        return can_weigh_regions(source, trial.rows)
    return can_attribute(method, source)


def _comparable(tested: Subject, sources: Mapping[str, Subject]) -> Sequence[Subject]:
    """Return the other networks whose outputs mean what those of the tested one mean."""
    name = tested.network.name
    others = [source for source in sources.values() if source.network.name != name]
    for source in others:
        if source.classes != tested.classes:
            log.info(
                "Cells of %s: maps of %s are left out, its outputs are others",
                *(name, source.network.name),
            )
    return [source for source in others if source.classes == tested.classes]


def _map_order(
    trial: CellTrial, source: Subject, method: str, settings: Cells, seed: int
) -> CellOrder:
    if method == "regions":
        maps = region_maps(source, trial.rows, seed=seed)
    else:
        maps = attribute(
            method, source, trial.rows, trial.targets, settings=settings.plain(), seed=seed
        )
    name = source.network.name
    if not maps.isfinite().all():
        raise ConfigError(
            f"spatial.cells.methods: {method} of {name} is not finite. Leave it out, or set "
            "precision: float32."
        )
    ties = permutations(seed, "order of equal cells", trial.rows, trial.cells)
    return CellOrder(method, rank_cells(cell_means(maps, trial.across), ties), source=name)
