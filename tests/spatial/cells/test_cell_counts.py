"""Cells, budgets, and what is planned without torch."""

import subprocess
import sys
from itertools import pairwise

import pytest

from actsense.attribution.grid import cells_across
from actsense.errors import ConfigError
from actsense.spatial.cells.plan import cell_budgets, greedy_budgets


@pytest.mark.parametrize("cells", [4, 9, 16, 64, 784, 3136])
def test_budgets_ascend_from_none_over_one_to_all(cells: int) -> None:
    budgets = cell_budgets(cells)
    assert budgets[:2] == [0, 1]
    assert budgets[-1] == cells
    assert budgets == sorted(set(budgets))
    assert len(budgets) <= 14


@pytest.mark.parametrize("cells", [64, 784, 3136])
def test_budgets_are_denser_where_few_cells_are_masked(cells: int) -> None:
    budgets = cell_budgets(cells)
    steps = [after - before for before, after in pairwise(budgets)]
    assert steps == sorted(steps)
    assert steps[-1] < cells / 4


def test_the_greedy_search_reaches_budgets_of_the_curves() -> None:
    assert greedy_budgets(784) == [0, 1, 4, 12]
    assert greedy_budgets(16) == cell_budgets(16)


@pytest.mark.parametrize(("side", "size", "across"), [(224, 8, 28), (32, 5, 6), (32, 9, 4)])
def test_cells_come_nearest_to_their_size(side: int, size: int, across: int) -> None:
    assert cells_across(side, size) == across
    errors = {count: abs(side / count - size) for count in range(1, side + 1)}
    assert errors[across] == min(errors.values())


def test_cells_too_large_for_the_image_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"spatial.cells.size: 24 leaves .* Allowed: 1 to 16"):
        cells_across(32, 24)


def test_counting_needs_no_torch() -> None:
    program = "import sys, actsense.spatial.cells.plan; print('torch' in sys.modules)"
    run = [sys.executable, "-c", program]
    assert subprocess.check_output(run, text=True).strip() == "False"
