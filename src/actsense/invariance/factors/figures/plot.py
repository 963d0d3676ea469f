"""From the tables and a store of a study to figures."""

__all__ = ["plot_factors"]

from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from actsense.drawing.style import save
from actsense.invariance.factors.figures.responses import factor_dots
from actsense.invariance.factors.figures.shares import factors_over_depth, factors_over_training
from actsense.invariance.factors.figures.swaps import swap_grids
from actsense.invariance.factors.stored import StoredFactors
from actsense.store import read_results, read_table


def plot_factors(
    tables: Mapping[str, Path],
    store: Path,
    outputs: Mapping[str, Path],
    *,
    title: str,
    dpi: int,
) -> None:
    """Draw the figures of a study.

    Arguments:
        tables: CSV files of the study, by name.
        store: What was found in one of its networks.
        outputs: PNG files `factors_layers`, `factors_swaps` and `factors_responses`;
            `factors_training` if a network is followed over its checkpoints.
        title: The study.
        dpi: Dots per inch of the PNG files.
    """
    explained = read_table(tables["factors_explained"])
    drawn: dict[str, Callable[[], Figure]] = {
        "factors_training": lambda: factors_over_training(explained, title=title),
        "factors_layers": lambda: factors_over_depth(explained, title=title),
        "factors_swaps": lambda: swap_grids(StoredFactors(read_results(store)), title=title),
        "factors_responses": lambda: factor_dots(
            read_table(tables["factor_responses"]), title=title
        ),
    }
    for name, draw in drawn.items():
        if name in outputs:
            save(draw(), outputs[name], dpi=dpi)
