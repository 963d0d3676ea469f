"""Rule plot_discriminant: the tables of the discriminant analysis to their figures."""

from pathlib import Path

from actsense.job.log import logged
from actsense.recognition.figures import plot_discriminant

with logged(snakemake.log[0]):
    plot_discriminant(
        {name: Path(path) for name, path in snakemake.input.items()},
        {name: Path(path) for name, path in snakemake.output.items()},
        title=snakemake.wildcards.network,
        dpi=snakemake.params.figures["dpi"],
    )
