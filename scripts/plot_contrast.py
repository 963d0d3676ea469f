"""Rule plot_contrast: a table of contrasts to its figure."""

from pathlib import Path

import pandas as pd

from actsense.figures.contrasts import contrast_bars
from actsense.figures.style import save
from actsense.run import logged

with logged(snakemake.log[0]):
    title = f"{snakemake.wildcards.network}, {snakemake.wildcards.design}"
    figure = contrast_bars(pd.read_csv(snakemake.input.table), title=title)
    save(figure, Path(snakemake.output.png), dpi=snakemake.params.figures["dpi"])
