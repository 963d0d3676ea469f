"""From results to pictures."""


rule plot_indices:
    """Depth profile, pairs, channels, and the maps of every layer."""
    input:
        indices=rules.estimate_indices.output.indices,
    output:
        profile=report(
            "results/{study}/{network}/{design}/figures/depth_profile.png",
            caption="../report/depth_profile.rst",
            category="03 Indices",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "depth profile"},
        ),
        pairs=report(
            "results/{study}/{network}/{design}/figures/pairs.png",
            caption="../report/pairs.rst",
            category="03 Indices",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "pairs of factors"},
        ),
        channels=report(
            "results/{study}/{network}/{design}/figures/channels.png",
            caption="../report/channels.rst",
            category="03 Indices",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "channels that feel most"},
        ),
        maps=report(
            directory("results/{study}/{network}/{design}/figures/maps"),
            patterns=["{layer}.png"],
            caption="../report/maps.rst",
            category="03 Indices",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "maps of {layer}"},
        ),
    log:
        "results/{study}/logs/plot_indices/{network}/{design}.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=sized(megabytes, "plot_indices"),
        runtime=growing(30),
    params:
        figures=lookup("figures", within=config),
    message:
        "Drawing the indices of {wildcards.network} under {wildcards.design}"
    script:
        "../../scripts/plot_indices.py"


rule plot_contrast:
    """What every augmentation alone does, layer by layer."""
    input:
        table=rules.estimate_contrast.output.table,
    output:
        png=report(
            "results/{study}/{network}/{design}/figures/contrast.png",
            caption="../report/contrast.rst",
            category="04 Contrast",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "each augmentation alone"},
        ),
    log:
        "results/{study}/logs/plot_contrast/{network}/{design}.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        figures=lookup("figures", within=config),
    message:
        "Drawing the contrasts of {wildcards.network} under {wildcards.design}"
    script:
        "../../scripts/plot_contrast.py"


rule plot_images:
    """Some images of every class, the augmentations, and the shuffles of the spatial study."""
    input:
        images=rules.cache_images.output.images,
        manifest=rules.cache_images.output.manifest,
    output:
        classes=report(
            "results/{study}/figures/images.png",
            caption="../report/images.rst",
            category="01 Data",
            labels={"figure": "images of every class"},
        ),
        augmentations=report(
            "results/{study}/figures/augmentations.png",
            caption="../report/augmentations.rst",
            category="01 Data",
            labels={"figure": "augmentations"},
        ),
        shuffled=report(
            "results/{study}/spatial/figures/shuffled_images.png",
            caption="../report/spatial_images.rst",
            category="10 Spatial",
            labels={"figure": "shuffled and saturated images"},
        ),
    log:
        "results/{study}/logs/plot_images.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        transforms=lookup("spatial/transforms", within=config),
        seed=lookup("seed", within=config),
        figures=lookup("figures", within=config),
    message:
        "Drawing images of study {wildcards.study}"
    script:
        "../../scripts/plot_images.py"


rule plot_networks:
    """Model cards of all networks, and the layers that are recorded."""
    input:
        cards=expand(
            rules.train_network.output.card, network=NETWORKS, allow_missing=True
        ),
    output:
        png=report(
            "results/{study}/figures/networks.png",
            caption="../report/networks.rst",
            category="02 Networks",
            labels={"figure": "networks and recorded layers"},
        ),
    log:
        "results/{study}/logs/plot_networks.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        networks=NETWORKS,
        layers=study.survey["layers"],
        figures=lookup("figures", within=config),
    message:
        "Drawing the networks of study {wildcards.study}"
    script:
        "../../scripts/plot_networks.py"


rule figures:
    """The figures of all networks and designs."""
    input:
        of_runs(rules.plot_indices.output),
        of_runs(rules.plot_contrast.output),
        expand(
            [
                rules.plot_images.output.classes,
                rules.plot_images.output.augmentations,
                *rules.plot_networks.output,
            ],
            study=STUDY,
        ),
    localrule: True
    message:
        "The figures are there"
