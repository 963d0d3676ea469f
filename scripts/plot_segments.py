"""Rule plot_segments: what segments feel, and how factors go together there, to figures."""

from pathlib import Path

from actsense.figures.segments import plot_segments
from actsense.run import logged

with logged(snakemake.log[0]):
    plot_segments(
        {name: Path(path) for name, path in snakemake.input.items()},
        {name: Path(path) for name, path in snakemake.output.items()},
        title=f"{snakemake.wildcards.network}, {snakemake.wildcards.design}",
        dpi=snakemake.params.figures["dpi"],
    )
