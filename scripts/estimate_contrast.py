"""Rule estimate_contrast: pairs of images with and without an augmentation to contrasts."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.files import origin, paths
from actsense.job.log import logged
from actsense.sampling.opening import open_sampling
from actsense.sensitivity.contrast import contrast_table, estimate_contrast
from actsense.sensitivity.top_images import TopImages
from actsense.store import write_results, write_tables

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    sampling = open_sampling(
        snakemake.input,
        snakemake.params.sampling,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
    )
    asked = {name: snakemake.params.contrast[name] for name in ("images", "draws")}
    top = TopImages(sampling, **snakemake.params.contrast)
    groups = estimate_contrast(sampling, **asked, top=top)
    attributes = origin(snakemake.params, snakemake.input)
    write_tables({"table": contrast_table(groups)}, paths(snakemake.output))
    write_results(Path(snakemake.output.contrast), groups, attributes=attributes)
    write_results(Path(snakemake.output.top_images), top.groups(), attributes=attributes)
