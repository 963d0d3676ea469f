"""Rule plot_segments: what segments feel, and how factors go together there, to figures."""

from actsense.job.files import paths
from actsense.job.log import logged
from actsense.segments.figures import plot_segments

with logged(snakemake.log[0]):
    plot_segments(
        paths(snakemake.input),
        paths(snakemake.output),
        title=f"{snakemake.wildcards.network}, {snakemake.wildcards.design}",
        dpi=snakemake.params.figures["dpi"],
    )
