"""From the most sensitive classes to what intact and damaged networks predict."""


rule match_classes:
    """Classes that feel an augmentation most, against the predictions of masked networks."""
    input:
        indices=of_designs(rules.estimate_indices.output.indices),
        masking=of_designs(rules.evaluate_masks.output.masking),
    output:
        ranking="results/{study}/{network}/analysis/tables/single_class.csv",
        matches="results/{study}/{network}/analysis/tables/single_class_matches.csv",
        skipped="results/{study}/{network}/analysis/tables/single_class_skipped.csv",
    log:
        "results/{study}/logs/match_classes/{network}.log",
    benchmark:
        "results/{study}/benchmarks/match_classes/{network}.tsv"
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        designs=analysed_designs,
        single_class=lookup("single_class", within=config),
        seed=lookup("seed", within=config),
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
        rankings=report(
            directory(
                "results/{study}/{network}/analysis/figures/single_class_rankings"
            ),
            patterns=["{design}.png"],
            caption="../report/single_class_rankings.rst",
            category="08 Single class",
            subcategory="{network}",
            labels={"figure": "most sensitive classes under {design}"},
        ),
        matches=report(
            directory(
                "results/{study}/{network}/analysis/figures/single_class_matches"
            ),
            patterns=["{design}.png"],
            caption="../report/single_class_matches.rst",
            category="08 Single class",
            subcategory="{network}",
            labels={"figure": "predictions of damaged networks under {design}"},
        ),
    log:
        "results/{study}/logs/plot_classes/{network}.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        figures=lookup("figures", within=config),
    message:
        "Drawing the most sensitive classes of {wildcards.network}"
    script:
        "../../scripts/plot_classes.py"


rule single_class:
    """The single classes of all networks, with their figures."""
    input:
        expand(rules.match_classes.output, study=STUDY, network=MAPPED),
        expand(rules.plot_classes.output, study=STUDY, network=MAPPED),
    localrule: True
    message:
        "The single classes are there"
