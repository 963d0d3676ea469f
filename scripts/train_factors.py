"""Rule train_factors: pairs of images that share a concept to latents split into concepts."""

from actsense.device.choice import set_threads, use_device
from actsense.invariance.factors.evaluate.train import write_factors
from actsense.invariance.settings import Factors
from actsense.job.files import paths
from actsense.job.log import logged

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    params = snakemake.params
    write_factors(
        *(paths(snakemake.output), paths(snakemake.input), Factors(**params.factors)),
        dataset=params.dataset,
        study=params.study,
        seed=params.seed,
        device=use_device(params.device),
        precision=params.precision,
        batch_size=params.batch_size,
    )
