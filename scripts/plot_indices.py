"""Rule plot_indices: an index store to its figures."""

from pathlib import Path

from actsense.job.files import paths
from actsense.job.log import logged
from actsense.sensitivity.figures.pages import plot_indices

with logged(snakemake.log[0]):
    plot_indices(
        Path(snakemake.input.indices),
        paths(snakemake.output),
        title=f"{snakemake.wildcards.network}, {snakemake.wildcards.design}",
        units=snakemake.params.figures["units"],
        dpi=snakemake.params.figures["dpi"],
    )
