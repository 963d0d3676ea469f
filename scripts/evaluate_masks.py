"""Rule evaluate_masks: sensitivity maps to the predictions of the masked network."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.masking.evaluate import evaluate_masks, masking_table
from actsense.sampling.opening import open_sampling
from actsense.store import file_hash, provenance, write_results, write_tables

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    sampling = open_sampling(
        snakemake.input,
        snakemake.params.sampling,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
    )
    groups = evaluate_masks(sampling, Path(snakemake.input.indices), snakemake.params.masking)
    attributes = provenance(
        configuration=dict(snakemake.params.study),
        weights_sha256=file_hash(Path(snakemake.input.weights)),
        dataset_sha256=file_hash(Path(snakemake.input.manifest)),
    )
    write_tables({"table": masking_table(groups[""])}, dict(snakemake.output.items()))
    write_results(Path(snakemake.output.masking), groups, attributes=attributes)
