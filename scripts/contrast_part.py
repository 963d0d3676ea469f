"""Rule contrast_part: what some images say of some units under some augmentations."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.sampling.opening import open_sampling
from actsense.sensitivity.contrast import write_contrast_part
from actsense.sensitivity.cuts import ContrastPart
from actsense.sensitivity.settings import Contrast

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    sampling = open_sampling(
        snakemake.input,
        snakemake.params.sampling,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
    )
    settings, part = Contrast(**snakemake.params.contrast), snakemake.params.part
    before, path = map(Path, snakemake.input.before), Path(snakemake.output.state)
    write_contrast_part(sampling, settings, ContrastPart.between(**part), [*before], path)
