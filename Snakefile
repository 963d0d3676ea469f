"""Which changes of the input does every unit of a CNN feel, and how strongly?"""

from snakemake.utils import min_version

min_version("9.22")


# Snakemake merges configurations: another study must not inherit the networks of this one. What
# `--config` changes by itself it changes in the default.
if not workflow.overwrite_configfiles and config == workflow.config_settings.overwrite_config:

    configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/configuration.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/activations.smk"
include: "workflow/rules/sensitivity.smk"
include: "workflow/rules/correlation.smk"
include: "workflow/rules/lda.smk"
include: "workflow/rules/masking.smk"
include: "workflow/rules/single_class.smk"
include: "workflow/rules/segments.smk"
include: "workflow/rules/spatial.smk"
include: "workflow/rules/patterns.smk"
include: "workflow/rules/featvis.smk"
include: "workflow/rules/factors.smk"
include: "workflow/rules/invariance.smk"
include: "workflow/rules/page.smk"
include: "workflow/rules/notebooks.smk"
include: "workflow/rules/plan.smk"


# What is the same for every script, or follows from its rule's name and wildcards. Snakemake has no
# directive that says it once: `conda:` out here would be for the process that reads this alone.
for scripted in workflow.rules:
    if scripted.script:
        scripted.conda_env = f"{CHECKOUT}/envs/actsense.yaml"
        scripted.log_modifier = scripted.benchmark_modifier = workflow.modifier.path_modifier
        scripted.set_log(record(scripted, "logs", ".log"))
        if scripted.output:
            scripted.benchmark = record(scripted, "benchmarks", ".tsv")


rule all:
    """Everything: indices, contrasts, figures, all analyses, the studies beside, the page on them."""
    default_target: True
    input:
        rules.page.input,
    message:
        "Everything is there"


onstart:
    if not workflow.local_exec:
        note_cluster()
    from actsense.study.record import keep_record

    keep_record(study, workflow.overwrite_configfiles, workflow.config_settings.config)
    print(study.kept_note(), end="")


onsuccess:
    from actsense.inspection.guide import guide
    from actsense.store.footprint import remove_orphans

    remove_orphans(Path(RESULTS), expected_shards(), keep=config["keep_activations"])
    print(guide(Path(RESULTS), workflow.overwrite_configfiles), end="")


onerror:
    if interrupt.happened:
        raise KeyboardInterrupt
