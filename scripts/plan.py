"""Rule plan: a configuration to what it would cost, printed."""

from actsense.plan import plan_study
from actsense.run import logged, set_threads, use_device
from actsense.study import Study

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    study = Study(dict(snakemake.config))
    print(plan_study(study, use_device(study.settings["device"])))
