"""From sensitivity maps to networks whose activations they scale, and what these predict."""


rule mask_part:
    """What networks predict under a part of all masks, where these take longer than one job may."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
        indices=INDICES,
    output:
        outcomes=temp(MASKING_PART),
    wildcard_constraints:
        network=SAMPLED,
    resources:
        mem_mb=memory("mask_part"),
        runtime=runtime("mask_part"),
    params:
        **of_config("batch_size", "device"),
        masking=of(study.masks),
        sampling=of(study.masking_settings),
        parts=MASK_PARTS,
    message:
        "Masking {wildcards.network} under {wildcards.design}, part {wildcards.part}"
    script:
        "../../scripts/mask_part.py"


rule evaluate_masks:
    """Accuracy, divergence and collapse under every mask and control, with intervals."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
        indices=INDICES,
        parts=masking_parts,
    output:
        masking=directory(MASKING),
        table="results/{study}/{network}/{design}/tables/masking.csv",
    wildcard_constraints:
        network=SAMPLED,
    resources:
        mem_mb=memory("evaluate_masks"),
        runtime=runtime("evaluate_masks"),
    params:
        **of_config("batch_size", "device"),
        masking=of(study.masks),
        sampling=of(study.masking_settings),
        study=of(study.provenance_settings, "masking"),
    message:
        "Masking {wildcards.network} by its sensitivity under {wildcards.design}"
    script:
        "../../scripts/evaluate_masks.py"


rule profile_masks:
    """What masks do beyond random masks, whether inputs agree, and which masks are alike."""
    input:
        masking=MASKING,
    output:
        effects="results/{study}/{network}/{design}/tables/mask_effects.csv",
        profiles="results/{study}/{network}/{design}/tables/mask_profiles.csv",
        clusters="results/{study}/{network}/{design}/tables/mask_clusters.csv",
        linkage="results/{study}/{network}/{design}/tables/mask_linkage.csv",
        trees="results/{study}/{network}/{design}/tables/mask_trees.csv",
    params:
        **of_config("seed"),
    message:
        "Comparing the masks of {wildcards.network} under {wildcards.design}"
    script:
        "../../scripts/profile_masks.py"


rule plot_masking:
    """Masks beside their controls, their effects, correlations and trees, layers and classes."""
    input:
        masking=MASKING,
        effects=rules.profile_masks.output.effects,
        profiles=rules.profile_masks.output.profiles,
        clusters=rules.profile_masks.output.clusters,
        linkage=rules.profile_masks.output.linkage,
        trees=rules.profile_masks.output.trees,
    output:
        curves=picture(
            "Masking", "masking_curves/{value}.png", "accuracy under masks from {value}"
        ),
        controls=picture("Masking", "masking_controls.png", "masks beside their controls"),
        effects=picture("Masking", "masking_effects.png", "effect by input and factor"),
        layers=picture("Masking", "masking_layers.png", "effect by layer"),
        profiles=picture("Masking", "masking_profiles.png", "agreement of inputs"),
        trees=picture("Masking", "masking_trees.png", "masks that act alike"),
        recall=picture("Masking", "masking_recall.png", "recall of classes"),
    params:
        **of_config("figures"),
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
            of="masking",
        ),
    message:
        "The masks are there"
