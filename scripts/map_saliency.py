"""Rule map_saliency: a few images to gradient and SmoothGrad maps."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.files import origin
from actsense.job.log import logged
from actsense.networks.opening import open_subject
from actsense.spatial.saliency.evaluate import saliency_maps
from actsense.spatial.saliency.settings import Saliency
from actsense.store import write_results

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    subject = open_subject(
        images=snakemake.input.images,
        manifest=snakemake.input.manifest,
        weights=snakemake.input.weights,
        settings=snakemake.params.subject,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
    )
    groups = saliency_maps(
        subject, Saliency(**snakemake.params.saliency), seed=snakemake.params.subject["seed"]
    )
    attributes = origin(snakemake.params, snakemake.input)
    write_results(Path(snakemake.output.saliency), groups, attributes=attributes)
