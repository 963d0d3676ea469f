"""Rule plot_units: pictures of units that feel a factor to figures."""

from pathlib import Path

from actsense.data.cache import ImageCache
from actsense.featvis.figures.plot import plot_network
from actsense.job.files import paths
from actsense.job.log import logged

with logged(snakemake.log[0]):
    inputs = snakemake.input
    plot_network(
        Path(inputs.made),
        tables=paths(inputs),
        images=ImageCache.open(inputs.images, inputs.manifest),
        outputs=paths(snakemake.output),
        title=snakemake.wildcards.study,
        dpi=snakemake.params.figures["dpi"],
    )
