"""Rule plot_saliency: saliency maps of all networks to one figure."""

from pathlib import Path

from actsense.figures.saliency import plot_saliency
from actsense.run import logged

with logged(snakemake.log[0]):
    plot_saliency(
        dict(zip(snakemake.params.networks, map(Path, snakemake.input.saliency), strict=True)),
        Path(snakemake.output.png),
        title=snakemake.wildcards.study,
        dpi=snakemake.params.figures["dpi"],
    )
