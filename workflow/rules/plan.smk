"""What a run would cost, before it is started, and how fast its networks are."""


rule measure_speed:
    """How fast networks are that are not sampled yet, kept beside their results."""
    output:
        speeds=[str(speed_file(study.results, name)) for name in UNMEASURED],
    params:
        networks=UNMEASURED,
    message:
        "Measuring the speed of {params.networks}"
    script:
        "../../scripts/measure_speed.py"


rule plan:
    """Evaluations, device time, disk, files and jobs of the study, printed."""
    input:
        speeds=rules.measure_speed.output,
    localrule: True
    message:
        "Planning the study"
    script:
        "../../scripts/plan.py"
