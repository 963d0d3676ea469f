"""From the most sensitive classes to what intact and damaged networks predict."""


rule match_classes:
    """Classes that feel an augmentation most, against the predictions of masked networks."""
    input:
        indices=of_designs(INDICES),
        masking=of_designs(MASKING, of="masking"),
    output:
        ranking="results/{study}/{network}/analysis/tables/single_class.csv",
        matches="results/{study}/{network}/analysis/tables/single_class_matches.csv",
        skipped="results/{study}/{network}/analysis/tables/single_class_skipped.csv",
    params:
        **of_config("single_class", "seed"),
        designs=of(study.analysed),
        masked=of(study.compared, "masking"),
    message:
        "Comparing the most sensitive classes of {wildcards.network} with its predictions"
    script:
        "../../scripts/match_classes.py"


rule plot_classes:
    """The most sensitive classes, and how often masked networks predict them."""
    input:
        ranking=rules.match_classes.output.ranking,
        matches=rules.match_classes.output.matches,
        skipped=rules.match_classes.output.skipped,
    output:
        rankings=picture(
            "Single class",
            "single_class_rankings/{design}.png",
            "most sensitive classes under {design}",
        ),
        matches=picture(
            "Single class",
            "single_class_matches/{design}.png",
            "predictions of damaged networks under {design}",
        ),
    params:
        **of_config("figures"),
    message:
        "Drawing the most sensitive classes of {wildcards.network}"
    script:
        "../../scripts/plot_classes.py"


rule single_class:
    """The single classes of all networks, with their figures."""
    input:
        expand(rules.match_classes.output, study=STUDY, network=MAPPED),
        expand(rules.plot_classes.output, study=STUDY, network=MAPPED),
    message:
        "The single classes are there"
