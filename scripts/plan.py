"""Rule plan: a configuration to what it would cost, printed."""

from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.planning.report import plan_study
from actsense.study.study import Study

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    study = Study.load(snakemake.config).looked_at_again()
    print(plan_study(study, use_device(study.settings.device)))
