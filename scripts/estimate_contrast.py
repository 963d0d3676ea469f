"""Rule estimate_contrast: pairs of images with and without an augmentation to contrasts."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.files import origin, paths
from actsense.job.log import logged
from actsense.sampling.opening import open_sampling
from actsense.sensitivity.contrast import write_contrast
from actsense.sensitivity.contrast_statistics import contrast_table
from actsense.sensitivity.settings import Contrast
from actsense.store import write_tables

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    sampling = open_sampling(
        snakemake.input,
        snakemake.params.sampling,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
        memory_gb=snakemake.config["memory_gb"],
    )
    attributes, written = origin(snakemake.params, snakemake.input), paths(snakemake.output)
    settings, parts = Contrast(**snakemake.params.contrast), map(Path, snakemake.input.parts)
    write_contrast(sampling, settings, written, attributes, [*parts])
    table = contrast_table(written["contrast"], sampling.layers)
    write_tables({"table": table}, written)
