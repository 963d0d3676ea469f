"""A comparison as files: its tables and figures in a folder."""

__all__ = ["write_comparison"]

from pathlib import Path

from actsense.comparison.compare import Comparison
from actsense.comparison.figures import (
    layer_profiles,
    map_correlations,
    pair_correlations,
    unit_clouds,
)
from actsense.drawing.style import save
from actsense.errors import choose
from actsense.store.tables import write_tables


def write_comparison(
    comparison: Comparison, folder: Path, *, layer: str | None = None, dpi: int = 150
) -> list[Path]:
    """Write the tables, and four figures per pair of runs; files of the same name are replaced.

    Arguments:
        comparison: Two studies.
        folder: Where to; made if it is not there.
        layer: Whose single units are drawn; the first one that was compared by default.
        dpi: Dots per inch of the PNG files.

    Returns:
        What was written.

    Raises:
        ConfigError: If no run has that layer.
    """
    known = list(dict.fromkeys(name for pair in comparison.pairs for name in pair.layers))
    if layer is not None:
        choose("layer", layer, known)
    folder.mkdir(parents=True, exist_ok=True)
    tables = {name: folder / f"{name}.csv" for name in comparison.tables}
    write_tables(comparison.tables, tables)
    written = [*tables.values()]
    for pair in comparison.pairs:
        figures = {
            "correlations": map_correlations(comparison, pair),
            "pairs": pair_correlations(comparison, pair),
            "layers": layer_profiles(comparison, pair),
        }
        chosen = layer if layer in pair.layers else next(iter(pair.layers), None)
        if chosen is not None:
            figures["units"] = unit_clouds(comparison, pair, chosen)
        for name, figure in figures.items():
            path = folder / f"{name}_{pair.named['network']}_{pair.named['design']}.png"
            save(figure, path, dpi=dpi)
            written.append(path)
    return written
