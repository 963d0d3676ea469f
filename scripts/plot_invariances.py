"""Rule plot_invariances: samples of what the layers of a network do not say to figures."""

from pathlib import Path

from actsense.invariance.figures.plot import plot_network
from actsense.job.files import paths
from actsense.job.log import logged

with logged(snakemake.log[0]):
    plot_network(
        Path(snakemake.input.kept),
        paths(snakemake.output),
        title=snakemake.wildcards.study,
        dpi=snakemake.params.figures["dpi"],
    )
