"""Rule plot_cells: curves and areas of masked cells to figures."""

from pathlib import Path

from actsense.figures.cell_masking import plot_cells
from actsense.run import logged

with logged(snakemake.log[0]):
    plot_cells(
        {name: Path(snakemake.input[name]) for name in ("cell_curves", "cell_scores")},
        dict(zip(snakemake.params.networks, map(Path, snakemake.input.cells), strict=True)),
        {name: Path(path) for name, path in snakemake.output.items()},
        title=snakemake.wildcards.study,
        dpi=snakemake.params.figures["dpi"],
    )
