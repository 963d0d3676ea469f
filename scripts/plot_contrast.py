"""Rule plot_contrast: a table of contrasts to its figure."""

from pathlib import Path

from actsense.drawing.style import save
from actsense.job.log import logged
from actsense.sensitivity.figures.contrasts import contrast_bars
from actsense.store import read_table

with logged(snakemake.log[0]):
    title = f"{snakemake.wildcards.network}, {snakemake.wildcards.design}"
    figure = contrast_bars(read_table(snakemake.input.table), title=title)
    save(figure, Path(snakemake.output.png), dpi=snakemake.params.figures["dpi"])
