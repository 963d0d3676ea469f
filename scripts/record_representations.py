"""Rule record_representations: a network in one state to what its layers say of all images."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.invariance.autoencoder.opening import open_autoencoder
from actsense.invariance.evaluate.representations import in_state, write_representations
from actsense.invariance.recorded import latent_rows
from actsense.job.files import origin
from actsense.job.log import logged
from actsense.networks.opening import open_subject

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    inputs, params, state = snakemake.input, snakemake.params, snakemake.wildcards.state
    files, device = (inputs.images, inputs.manifest, inputs.weights), use_device(params.device)
    trained = open_subject(*files, params.subject, batch_size=params.batch_size, device=device)
    written = snakemake.output.representations, snakemake.output.card
    write_representations(
        *map(Path, written),
        in_state(trained, params.subject, state, [*map(Path, inputs.checkpoint)]),
        open_autoencoder(Path(inputs.autoencoder), side=trained.side, device=device),
        *(latent_rows(Path(inputs.latents)), params.layers),
        state=state,
        attributes=origin(params, inputs),
    )
