"""From networks to how much they depend on where things are in the image."""


rule evaluate_transforms:
    """What a network says of every shuffled and saturated image."""
    input:
        images=rules.cache_images.output.images,
        manifest=rules.cache_images.output.manifest,
        weights=rules.train_network.output.weights,
    output:
        transforms=directory("results/{study}/{network}/spatial/transforms.zarr"),
    log:
        "results/{study}/logs/evaluate_transforms/{network}.log",
    benchmark:
        "results/{study}/benchmarks/evaluate_transforms/{network}.tsv"
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=sized_by_network(spatial_megabytes, "evaluate_transforms"),
        runtime=sized_by_network(spatial_minutes, "evaluate_transforms"),
    params:
        classifier=classifier_settings,
        transforms=study.spatial_settings("transforms"),
        batch_size=lookup("batch_size", within=config),
        device=lookup("device", within=config),
        study=spatial_provenance("transforms"),
    message:
        "Shuffling patches in front of {wildcards.network}"
    script:
        "../../scripts/evaluate_transforms.py"


rule evaluate_cells:
    """What a network says of images whose cells are masked in the order of a map."""
    input:
        images=rules.cache_images.output.images,
        manifest=rules.cache_images.output.manifest,
        weights=expand(
            rules.train_network.output.weights, network=NETWORKS, allow_missing=True
        ),
    output:
        cells=directory("results/{study}/{network}/spatial/cells.zarr"),
    log:
        "results/{study}/logs/evaluate_cells/{network}.log",
    benchmark:
        "results/{study}/benchmarks/evaluate_cells/{network}.tsv"
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=sized_by_network(spatial_megabytes, "evaluate_cells"),
        runtime=sized_by_network(spatial_minutes, "evaluate_cells"),
    params:
        classifiers=all_classifier_settings,
        cells=study.spatial_settings("cells"),
        batch_size=lookup("batch_size", within=config),
        device=lookup("device", within=config),
        study=spatial_provenance("cells"),
    message:
        "Masking cells in front of {wildcards.network}"
    script:
        "../../scripts/evaluate_cells.py"


rule evaluate_interaction:
    """What distant patches do to a network together, and each alone."""
    input:
        images=rules.cache_images.output.images,
        manifest=rules.cache_images.output.manifest,
        weights=rules.train_network.output.weights,
    output:
        interaction=directory("results/{study}/{network}/spatial/interaction.zarr"),
    log:
        "results/{study}/logs/evaluate_interaction/{network}.log",
    benchmark:
        "results/{study}/benchmarks/evaluate_interaction/{network}.tsv"
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=sized_by_network(spatial_megabytes, "evaluate_interaction"),
        runtime=sized_by_network(spatial_minutes, "evaluate_interaction"),
    params:
        classifier=classifier_settings,
        interaction=study.spatial_settings("interaction"),
        batch_size=lookup("batch_size", within=config),
        device=lookup("device", within=config),
        study=spatial_provenance("interaction"),
    message:
        "Editing distant patches in front of {wildcards.network}"
    script:
        "../../scripts/evaluate_interaction.py"


rule map_saliency:
    """Gradient and SmoothGrad maps of a few images."""
    input:
        images=rules.cache_images.output.images,
        manifest=rules.cache_images.output.manifest,
        weights=rules.train_network.output.weights,
    output:
        saliency=directory("results/{study}/{network}/spatial/saliency.zarr"),
    log:
        "results/{study}/logs/map_saliency/{network}.log",
    benchmark:
        "results/{study}/benchmarks/map_saliency/{network}.tsv"
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=sized_by_network(spatial_megabytes, "map_saliency"),
        runtime=sized_by_network(spatial_minutes, "map_saliency"),
    params:
        classifier=classifier_settings,
        saliency=study.spatial_settings("saliency"),
        batch_size=lookup("batch_size", within=config),
        device=lookup("device", within=config),
        study=spatial_provenance("saliency"),
    message:
        "Mapping the saliency of {wildcards.network}"
    script:
        "../../scripts/map_saliency.py"


rule compare_transforms:
    """Accuracy of all networks on the same shuffles, and their differences, with figures."""
    input:
        transforms=expand(
            rules.evaluate_transforms.output.transforms,
            network=NETWORKS,
            allow_missing=True,
        ),
    output:
        shuffle="results/{study}/spatial/tables/shuffle.csv",
        shuffle_curves="results/{study}/spatial/tables/shuffle_curves.csv",
        shuffle_differences="results/{study}/spatial/tables/shuffle_differences.csv",
        shuffle_scores="results/{study}/spatial/tables/shuffle_scores.csv",
        saturation_curves="results/{study}/spatial/tables/saturation_curves.csv",
        curves=report(
            "results/{study}/spatial/figures/shuffle.png",
            caption="../report/spatial_shuffle.rst",
            category="10 Spatial",
            labels={"figure": "accuracy on shuffled patches"},
        ),
        scores=report(
            "results/{study}/spatial/figures/shuffle_scores.png",
            caption="../report/spatial_scores.rst",
            category="10 Spatial",
            labels={"figure": "shuffled patches in numbers"},
        ),
        saturation=report(
            "results/{study}/spatial/figures/saturation.png",
            caption="../report/spatial_saturation.rst",
            category="10 Spatial",
            labels={"figure": "accuracy on saturated images"},
        ),
    log:
        "results/{study}/logs/compare_transforms.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        networks=NETWORKS,
        bootstrap=lookup("spatial/transforms/bootstrap", within=config),
        seed=lookup("seed", within=config),
        figures=lookup("figures", within=config),
    message:
        "Comparing accuracies on shuffled and saturated images"
    script:
        "../../scripts/compare_transforms.py"


rule compare_cells:
    """Curves and areas of all networks, orders and fills, with figures."""
    input:
        cells=expand(
            rules.evaluate_cells.output.cells, network=NETWORKS, allow_missing=True
        ),
    output:
        cell_curves="results/{study}/spatial/tables/cell_curves.csv",
        cell_scores="results/{study}/spatial/tables/cell_scores.csv",
        curves=report(
            directory("results/{study}/spatial/figures/cell_curves"),
            patterns=["{network}.png"],
            caption="../report/spatial_cell_curves.rst",
            category="10 Spatial",
            labels={"figure": "masked cells, {network}"},
        ),
        scores=report(
            "results/{study}/spatial/figures/cell_scores.png",
            caption="../report/spatial_cell_scores.rst",
            category="10 Spatial",
            labels={"figure": "masked cells in numbers"},
        ),
    log:
        "results/{study}/logs/compare_cells.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        networks=NETWORKS,
        bootstrap=lookup("spatial/cells/bootstrap", within=config),
        seed=lookup("seed", within=config),
        figures=lookup("figures", within=config),
    message:
        "Comparing what masked cells do to the networks"
    script:
        "../../scripts/compare_cells.py"


rule compare_interactions:
    """How far distant patches add up, for all networks and sizes, with figures."""
    input:
        interaction=expand(
            rules.evaluate_interaction.output.interaction,
            network=NETWORKS,
            allow_missing=True,
        ),
    output:
        interaction="results/{study}/spatial/tables/interaction.csv",
        curves=report(
            "results/{study}/spatial/figures/interaction.png",
            caption="../report/spatial_interaction.rst",
            category="10 Spatial",
            labels={"figure": "interaction of distant patches"},
        ),
        patches=report(
            "results/{study}/spatial/figures/interaction_patches.png",
            caption="../report/spatial_patches.rst",
            category="10 Spatial",
            labels={"figure": "interaction, image by image"},
        ),
    log:
        "results/{study}/logs/compare_interactions.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        networks=NETWORKS,
        bootstrap=lookup("spatial/interaction/bootstrap", within=config),
        seed=lookup("seed", within=config),
        figures=lookup("figures", within=config),
    message:
        "Comparing the interactions of distant patches"
    script:
        "../../scripts/compare_interactions.py"


rule plot_saliency:
    """Gradient and SmoothGrad maps of all networks beside the images."""
    input:
        saliency=expand(
            rules.map_saliency.output.saliency, network=NETWORKS, allow_missing=True
        ),
    output:
        png=report(
            "results/{study}/spatial/figures/saliency.png",
            caption="../report/spatial_saliency.rst",
            category="10 Spatial",
            labels={"figure": "saliency maps"},
        ),
    log:
        "results/{study}/logs/plot_saliency.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        networks=NETWORKS,
        figures=lookup("figures", within=config),
    message:
        "Drawing saliency maps"
    script:
        "../../scripts/plot_saliency.py"


rule spatial:
    """How much all networks depend on where things are, with figures."""
    input:
        expand(
            [
                *rules.compare_transforms.output,
                rules.plot_images.output.shuffled,
                *rules.compare_cells.output,
                *rules.compare_interactions.output,
                *rules.plot_saliency.output,
            ],
            study=STUDY,
        ),
    localrule: True
    message:
        "The spatial study is there"
