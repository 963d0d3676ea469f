"""Rule record_features: chosen images, also attacked, to features in all states of a network."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.features.record import record_features
from actsense.features.states import list_states
from actsense.job.files import by_name, origin
from actsense.job.log import logged
from actsense.networks.opening import open_subject

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    inputs, params = snakemake.input, snakemake.params
    subject = open_subject(
        *(inputs.images, inputs.manifest, inputs.weights, params.subject),
        batch_size=params.batch_size,
        device=use_device(params.device),
    )
    attack, checkpoints = Path(inputs.attack), by_name(params.epochs, inputs.checkpoints)
    states = list_states(subject, params.subject, checkpoints, attack, random=params.random)
    written, attributes = Path(snakemake.output.features), origin(params, inputs)
    record_features(subject, states, attack, written, **params.places, attributes=attributes)
