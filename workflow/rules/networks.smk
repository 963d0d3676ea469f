"""From settings to weights on disk: trained here, downloaded, or imported."""


rule train_checkpoint:
    """A network trained here as it is after one of its epochs, with all that the others need."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        teacher=teacher,
        checkpoints=checkpoint_before,
    output:
        checkpoint=CHECKPOINT,
    wildcard_constraints:
        network=study.networks_pattern("trained"),
    resources:
        mem_mb=memory("train_checkpoint"),
        runtime=runtime("train_checkpoint"),
    params:
        **of_config("seed", "device", "precision"),
        settings=of(study.training_settings),
    message:
        "Training {wildcards.network} until epoch {wildcards.epoch}"
    script:
        "../../scripts/train_checkpoint.py"


rule train_network:
    """A small network trained on the study's images, with its model card."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        teacher=teacher,
        checkpoints=checkpoints,
    output:
        weights=WEIGHTS,
        card=CARD,
    wildcard_constraints:
        network=study.networks_pattern("trained"),
    resources:
        mem_mb=memory("train_network"),
        runtime=runtime("train_network"),
    params:
        **of_config("seed", "device", "precision"),
        settings=of(study.training_settings),
    message:
        "Training {wildcards.network}"
    script:
        "../../scripts/train_network.py"


rule download_weights:
    """Weights published with torchvision or timm, checked against their published hash."""
    output:
        weights=WEIGHTS,
        card=CARD,
    wildcard_constraints:
        network=study.networks_pattern("downloaded"),
    retries: 2
    localrule: True
    params:
        image_size=lookup("dataset/image_size", within=config),
        settings=of(study.weights_settings),
    message:
        "Downloading the weights of {wildcards.network}"
    script:
        "../../scripts/download_weights.py"


rule import_weights:
    """Weights from a file or a module of the user's, or seeded random ones."""
    output:
        weights=WEIGHTS,
        card=CARD,
    wildcard_constraints:
        network=study.networks_pattern("imported"),
    priority: 30  # before the images: a file that does not fit shows within seconds
    params:
        **of_config("seed"),
        settings=of(study.import_settings),
        classes=study.survey["classes"],
        image_size=lookup("dataset/image_size", within=config),
    message:
        "Importing the weights of {wildcards.network}"
    script:
        "../../scripts/import_weights.py"


rule plot_networks:
    """Model cards of all networks, and the layers that are recorded."""
    input:
        cards=of_networks(CARD),
    output:
        png=picture("Networks", "networks.png", "networks and recorded layers"),
    params:
        **of_config("figures"),
        networks=NETWORKS,
        layers=study.survey["layers"],
    message:
        "Drawing the networks of study {wildcards.study}"
    script:
        "../../scripts/plot_networks.py"


rule networks:
    """Weights and model cards of all networks."""
    input:
        expand(rules.train_network.output, study=STUDY, network=NETWORKS),
    message:
        "The weights are there"
