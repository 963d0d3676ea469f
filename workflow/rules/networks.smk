"""From settings to weights on disk: trained here, downloaded, or imported."""


rule train_network:
    """A small network trained on the study's images, with its model card."""
    input:
        images=rules.cache_images.output.images,
        manifest=rules.cache_images.output.manifest,
    output:
        weights="results/{study}/{network}/weights.pt",
        card="results/{study}/{network}/card.json",
    log:
        "results/{study}/logs/train_network/{network}.log",
    benchmark:
        "results/{study}/benchmarks/train_network/{network}.tsv"
    wildcard_constraints:
        network=study.networks_pattern("trained"),
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=weights_settings,
        seed=lookup("seed", within=config),
        device=lookup("device", within=config),
        precision=lookup("precision", within=config),
    message:
        "Training {wildcards.network}"
    script:
        "../../scripts/train_network.py"


rule download_weights:
    """Weights published with torchvision, checked against the hash in their name."""
    output:
        weights="results/{study}/{network}/weights.pt",
        card="results/{study}/{network}/card.json",
    log:
        "results/{study}/logs/download_weights/{network}.log",
    wildcard_constraints:
        network=study.networks_pattern("downloaded"),
    retries: 2
    localrule: True
    conda:
        "../../envs/actsense.yaml"
    params:
        settings=weights_settings,
    message:
        "Downloading the weights of {wildcards.network}"
    script:
        "../../scripts/download_weights.py"


rule import_weights:
    """Weights from a file or a module of the user's, or seeded random ones."""
    output:
        weights="results/{study}/{network}/weights.pt",
        card="results/{study}/{network}/card.json",
    log:
        "results/{study}/logs/import_weights/{network}.log",
    wildcard_constraints:
        network=study.networks_pattern("imported"),
    # Before the images: a file that is missing or does not fit shows within seconds.
    priority: 30
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        settings=weights_settings,
        classes=study.survey["classes"],
        seed=lookup("seed", within=config),
    message:
        "Importing the weights of {wildcards.network}"
    script:
        "../../scripts/import_weights.py"


rule networks:
    """Weights and model cards of all networks."""
    input:
        expand(rules.train_network.output, study=STUDY, network=NETWORKS),
    localrule: True
    message:
        "The weights are there"
