"""Rule train_autoencoder: the study's images to an autoencoder, and to their latents."""

from pathlib import Path

from actsense.data.cache import ImageCache
from actsense.device.choice import set_threads, use_device
from actsense.invariance.evaluate.autoencoder import write_autoencoder
from actsense.invariance.settings import Invariance
from actsense.job.files import by_name, origin
from actsense.job.log import logged
from actsense.networks.opening import open_subjects

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    run = {"batch_size": params.batch_size, "device": use_device(params.device)}
    files, settings = (inputs.images, inputs.manifest), [params.subject][: len(inputs.judge)]
    judges = open_subjects(*files, inputs.judge, settings, **run)
    write_autoencoder(
        *(Path(output.autoencoder), Path(output.latents), ImageCache.open(*files)),
        *(next(iter(judges.values()), None), params.judge_layers),
        Invariance(**params.invariance),
        **run,
        **{"seed": params.seed, "precision": params.precision},
        attributes=origin(params, inputs, weights=by_name(judges, inputs.judge)),
    )
