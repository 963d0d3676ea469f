"""Rule plot_correlation: tables of correlations to their figures."""

from pathlib import Path

from actsense.correlation.figures import plot_correlation
from actsense.job.log import logged

with logged(snakemake.log[0]):
    plot_correlation(
        {name: Path(path) for name, path in snakemake.input.items()},
        {name: Path(path) for name, path in snakemake.output.items()},
        title=snakemake.wildcards.network,
        dpi=snakemake.params.figures["dpi"],
    )
