"""From sensitivity maps to the rank correlations between them."""


rule correlate:
    """Rank correlations between maps, within and across values, and with the variation."""
    input:
        indices=of_designs(INDICES),
        contrasts=of_designs(CONTRAST, of="contrast"),
    output:
        within="results/{study}/{network}/analysis/tables/correlation_within.csv",
        across="results/{study}/{network}/analysis/tables/correlation_across.csv",
        variation="results/{study}/{network}/analysis/tables/correlation_variation.csv",
        skipped="results/{study}/{network}/analysis/tables/correlation_skipped.csv",
        positions=directory("results/{study}/{network}/analysis/correlation_variation.zarr"),
    params:
        **of_config("correlation", "seed"),
        designs=of(study.analysed),
        contrasted=of(study.compared, "contrast"),
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
        within=picture("Correlation", "correlation_within.png", "between maps of two variables"),
        across=picture(
            "Correlation", "correlation_across.png", "between S1, ST, Shapley and contrast"
        ),
        variation=picture("Correlation", "correlation_variation.png", "between maps and variation"),
    params:
        **of_config("figures"),
    message:
        "Drawing the correlations of {wildcards.network}"
    script:
        "../../scripts/plot_correlation.py"


rule correlation:
    """The correlations of all networks and their figures."""
    input:
        expand(rules.correlate.output, study=STUDY, network=ANALYSED),
        expand(rules.plot_correlation.output, study=STUDY, network=ANALYSED),
    message:
        "The correlations are there"
