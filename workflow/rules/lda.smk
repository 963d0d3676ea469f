"""From sensitivity maps to whether the factor that made a map can be told from it."""


rule discriminate:
    """Which factor made a map? Discriminant analysis of every index, layer and design."""
    input:
        indices=of_designs(INDICES),
    output:
        accuracy="results/{study}/{network}/analysis/tables/lda.csv",
        confusion="results/{study}/{network}/analysis/tables/lda_confusion.csv",
        projection="results/{study}/{network}/analysis/tables/lda_projection.csv",
        skipped="results/{study}/{network}/analysis/tables/lda_skipped.csv",
    resources:
        runtime=runtime("discriminate"),
    params:
        **of_config("lda", "seed"),
        designs=of(study.analysed),
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
        accuracy=picture("LDA", "lda_accuracy.png", "accuracy over depth", design="all"),
        confusions=picture(
            "LDA",
            "lda_confusions/{design}_{variant}.png",
            "confusions, {variant} maps",
            design="{design}",
        ),
        projections=picture(
            "LDA",
            "lda_projections/{design}_{variant}.png",
            "projections, {variant} maps",
            design="{design}",
        ),
    params:
        **of_config("figures"),
    message:
        "Drawing the discriminant analysis of {wildcards.network}"
    script:
        "../../scripts/plot_discriminant.py"


rule lda:
    """The discriminant analyses of all networks, with their figures."""
    input:
        expand(rules.discriminate.output, study=STUDY, network=MAPPED),
        expand(rules.plot_discriminant.output, study=STUDY, network=MAPPED),
    message:
        "The discriminant analyses are there"
