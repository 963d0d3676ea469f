"""Rule plot_classes: the tables of single classes to their figures."""

from pathlib import Path

from actsense.job.log import logged
from actsense.single_class.figures import plot_classes

with logged(snakemake.log[0]):
    plot_classes(
        {name: Path(path) for name, path in snakemake.input.items()},
        {name: Path(path) for name, path in snakemake.output.items()},
        title=snakemake.wildcards.network,
        dpi=snakemake.params.figures["dpi"],
    )
