"""From pairs of images that share a concept to what layers keep of each."""

FACTOR_TABLES = {
    "factor_sizes": "results/{study}/invariance/tables/factor_sizes.csv",
    "factors_explained": "results/{study}/invariance/tables/factors_explained.csv",
    "factor_responses": "results/{study}/invariance/tables/factor_responses.csv",
}
ALL_FACTORS = {
    **({"training": "concepts over training"} if beside.concepts_over_training else {}),
    "layers": "concepts in layers",
    "swaps": "images with other concepts",
    "responses": "concepts that decide the class",
}
FACTOR_FIGURES = {
    f"factors_{name}": of_factors(f"factors_{name}.png", figure)
    for name, figure in ALL_FACTORS.items()
}


rule train_factors:
    """Latents split into concepts, learned from pairs of images that share one."""
    input:
        **({"concepts": beside.concepts_file} if beside.concepts_file else {}),
        manifest=MANIFEST,
        autoencoder=AUTOENCODER,
        latents=LATENTS,
    output:
        factors=FACTORS,
        card=FACTORS_CARD,
    resources:
        mem_mb=memory("train_factors"),
        runtime=runtime("train_factors"),
    params:
        **of_config("batch_size", "device", "seed", "precision"),
        factors=beside.factor_settings,
        dataset=study.dataset,
        study=beside.factor_provenance,
    message:
        "Splitting latents into concepts"
    script:
        "../../scripts/train_factors.py"


rule explain_factors:
    """What layers of a network keep of every concept, and what it says of images that differ in one."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
        checkpoints=concept_checkpoints,
        autoencoder=AUTOENCODER,
        latents=LATENTS,
        factors=FACTORS,
        flows=of_concepts(FLOW),
        faithful=of_concepts(FAITHFULNESS),
    output:
        explained=directory(EXPLAINED),
    resources:
        mem_mb=memory("explain_factors"),
        runtime=runtime("explain_factors"),
    params:
        **OPENED,
        **of_config("seed"),
        places=of(beside.factor_places),
        sampled=beside.invariance_settings("anchors", "samples"),
        study=of(beside.explained_provenance),
    message:
        "Looking for concepts in {wildcards.network}"
    script:
        "../../scripts/explain_factors.py"


rule compare_factors:
    """What layers of all networks keep of every concept as tables, with figures."""
    input:
        card=FACTORS_CARD,
        explained=expand(EXPLAINED, network=CONCEPTUAL, allow_missing=True),
    output:
        **FACTOR_TABLES,
        **FACTOR_FIGURES,
    params:
        **of_config("seed", "figures"),
        networks=CONCEPTUAL,
        bootstrap=config["invariance"]["bootstrap"],
    message:
        "Comparing what networks keep of concepts"
    script:
        "../../scripts/compare_factors.py"
