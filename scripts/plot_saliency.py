"""Rule plot_saliency: saliency maps of all networks to one figure."""

from pathlib import Path

from actsense.job.files import by_name
from actsense.job.log import logged
from actsense.spatial.saliency.figures import plot_saliency

with logged(snakemake.log[0]):
    plot_saliency(
        by_name(snakemake.params.networks, snakemake.input.saliency),
        Path(snakemake.output.png),
        title=snakemake.wildcards.study,
        dpi=snakemake.params.figures["dpi"],
    )
