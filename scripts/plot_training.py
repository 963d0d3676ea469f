"""Rule plot_training: patterns of a network at its checkpoints to a figure and an animation."""

from pathlib import Path

from actsense.job.files import paths
from actsense.job.log import logged
from actsense.patterns.figures.plot import plot_training

with logged(snakemake.log[0]):
    plot_training(
        Path(snakemake.input.patterns),
        tables=paths(snakemake.input),
        outputs=paths(snakemake.output),
        title=snakemake.wildcards.study,
        dpi=snakemake.params.figures["dpi"],
    )
