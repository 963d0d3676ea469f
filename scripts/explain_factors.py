"""Rule explain_factors: a network and its flows to what layers keep of every concept."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.invariance.factors.evaluate.explain import list_places, write_explained
from actsense.job.files import origin
from actsense.job.log import logged
from actsense.networks.opening import open_subject

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    inputs, params = snakemake.input, snakemake.params
    files = inputs.images, inputs.manifest, inputs.weights
    run = {"batch_size": params.batch_size, "device": use_device(params.device)}
    write_explained(
        *(Path(snakemake.output.explained), open_subject(*files, params.subject, **run)),
        params.subject,
        {name: Path(inputs[name]) for name in ("factors", "autoencoder", "latents")},
        list_places(params.places, inputs.flows, inputs.faithful),
        checkpoints=inputs.checkpoints,
        **params.sampled,
        seed=params.seed,
        attributes=origin(params, inputs),
    )
