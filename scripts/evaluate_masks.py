"""Rule evaluate_masks: sensitivity maps to the predictions of the masked network."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.files import origin, paths
from actsense.job.log import logged
from actsense.masking.evaluate import evaluate_masks, masking_table
from actsense.masking.settings import Masking
from actsense.sampling.opening import open_sampling
from actsense.store import write_results, write_tables

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    sampling = open_sampling(
        snakemake.input,
        snakemake.params.sampling,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
    )
    asked = Path(snakemake.input.indices), Masking(**snakemake.params.masking)
    groups = evaluate_masks(sampling, *asked, parts=[*map(Path, snakemake.input.parts)])
    attributes = origin(snakemake.params, snakemake.input)
    write_tables({"table": masking_table(groups[""])}, paths(snakemake.output))
    write_results(Path(snakemake.output.masking), groups, attributes=attributes)
