"""Rule plot_correlation: tables of correlations to their figures."""

from actsense.correlation.figures import plot_correlation
from actsense.job.files import paths
from actsense.job.log import logged

with logged(snakemake.log[0]):
    plot_correlation(
        paths(snakemake.input),
        paths(snakemake.output),
        title=snakemake.wildcards.network,
        dpi=snakemake.params.figures["dpi"],
    )
