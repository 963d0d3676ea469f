"""Rule plot_masking: a masking store and its tables to their figures."""

from actsense.job.files import paths
from actsense.job.log import logged
from actsense.masking.figures import plot_masking

with logged(snakemake.log[0]):
    tables = paths(snakemake.input)
    plot_masking(
        tables.pop("masking"),
        tables,
        paths(snakemake.output),
        title=f"{snakemake.wildcards.network}, {snakemake.wildcards.design}",
        dpi=snakemake.params.figures["dpi"],
    )
