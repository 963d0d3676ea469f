"""From the pictures of a network and the tables of a study to figures."""

__all__ = ["plot_network"]

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from actsense.data.cache import ImageCache
from actsense.drawing.names import legible
from actsense.drawing.style import save
from actsense.featvis.figures.channels import channel_mosaic
from actsense.featvis.figures.curves import curve_lines
from actsense.featvis.figures.drive import drive_dots
from actsense.featvis.figures.embedding import facet_maps
from actsense.featvis.figures.facets import facet_rows
from actsense.featvis.figures.shifts import shift_lines
from actsense.featvis.figures.units import unit_rows
from actsense.featvis.stored import StoredPictures
from actsense.store import read_results, read_table


def plot_network(
    pictures: Path,
    tables: Mapping[str, Path],
    images: ImageCache,
    outputs: Mapping[str, Path],
    *,
    title: str,
    dpi: int,
) -> None:
    """Draw the figures of one network.

    Arguments:
        pictures: Store of the network.
        tables: CSV files of the study, by name.
        images: The images of the study.
        outputs: PNG files `curves` and `drive`; `facets` and `embedding` if facets were drawn;
            `units` and `shifts` if units were; `channels` if channels were.
        title: The study.
        dpi: Dots per inch of the PNG files.
    """
    stored = StoredPictures(read_results(pictures))
    title = f"{title}, {legible(stored.network)}"

    def of_network(name: str) -> pd.DataFrame:
        table = read_table(tables[name])
        return table[table["network"] == stored.network]

    judged = of_network("pictures")
    drawn: dict[str, Callable[[], Figure]] = {
        "facets": lambda: facet_rows(stored, judged, images, title=title),
        "embedding": lambda: facet_maps(stored, images, title=title),
        "curves": lambda: curve_lines(stored, judged, title=title),
        "units": lambda: unit_rows(stored, judged, images, title=title),
        "channels": lambda: channel_mosaic(stored, judged, title=title),
        "drive": lambda: drive_dots(
            judged, of_network("picture_transfers"), of_network("picture_likeness"), title=title
        ),
        "shifts": lambda: shift_lines(
            of_network("picture_shifts"),
            of_network("picture_losses"),
            factor=stored.of_kind("units")[0].factor,
            title=title,
        ),
    }
    for name, draw in drawn.items():
        if name in outputs:
            save(draw(), outputs[name], dpi=dpi)
