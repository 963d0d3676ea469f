"""Rule compare_bias: two networks to what their samples keep of images."""

from actsense.device.choice import set_threads, use_device
from actsense.invariance.demos.figures.show import compare_bias
from actsense.invariance.demos.opening import open_pair
from actsense.invariance.settings import Demos
from actsense.job.files import paths
from actsense.job.log import logged

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    inputs, params = snakemake.input, snakemake.params
    run = {"batch_size": params.batch_size, "device": use_device(params.device)}
    files = inputs.weights, inputs.autoencoder, inputs.kept, inputs.flows
    compare_bias(
        open_pair(*files, params.subjects, **run),
        *(params.layers, Demos(**params.demos), paths(snakemake.output)),
        **{"manifest": inputs.manifest, "title": snakemake.wildcards.study},
        **{"seed": params.seed, "bootstrap": params.bootstrap},
        dpi=params.figures["dpi"],
    )
