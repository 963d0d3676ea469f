"""Rule sample_segments: colour channels through parts of a network, to indices of their units."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.segments.evaluate import sample_segments, write_segments
from actsense.store import file_hash, provenance

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    results = sample_segments(
        snakemake.input,
        snakemake.params.sampling,
        Path(snakemake.input.indices),
        channels=snakemake.params.channels,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
        beside=Path(snakemake.output.indices),
    )
    attributes = provenance(
        configuration=dict(snakemake.params.study),
        weights_sha256=file_hash(Path(snakemake.input.weights)),
        dataset_sha256=file_hash(Path(snakemake.input.manifest)),
    )
    write_segments(results, dict(snakemake.output.items()), attributes=attributes)
