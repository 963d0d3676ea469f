"""From results to pictures."""


rule plot_indices:
    """Depth profile, pairs, channels, and the maps of every layer."""
    input:
        indices=rules.estimate_indices.output.indices,
    output:
        profile=report(
            "results/{study}/{network}/{design}/figures/depth_profile.png",
            caption="../report/depth_profile.rst",
            category="Indices",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "depth profile"},
        ),
        pairs=report(
            "results/{study}/{network}/{design}/figures/pairs.png",
            caption="../report/pairs.rst",
            category="Indices",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "pairs of factors"},
        ),
        channels=report(
            "results/{study}/{network}/{design}/figures/channels.png",
            caption="../report/channels.rst",
            category="Indices",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "channels"},
        ),
        maps=report(
            directory("results/{study}/{network}/{design}/figures/maps"),
            patterns=["{layer}.png"],
            caption="../report/maps.rst",
            category="Maps",
            subcategory="{network}",
            labels={"design": "{design}", "layer": "{layer}"},
        ),
    log:
        "results/{study}/logs/plot_indices/{network}_{design}.log",
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
            category="Contrast",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "contrast"},
        ),
    log:
        "results/{study}/logs/plot_contrast/{network}_{design}.log",
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


rule plot_augmentations:
    """Every augmentation at five settings on an image of the study."""
    input:
        images=rules.cache_images.output.images,
        manifest=rules.cache_images.output.manifest,
    output:
        png=report(
            "results/{study}/figures/augmentations.png",
            caption="../report/augmentations.rst",
            category="Input",
            labels={"figure": "augmentations"},
        ),
    log:
        "results/{study}/logs/plot_augmentations.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        figures=lookup("figures", within=config),
    message:
        "Drawing the augmentations of study {wildcards.study}"
    script:
        "../../scripts/plot_augmentations.py"


rule figures:
    """The figures of all networks and designs."""
    input:
        of_runs(rules.plot_indices.output),
        of_runs(rules.plot_contrast.output),
        expand(rules.plot_augmentations.output, study=STUDY),
    localrule: True
