"""Rule plot_patterns: patterns of a network and the images they are in to figures."""

from pathlib import Path

from actsense.data.cache import ImageCache
from actsense.job.files import paths
from actsense.job.log import logged
from actsense.patterns.figures.plot import plot_network

with logged(snakemake.log[0]):
    inputs = snakemake.input
    plot_network(
        *(Path(inputs.patterns), Path(inputs.attack)),
        tables=paths(inputs),
        images=ImageCache.open(inputs.images, inputs.manifest),
        outputs=paths(snakemake.output),
        title=snakemake.wildcards.study,
        dpi=snakemake.params.figures["dpi"],
    )
