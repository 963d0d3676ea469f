"""Rule mask_part: a part of what evaluate_masks reads, the predictions of masked networks."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.masking.evaluate import evaluate_part
from actsense.masking.settings import Masking
from actsense.sampling.opening import open_sampling

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    sampling = open_sampling(
        snakemake.input,
        snakemake.params.sampling,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
    )
    asked = Path(snakemake.input.indices), Masking(**snakemake.params.masking)
    part, path = int(snakemake.wildcards.part), Path(snakemake.output.outcomes)
    evaluate_part(sampling, *asked, path, part=part, parts=snakemake.params.parts)
