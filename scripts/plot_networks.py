"""Rule plot_networks: model cards to a picture of all networks and their recorded layers."""

from pathlib import Path

from actsense.drawing.network_cards import plot_networks
from actsense.job.files import by_name
from actsense.job.log import logged

with logged(snakemake.log[0]):
    plot_networks(
        by_name(snakemake.params.networks, snakemake.input.cards),
        snakemake.params.layers,
        Path(snakemake.output.png),
        title=snakemake.wildcards.study,
        dpi=snakemake.params.figures["dpi"],
    )
