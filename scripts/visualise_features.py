"""Rule visualise_features: a network to pictures of what its layers and units respond to."""

from functools import partial
from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.features.states import randomised
from actsense.featvis.evaluate import Places, write_pictures
from actsense.featvis.settings import Featvis
from actsense.job.files import origin
from actsense.job.log import logged
from actsense.networks.opening import open_subject
from actsense.networks.settings import read_network

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    inputs, params = snakemake.input, snakemake.params
    files = inputs.images, inputs.manifest, inputs.weights
    run = {"batch_size": params.batch_size, "device": use_device(params.device)}
    subject = open_subject(*files, params.subject, **run)
    (_, described), seed = params.subject["network"], params.subject["seed"]
    write_pictures(
        *(Path(snakemake.output.pictures), subject),
        *(Featvis(**params.featvis), Places(**params.places)),
        seed=seed,
        random=partial(randomised, subject, read_network(described), seed),
        indices=inputs.indices,
        attributes=origin(params, inputs, network=snakemake.wildcards.network),
    )
