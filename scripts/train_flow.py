"""Rule train_flow: latents, and what a layer says of the same images, to a flow and its card."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.invariance.evaluate.flows import write_flow
from actsense.invariance.flow.settings import FlowSettings
from actsense.job.log import logged
from actsense.store.provenance import provenance

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    files = output.flow, output.card, inputs.latents, inputs.representations
    wildcards = dict(snakemake.wildcards.items())
    write_flow(
        *map(Path, files),
        *(wildcards["layer"], FlowSettings(**params.flow)),
        seed=params.seed,
        device=use_device(params.device),
        precision=params.precision,
        attributes=provenance(configuration=dict(params.study), **wildcards),
    )
