"""From predictions under masks to what the masks have in common, and their figures."""


rule profile_masks:
    """What masks do beyond random masks, whether inputs agree, and which masks are alike."""
    input:
        masking=rules.evaluate_masks.output.masking,
    output:
        effects="results/{study}/{network}/{design}/tables/mask_effects.csv",
        profiles="results/{study}/{network}/{design}/tables/mask_profiles.csv",
        clusters="results/{study}/{network}/{design}/tables/mask_clusters.csv",
        linkage="results/{study}/{network}/{design}/tables/mask_linkage.csv",
        trees="results/{study}/{network}/{design}/tables/mask_trees.csv",
    log:
        "results/{study}/logs/profile_masks/{network}/{design}.log",
    benchmark:
        "results/{study}/benchmarks/profile_masks/{network}/{design}.tsv"
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        seed=lookup("seed", within=config),
    message:
        "Comparing the masks of {wildcards.network} under {wildcards.design}"
    script:
        "../../scripts/profile_masks.py"


rule plot_masking:
    """Masks beside their controls, their effects, correlations and trees, layers and classes."""
    input:
        masking=rules.evaluate_masks.output.masking,
        effects=rules.profile_masks.output.effects,
        profiles=rules.profile_masks.output.profiles,
        clusters=rules.profile_masks.output.clusters,
        linkage=rules.profile_masks.output.linkage,
        trees=rules.profile_masks.output.trees,
    output:
        curves=report(
            directory("results/{study}/{network}/{design}/figures/masking_curves"),
            patterns=["{value}.png"],
            caption="../report/masking_curves.rst",
            category="07 Masking",
            subcategory="{network}",
            labels={
                "design": "{design}",
                "figure": "accuracy under masks from {value}",
            },
        ),
        controls=report(
            "results/{study}/{network}/{design}/figures/masking_controls.png",
            caption="../report/masking_controls.rst",
            category="07 Masking",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "masks beside their controls"},
        ),
        effects=report(
            "results/{study}/{network}/{design}/figures/masking_effects.png",
            caption="../report/masking_effects.rst",
            category="07 Masking",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "effect by input and factor"},
        ),
        layers=report(
            "results/{study}/{network}/{design}/figures/masking_layers.png",
            caption="../report/masking_layers.rst",
            category="07 Masking",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "effect by layer"},
        ),
        profiles=report(
            "results/{study}/{network}/{design}/figures/masking_profiles.png",
            caption="../report/masking_profiles.rst",
            category="07 Masking",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "agreement of inputs"},
        ),
        trees=report(
            "results/{study}/{network}/{design}/figures/masking_trees.png",
            caption="../report/masking_trees.rst",
            category="07 Masking",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "masks that act alike"},
        ),
        recall=report(
            "results/{study}/{network}/{design}/figures/masking_recall.png",
            caption="../report/masking_recall.rst",
            category="07 Masking",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "recall of classes"},
        ),
    log:
        "results/{study}/logs/plot_masking/{network}/{design}.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        figures=lookup("figures", within=config),
    message:
        "Drawing the masks of {wildcards.network} under {wildcards.design}"
    script:
        "../../scripts/plot_masking.py"


rule masking:
    """Predictions under masks, their comparison and figures, of all networks and designs."""
    input:
        of_runs(
            [
                *rules.evaluate_masks.output,
                *rules.profile_masks.output,
                *rules.plot_masking.output,
            ],
            networks=MAPPED,
            designs=study.analysed,
        ),
    localrule: True
    message:
        "The masks are there"
