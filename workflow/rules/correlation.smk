"""From sensitivity maps to the rank correlations between them."""


rule correlate:
    """Rank correlations between maps, within and across values, and with the variation."""
    input:
        indices=of_designs(rules.estimate_indices.output.indices),
        contrasts=of_designs(rules.estimate_contrast.output.contrast),
    output:
        within="results/{study}/{network}/analysis/tables/correlation_within.csv",
        across="results/{study}/{network}/analysis/tables/correlation_across.csv",
        variation="results/{study}/{network}/analysis/tables/correlation_variation.csv",
        skipped="results/{study}/{network}/analysis/tables/correlation_skipped.csv",
        positions=directory(
            "results/{study}/{network}/analysis/correlation_variation.zarr"
        ),
    log:
        "results/{study}/logs/correlate/{network}.log",
    benchmark:
        "results/{study}/benchmarks/correlate/{network}.tsv"
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        designs=analysed_designs,
        correlation=lookup("correlation", within=config),
        seed=lookup("seed", within=config),
    message:
        "Correlating the sensitivity maps of {wildcards.network}"
    script:
        "../../scripts/correlate.py"


rule plot_correlation:
    """Which variables move the same units, and how far the values agree, over depth."""
    input:
        within=rules.correlate.output.within,
        across=rules.correlate.output.across,
        variation=rules.correlate.output.variation,
    output:
        within=report(
            "results/{study}/{network}/analysis/figures/correlation_within.png",
            caption="../report/correlation_within.rst",
            category="05 Correlation",
            subcategory="{network}",
            labels={"figure": "between maps of two variables"},
        ),
        across=report(
            "results/{study}/{network}/analysis/figures/correlation_across.png",
            caption="../report/correlation_across.rst",
            category="05 Correlation",
            subcategory="{network}",
            labels={"figure": "between S1, ST, Shapley and contrast"},
        ),
        variation=report(
            "results/{study}/{network}/analysis/figures/correlation_variation.png",
            caption="../report/correlation_variation.rst",
            category="05 Correlation",
            subcategory="{network}",
            labels={"figure": "between maps and variation"},
        ),
    log:
        "results/{study}/logs/plot_correlation/{network}.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        figures=lookup("figures", within=config),
    message:
        "Drawing the correlations of {wildcards.network}"
    script:
        "../../scripts/plot_correlation.py"


rule correlation:
    """The correlations of all networks and their figures."""
    input:
        expand(rules.correlate.output, study=STUDY, network=ANALYSED),
        expand(rules.plot_correlation.output, study=STUDY, network=ANALYSED),
    localrule: True
    message:
        "The correlations are there"
