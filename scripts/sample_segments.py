"""Rule sample_segments: colour channels through parts of a network, to indices of their units."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.files import origin, paths
from actsense.job.log import logged
from actsense.segments.evaluate import sample_segments, write_segments

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    results = sample_segments(
        snakemake.input,
        snakemake.params.sampling,
        Path(snakemake.input.indices),
        channels=snakemake.params.channels,
        listed=next(map(Path, snakemake.input.listed), None),
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
        memory_gb=snakemake.config["memory_gb"],
        beside=Path(snakemake.output.indices),
    )
    attributes = origin(snakemake.params, snakemake.input)
    write_segments(results, paths(snakemake.output), attributes=attributes)
