"""Rule plot_saliency: saliency maps of all networks to one figure."""

from pathlib import Path

from actsense.job.log import logged
from actsense.spatial.saliency.figures import plot_saliency

with logged(snakemake.log[0]):
    plot_saliency(
        dict(zip(snakemake.params.networks, map(Path, snakemake.input.saliency), strict=True)),
        Path(snakemake.output.png),
        title=snakemake.wildcards.study,
        dpi=snakemake.params.figures["dpi"],
    )
