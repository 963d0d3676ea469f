"""Rule evaluate_interaction: the study's images to what distant patches do together and alone."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.files import origin
from actsense.job.log import logged
from actsense.networks.opening import open_subject
from actsense.spatial.interaction.evaluate import evaluate_interaction
from actsense.spatial.interaction.settings import Interaction
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
    groups = evaluate_interaction(
        subject, Interaction(**snakemake.params.interaction), seed=snakemake.params.subject["seed"]
    )
    attributes = origin(snakemake.params, snakemake.input)
    write_results(Path(snakemake.output.interaction), groups, attributes=attributes)
