"""Rule show_demos: a network and what its layers do not say to figures of what they see."""

from actsense.device.choice import set_threads, use_device
from actsense.invariance.demos.figures.show import show_demos
from actsense.invariance.demos.opening import open_demo_files
from actsense.invariance.settings import Demos
from actsense.job.files import paths
from actsense.job.log import logged

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    inputs, params = snakemake.input, snakemake.params
    run = {"batch_size": params.batch_size, "device": use_device(params.device)}
    files = inputs.weights, inputs.autoencoder, inputs.kept, inputs.flows
    show_demos(
        open_demo_files(*files, settings=params.subject, **run),
        *(params.layers, Demos(**params.demos), paths(snakemake.output)),
        clip=inputs.clip,
        seed=params.seed,
        title=snakemake.wildcards.study,
        dpi=params.figures["dpi"],
    )
