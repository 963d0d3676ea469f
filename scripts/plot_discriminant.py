"""Rule plot_discriminant: the tables of the discriminant analysis to their figures."""

from actsense.job.files import paths
from actsense.job.log import logged
from actsense.recognition.figures import plot_discriminant

with logged(snakemake.log[0]):
    plot_discriminant(
        paths(snakemake.input),
        paths(snakemake.output),
        title=snakemake.wildcards.network,
        dpi=snakemake.params.figures["dpi"],
    )
