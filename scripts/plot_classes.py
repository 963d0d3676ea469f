"""Rule plot_classes: the tables of single classes to their figures."""

from actsense.job.files import paths
from actsense.job.log import logged
from actsense.single_class.figures import plot_classes

with logged(snakemake.log[0]):
    plot_classes(
        paths(snakemake.input),
        paths(snakemake.output),
        title=snakemake.wildcards.network,
        dpi=snakemake.params.figures["dpi"],
    )
