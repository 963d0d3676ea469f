"""Rule plot_transforms: tables of accuracies on shuffled and saturated images to figures."""

from pathlib import Path

from actsense.figures.transforms import plot_transforms
from actsense.run import logged

with logged(snakemake.log[0]):
    plot_transforms(
        {name: Path(path) for name, path in snakemake.input.items()},
        {name: Path(path) for name, path in snakemake.output.items()},
        title=snakemake.wildcards.study,
        dpi=snakemake.params.figures["dpi"],
    )
