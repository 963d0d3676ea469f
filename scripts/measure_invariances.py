"""Rule measure_invariances: the flows of a network to what is kept of its invariances."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.invariance.autoencoder.opening import open_autoencoder
from actsense.invariance.evaluate.kept import Judge, LayerFiles, write_invariances
from actsense.invariance.evaluate.representations import in_state
from actsense.invariance.settings import Invariance
from actsense.job.files import origin
from actsense.job.log import logged
from actsense.networks.opening import open_subject

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    inputs, params = snakemake.input, snakemake.params
    run = {"batch_size": params.batch_size, "device": use_device(params.device)}
    files, own = (inputs.images, inputs.manifest, inputs.weights), params.subject
    trained = open_subject(*files, own, **run)
    subjects = {state: in_state(trained, own, state) for state in params.places}
    judge, layers = Judge.opened(inputs, params, **run), LayerFiles.listed(params.places, inputs)
    autoencoder = Path(inputs.autoencoder), {"side": trained.side, "device": run["device"]}
    write_invariances(
        *(Path(snakemake.output.kept), subjects, judge),
        *(open_autoencoder(autoencoder[0], **autoencoder[1]), Path(inputs.latents), layers),
        *(params.augmentations, Invariance(**params.invariance)),
        **{"seed": own["seed"], "attributes": origin(params, inputs)},
    )
