"""From networks to how visual patterns emerge in them, over depth, training, and under attack."""


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


rule patterns:
    """How visual patterns emerge in all networks."""
    input:
        expand(rules.record_features.output, study=STUDY, network=PATTERNED),
    message:
        "Visual patterns are there"
