"""From the stores and tables of the invariances to figures."""

__all__ = ["plot_network", "plot_study"]

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from actsense.drawing.names import legible
from actsense.drawing.style import save
from actsense.invariance.figures.consistency import consistency_ranges
from actsense.invariance.figures.effects import effect_points
from actsense.invariance.figures.flows import flow_curves
from actsense.invariance.figures.inversion import inverted_rows
from actsense.invariance.figures.kept import free_bars
from actsense.invariance.figures.moved import moved_cells
from actsense.invariance.figures.quality import quality_dots
from actsense.invariance.figures.samples import sample_rows
from actsense.invariance.figures.variance import variance_maps
from actsense.invariance.stored import StoredInvariances
from actsense.store import read_table


def plot_network(kept: Path, outputs: Mapping[str, Path], *, title: str, dpi: int) -> None:
    """Draw the figures of one network.

    Arguments:
        kept: Store of the network.
        outputs: PNG files `samples`, `variance` and `flows`; `inversion` if images were optimised.
        title: The study.
        dpi: Dots per inch of the PNG files.
    """
    stored = StoredInvariances.open(kept)
    title = f"{title}, {legible(stored.network)}"
    drawn: dict[str, Callable[[], Figure]] = {
        "samples": lambda: sample_rows(stored, title=title),
        "variance": lambda: variance_maps(stored, title=title),
        "inversion": lambda: inverted_rows(stored, title=title),
        "flows": lambda: flow_curves(stored, title=title),
    }
    for name, draw in drawn.items():
        if name in outputs:
            save(draw(), outputs[name], dpi=dpi)


def plot_study(
    tables: Mapping[str, Path], outputs: Mapping[str, Path], *, title: str, dpi: int
) -> None:
    """Draw the figures that compare layers, states and networks.

    Arguments:
        tables: CSV files of the study, by name: `invariance_kept` and so on.
        outputs: PNG files `kept`, `consistency`, `moved` and `effects`, and `quality` if there is
            a judge; other paths are passed over.
        title: The study.
        dpi: Dots per inch of the PNG files.
    """
    drawn: dict[str, tuple[str, Callable[..., Figure]]] = {
        "kept": ("kept", free_bars),
        "consistency": ("kept", consistency_ranges),
        "quality": ("quality", quality_dots),
        "moved": ("moved", moved_cells),
        "effects": ("effects", effect_points),
    }
    for name, (table, draw) in drawn.items():
        if name in outputs:
            read: pd.DataFrame = read_table(tables[f"invariance_{table}"])
            save(draw(read, title=title), outputs[name], dpi=dpi)
