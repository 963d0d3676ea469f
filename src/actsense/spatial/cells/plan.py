"""How many cells an image has, how many of them are masked, and what that costs.

Needs no torch, so that a study can be planned without it.
"""

__all__ = [
    "BORROWED",
    "cell_budgets",
    "count_passes",
    "greedy_budgets",
]

from actsense.attribution.grid import cells_across
from actsense.spatial.cells.settings import Cells
from actsense.work import GRADIENT

# Of another network one map is enough: the first of these that it can make and that is configured.
BORROWED = ("evidence", "integrated_gradients")
INTERVALS = 12  # between budgets
BEND = 3  # power that crowds budgets where the few first cells, which matter most, are masked
GREEDY_CELLS = 16  # where the greedy search ends at the latest: every step tries all cells
DIRECTIONS = 2  # deletion and insertion


def cell_budgets(cells: int) -> list[int]:
    """Return how many cells are masked: none, one, and on to all, in steps that grow.

    Arguments:
        cells: Cells of an image.
    """
    steps = (round(cells * (step / INTERVALS) ** BEND) for step in range(1, INTERVALS + 1))
    return sorted({0, 1, *steps})


def greedy_budgets(cells: int) -> list[int]:
    """Return the budgets that the greedy search reaches."""
    return [budget for budget in cell_budgets(cells) if budget <= GREEDY_CELLS]


def count_passes(settings: Cells, side: int, networks: int) -> int:
    """Count the images that go through networks to test one of them, at most.

    A pass with a way back counts as three. All networks are taken to make all maps.

    Arguments:
        settings: The section `spatial.cells` of the configuration.
        side: Side of the square images, pixels.
        networks: Networks of the study, which lend each other their maps.
    """
    cells = cells_across(side, settings.size) ** 2
    costs = {
        "gradient": GRADIENT,
        "integrated_gradients": GRADIENT * settings.steps,
        "smoothgrad": GRADIENT * settings.samples,
        "occlusion": 1 + cells,
        "regions": 1,
        "evidence": 1,
    }
    methods, fills = settings.methods, len(settings.fills)
    borrowed = max((costs[method] for method in methods if method in BORROWED), default=0)
    maps = sum(costs[method] for method in methods) + (networks - 1) * borrowed
    orders = len(methods) + (networks - 1) * (borrowed > 0) + settings.random_orders
    between = len(cell_budgets(cells)) - 2
    ends = 2 + fills  # intact, to predict and to compare with; all masked
    each = maps + ends + orders * fills * DIRECTIONS * between
    searched = min(settings.greedy_images, settings.images)
    greedy = searched * fills * greedy_budgets(cells)[-1] * cells
    return settings.images * each + greedy
