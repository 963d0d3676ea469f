"""From networks to how visual patterns emerge in them, over depth, training, and under attack."""

# What decides the embeddings, of the settings of patterns.
EMBEDDING = ("temperature", "seeds", "others", "controls", "baselines")


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
        patterns=study.patterns_settings("images", "classes", "attack"),
        study=of(study.patterns_provenance, "images", "classes", "attack"),
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
        places=of(study.patterns_places),
        random="random" in study.settings.patterns.controls,
        study=of(study.patterns_provenance, "images", "classes", "layers", "grid", "attack"),
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
        patterns=study.patterns_settings(*EMBEDDING),
        study=of(study.patterns_provenance, *EMBEDDING),
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
        embeddings="results/{study}/patterns/tables/embeddings.csv",
        knowledge_points="results/{study}/patterns/tables/knowledge_points.csv",
        knowledge_classes="results/{study}/patterns/tables/knowledge_classes.csv",
        knowledge_images="results/{study}/patterns/tables/knowledge_images.csv",
        knowledge_differences="results/{study}/patterns/tables/knowledge_differences.csv",
        attacks="results/{study}/patterns/tables/attacks.csv",
        attack_changes="results/{study}/patterns/tables/attack_changes.csv",
        attack_types="results/{study}/patterns/tables/attack_types.csv",
        attack_origins="results/{study}/patterns/tables/attack_origins.csv",
        attack_points="results/{study}/patterns/tables/attack_points.csv",
    params:
        **of_config("seed", "figures"),
        networks=PATTERNED,
        patterns=study.patterns_settings("threshold", "controls", "bootstrap"),
    message:
        "Comparing the patterns of all networks"
    script:
        "../../scripts/compare_patterns.py"


rule patterns:
    """How visual patterns emerge in all networks, with figures."""
    input:
        expand(rules.compare_patterns.output if PATTERNED else [], study=STUDY),
    message:
        "Visual patterns are there"
