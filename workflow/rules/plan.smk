"""What a run would cost, before it is started."""


rule plan:
    """Evaluations, device time, disk, files and jobs of the study, printed."""
    localrule: True
    threads: 2
    message:
        "Planning the study"
    script:
        "../../scripts/plan.py"
