"""From sensitivity maps to whether the factor that made a map can be told from it."""


rule discriminate:
    """Which factor made a map? Discriminant analysis of every index, layer and design."""
    input:
        indices=of_designs(rules.estimate_indices.output.indices),
    output:
        accuracy="results/{study}/{network}/analysis/tables/lda.csv",
        confusion="results/{study}/{network}/analysis/tables/lda_confusion.csv",
        projection="results/{study}/{network}/analysis/tables/lda_projection.csv",
        skipped="results/{study}/{network}/analysis/tables/lda_skipped.csv",
    log:
        "results/{study}/logs/discriminate/{network}.log",
    benchmark:
        "results/{study}/benchmarks/discriminate/{network}.tsv"
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(180),
    params:
        designs=analysed_designs,
        lda=lookup("lda", within=config),
        seed=lookup("seed", within=config),
    message:
        "Telling the factors of {wildcards.network} apart by their maps"
    script:
        "../../scripts/discriminate.py"


rule plot_discriminant:
    """Accuracy over depth, confusions, and the planes that separate the factors."""
    input:
        accuracy=rules.discriminate.output.accuracy,
        confusion=rules.discriminate.output.confusion,
        projection=rules.discriminate.output.projection,
        skipped=rules.discriminate.output.skipped,
    output:
        accuracy=report(
            "results/{study}/{network}/analysis/figures/lda_accuracy.png",
            caption="../report/lda_accuracy.rst",
            category="06 LDA",
            subcategory="{network}",
            labels={"design": "all", "figure": "accuracy over depth"},
        ),
        confusions=report(
            directory("results/{study}/{network}/analysis/figures/lda_confusions"),
            patterns=["{design}_{variant}.png"],
            caption="../report/lda_confusions.rst",
            category="06 LDA",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "confusions, {variant} maps"},
        ),
        projections=report(
            directory("results/{study}/{network}/analysis/figures/lda_projections"),
            patterns=["{design}_{variant}.png"],
            caption="../report/lda_projections.rst",
            category="06 LDA",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "projections, {variant} maps"},
        ),
    log:
        "results/{study}/logs/plot_discriminant/{network}.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        figures=lookup("figures", within=config),
    message:
        "Drawing the discriminant analysis of {wildcards.network}"
    script:
        "../../scripts/plot_discriminant.py"


rule lda:
    """The discriminant analyses of all networks, with their figures."""
    input:
        expand(rules.discriminate.output, study=STUDY, network=MAPPED),
        expand(rules.plot_discriminant.output, study=STUDY, network=MAPPED),
    localrule: True
    message:
        "The discriminant analyses are there"
