"""Rule plot_interaction: what distant patches do, together and alone, to figures."""

from pathlib import Path

from actsense.figures.interaction import plot_interaction
from actsense.run import logged

with logged(snakemake.log[0]):
    plot_interaction(
        Path(snakemake.input.table),
        dict(zip(snakemake.params.networks, map(Path, snakemake.input.interaction), strict=True)),
        {name: Path(path) for name, path in snakemake.output.items()},
        title=snakemake.wildcards.study,
        dpi=snakemake.params.figures["dpi"],
    )
