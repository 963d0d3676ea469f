"""From networks to how visual patterns emerge in them, over depth, training, and under attack."""

# What decides the embeddings, of the settings of patterns.
EMBEDDING = ("temperature", "seeds", "others", "controls", "baselines")
PATTERN_TABLES = {
    "embeddings": "results/{study}/patterns/tables/embeddings.csv",
    "knowledge_points": "results/{study}/patterns/tables/knowledge_points.csv",
    "knowledge_classes": "results/{study}/patterns/tables/knowledge_classes.csv",
    "knowledge_images": "results/{study}/patterns/tables/knowledge_images.csv",
    "knowledge_differences": "results/{study}/patterns/tables/knowledge_differences.csv",
    "attacks": "results/{study}/patterns/tables/attacks.csv",
    "attack_changes": "results/{study}/patterns/tables/attack_changes.csv",
    "attack_types": "results/{study}/patterns/tables/attack_types.csv",
    "attack_origins": "results/{study}/patterns/tables/attack_origins.csv",
    "attack_points": "results/{study}/patterns/tables/attack_points.csv",
}
# Networks with checkpoints.
GROWN = [name for name in PATTERNED if checkpoint_epochs(study.settings.networks[name])]


ALL_PATTERNS = {
    "knowledge": "knowledge points over depth",
    "curves": "knowledge points over the threshold",
    "strength": "strength and uncertainty",
    **({"training_counts": "knowledge points over training"} if GROWN else {}),
    **({"networks": "differences of networks"} if len(PATTERNED) > 1 else {}),
}
PATTERN_FIGURES = {
    name: of_patterns(f"{name}.png", figure, "results/{study}/patterns/figures")
    for name, figure in ALL_PATTERNS.items()
}


rule attack_images:
    """Images of a few classes, changed a little until a network says something else of them."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
    output:
        attack=directory(ATTACK),
    resources:
        mem_mb=memory("attack_images"),
        runtime=runtime("attack_images"),
    params:
        **OPENED,
        patterns=beside.patterns_settings("images", "classes", "attack"),
        study=of(beside.patterns_provenance, "images", "classes", "attack"),
    message:
        "Attacking images in front of {wildcards.network}"
    script:
        "../../scripts/attack_images.py"


rule record_features:
    """Maps, hidden vectors and logits of these images in every state of a network."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
        checkpoints=checkpoints,
        attack=ATTACK,
    output:
        features=directory(FEATURES),
    resources:
        mem_mb=memory("record_features"),
        runtime=runtime("record_features"),
    params:
        **OPENED,
        epochs=epochs,
        places=of(beside.patterns_places),
        random="random" in study.settings.patterns.controls,
        study=of(beside.patterns_provenance, "images", "classes", "layers", "grid", "attack"),
    message:
        "Recording features of {wildcards.network}"
    script:
        "../../scripts/record_features.py"


rule embed_patterns:
    """Images and regions of a network as points in three dimensions, in every state."""
    input:
        manifest=MANIFEST,
        weights=WEIGHTS,
        features=FEATURES,
    output:
        patterns=directory(PATTERNS),
    resources:
        mem_mb=memory("embed_patterns"),
        runtime=runtime("embed_patterns"),
    params:
        **of_config("seed", "device"),
        patterns=beside.patterns_settings(*EMBEDDING),
        study=of(beside.patterns_provenance, *EMBEDDING),
    message:
        "Embedding the patterns of {wildcards.network}"
    script:
        "../../scripts/embed_patterns.py"


rule compare_patterns:
    """Embeddings, knowledge points and attacks of all networks as tables, with figures."""
    input:
        patterns=expand(PATTERNS, network=PATTERNED, allow_missing=True),
        attacks=expand(ATTACK, network=PATTERNED, allow_missing=True),
    output:
        **PATTERN_TABLES,
        **PATTERN_FIGURES,
    params:
        **of_config("seed", "figures"),
        networks=PATTERNED,
        patterns=beside.patterns_settings("threshold", "controls", "bootstrap"),
    message:
        "Comparing the patterns of all networks"
    script:
        "../../scripts/compare_patterns.py"


rule plot_patterns:
    """What the patterns of a network look like, in images and in space."""
    input:
        **PATTERN_TABLES,
        images=IMAGES,
        manifest=MANIFEST,
        patterns=PATTERNS,
        attack=ATTACK,
    output:
        embedding=of_patterns("embedding.png", "images in space"),
        weights=of_patterns("weights.png", "weights of regions"),
        knowledge_points=of_patterns("knowledge_points.png", "knowledge points on images"),
        depth=of_patterns("depth.png", "regions of an image over depth"),
        attack=of_patterns("attack.png", "knowledge points under attack"),
        trajectories=of_patterns("trajectories.png", "ways of regions under attack"),
        attack_changes=of_patterns("attack_changes.png", "what an attack changes"),
    params:
        **of_config("figures"),
    message:
        "Drawing the patterns of {wildcards.network}"
    script:
        "../../scripts/plot_patterns.py"


rule plot_training:
    """How the images of a network find their places while it is trained."""
    input:
        patterns=PATTERNS,
        knowledge_points=PATTERN_TABLES["knowledge_points"],
    output:
        training=of_patterns("training.png", "images in space over training"),
        animation="results/{study}/{network}/patterns/figures/training.gif",  # no report shows it
    params:
        **of_config("figures"),
    message:
        "Drawing the training of {wildcards.network}"
    script:
        "../../scripts/plot_training.py"


rule patterns:
    """How visual patterns emerge in all networks, with figures."""
    input:
        expand(rules.compare_patterns.output if PATTERNED else [], study=STUDY),
        expand(rules.plot_patterns.output, study=STUDY, network=PATTERNED),
        expand(rules.plot_training.output, study=STUDY, network=GROWN),
    message:
        "Visual patterns are there" if PATTERNED else NOTHING.format("patterns")
