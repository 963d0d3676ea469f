"""From networks to how much they depend on where things are in the image."""


rule evaluate_transforms:
    """What a network says of every shuffled and saturated image."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
    output:
        transforms=directory("results/{study}/{network}/spatial/transforms.zarr"),
    resources:
        mem_mb=memory("evaluate_transforms"),
        runtime=runtime("evaluate_transforms"),
    params:
        **OPENED,
        transforms=beside.spatial_settings("transforms"),
        study=of(beside.spatial_provenance, "transforms"),
    message:
        "Shuffling patches in front of {wildcards.network}"
    script:
        "../../scripts/evaluate_transforms.py"


rule evaluate_cells:
    """What a network says of images whose cells are masked in the order of a map."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=of_networks(WEIGHTS),
    output:
        cells=directory("results/{study}/{network}/spatial/cells.zarr"),
    resources:
        mem_mb=memory("evaluate_cells"),
        runtime=runtime("evaluate_cells"),
    params:
        **of_config("batch_size", "device"),
        subjects={name: study.subject_settings(name) for name in NETWORKS},
        cells=beside.spatial_settings("cells"),
        study=of(beside.spatial_provenance, "cells"),
    message:
        "Masking cells in front of {wildcards.network}"
    script:
        "../../scripts/evaluate_cells.py"


rule evaluate_interaction:
    """What distant patches do to a network together, and each alone."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
    output:
        interaction=directory("results/{study}/{network}/spatial/interaction.zarr"),
    resources:
        mem_mb=memory("evaluate_interaction"),
        runtime=runtime("evaluate_interaction"),
    params:
        **OPENED,
        interaction=beside.spatial_settings("interaction"),
        study=of(beside.spatial_provenance, "interaction"),
    message:
        "Editing distant patches in front of {wildcards.network}"
    script:
        "../../scripts/evaluate_interaction.py"


rule map_saliency:
    """Gradient and SmoothGrad maps of a few images."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
    output:
        saliency=directory("results/{study}/{network}/spatial/saliency.zarr"),
    resources:
        mem_mb=memory("map_saliency"),
        runtime=runtime("map_saliency"),
    params:
        **OPENED,
        saliency=beside.spatial_settings("saliency"),
        study=of(beside.spatial_provenance, "saliency"),
    message:
        "Mapping the saliency of {wildcards.network}"
    script:
        "../../scripts/map_saliency.py"


rule compare_transforms:
    """Accuracy of all networks on the same shuffles, and their differences, with figures."""
    input:
        transforms=of_networks(rules.evaluate_transforms.output.transforms),
    output:
        shuffle="results/{study}/spatial/tables/shuffle.csv",
        shuffle_curves="results/{study}/spatial/tables/shuffle_curves.csv",
        shuffle_differences="results/{study}/spatial/tables/shuffle_differences.csv",
        shuffle_scores="results/{study}/spatial/tables/shuffle_scores.csv",
        saturation_curves="results/{study}/spatial/tables/saturation_curves.csv",
        curves=picture("Spatial", "shuffle.png", "accuracy on shuffled patches"),
        scores=picture("Spatial", "shuffle_scores.png", "shuffled patches in numbers"),
        saturation=picture("Spatial", "saturation.png", "accuracy on saturated images"),
    params:
        **of_config("seed", "figures"),
        networks=NETWORKS,
        bootstrap=lookup("spatial/transforms/bootstrap", within=config),
    message:
        "Comparing accuracies on shuffled and saturated images"
    script:
        "../../scripts/compare_transforms.py"


rule compare_cells:
    """Curves and areas of all networks, orders and fills, with figures."""
    input:
        cells=of_networks(rules.evaluate_cells.output.cells),
    output:
        cell_curves="results/{study}/spatial/tables/cell_curves.csv",
        cell_scores="results/{study}/spatial/tables/cell_scores.csv",
        curves=picture("Spatial", "cell_curves/{network}.png", "masked cells, {network}"),
        scores=picture("Spatial", "cell_scores.png", "masked cells in numbers"),
    params:
        **of_config("seed", "figures"),
        networks=NETWORKS,
        bootstrap=lookup("spatial/cells/bootstrap", within=config),
    message:
        "Comparing what masked cells do to the networks"
    script:
        "../../scripts/compare_cells.py"


rule compare_interactions:
    """How far distant patches add up, for all networks and sizes, with figures."""
    input:
        interaction=of_networks(rules.evaluate_interaction.output.interaction),
    output:
        interaction="results/{study}/spatial/tables/interaction.csv",
        curves=picture("Spatial", "interaction.png", "interaction of distant patches"),
        patches=picture("Spatial", "interaction_patches.png", "interaction, image by image"),
    params:
        **of_config("seed", "figures"),
        networks=NETWORKS,
        bootstrap=lookup("spatial/interaction/bootstrap", within=config),
    message:
        "Comparing the interactions of distant patches"
    script:
        "../../scripts/compare_interactions.py"


rule plot_saliency:
    """Gradient and SmoothGrad maps of all networks beside the images."""
    input:
        saliency=of_networks(rules.map_saliency.output.saliency),
    output:
        png=picture("Spatial", "saliency.png", "saliency maps"),
    params:
        **of_config("figures"),
        networks=NETWORKS,
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
    message:
        "The spatial study is there"
