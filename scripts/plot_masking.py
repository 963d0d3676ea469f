"""Rule plot_masking: a masking store and its tables to their figures."""

from pathlib import Path

from actsense.job.log import logged
from actsense.masking.figures import plot_masking

with logged(snakemake.log[0]):
    tables = {name: Path(path) for name, path in snakemake.input.items()}
    plot_masking(
        tables.pop("masking"),
        tables,
        {name: Path(path) for name, path in snakemake.output.items()},
        title=f"{snakemake.wildcards.network}, {snakemake.wildcards.design}",
        dpi=snakemake.params.figures["dpi"],
    )
