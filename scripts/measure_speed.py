"""Rule measure_speed: networks to how fast they are on the device that will sample them."""

from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.planning.report import measure_study
from actsense.study.study import Study

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    study = Study.load(snakemake.config)
    device = use_device(study.settings.device)
    measure_study(study, snakemake.params.networks, device)
