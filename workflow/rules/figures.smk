"""From results to pictures."""


rule figures:
    """The figures of all networks and designs."""
    input:
        [],
    localrule: True
