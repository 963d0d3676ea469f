"""Rule plot_segments: what segments feel, and how factors go together there, to figures."""

from pathlib import Path

from actsense.job.log import logged
from actsense.segments.figures import plot_segments

with logged(snakemake.log[0]):
    plot_segments(
        {name: Path(path) for name, path in snakemake.input.items()},
        {name: Path(path) for name, path in snakemake.output.items()},
        title=f"{snakemake.wildcards.network}, {snakemake.wildcards.design}",
        dpi=snakemake.params.figures["dpi"],
    )
