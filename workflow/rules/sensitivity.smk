"""From moments to indices, and from image pairs to contrasts."""


rule estimate_indices:
    """Sobol' indices and Shapley effects of every unit, channel and layer, with intervals."""
    input:
        moments=design_moments,
        weights=WEIGHTS,
        manifest=MANIFEST,
    output:
        indices=directory(INDICES),
        layers="results/{study}/{network}/{design}/tables/layers.csv",
        channels="results/{study}/{network}/{design}/tables/channels.csv",
        pairs="results/{study}/{network}/{design}/tables/pairs.csv",
        units="results/{study}/{network}/{design}/tables/units.csv",
    wildcard_constraints:
        network=SAMPLED,
    resources:
        mem_mb=memory("estimate_indices"),
        runtime=runtime("estimate_indices"),
    params:
        study=of(study.provenance_settings),
    message:
        "Estimating the indices of {wildcards.network} under {wildcards.design}"
    script:
        "../../scripts/estimate_indices.py"


rule plot_indices:
    """Depth profile, pairs, channels, and the maps of every layer."""
    input:
        indices=INDICES,
    output:
        profile=picture("Indices", "depth_profile.png", "depth profile"),
        pairs=picture("Indices", "pairs.png", "pairs of factors"),
        channels=picture("Indices", "channels.png", "channels that feel most"),
        maps=picture("Indices", "maps/{layer}.png", "maps of {layer}"),
    resources:
        mem_mb=memory("plot_indices"),
    params:
        **of_config("figures"),
    message:
        "Drawing the indices of {wildcards.network} under {wildcards.design}"
    script:
        "../../scripts/plot_indices.py"


rule contrast_part:
    """A part of a contrast: some units under some augmentations, or what more images say of them."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
        before=contrast_before,
    output:
        state=temp(CONTRAST_PART),
    wildcard_constraints:
        network=SAMPLED,
    resources:
        mem_mb=memory("contrast_part"),
        runtime=runtime("contrast_part"),
    params:
        **of_config("contrast", "batch_size", "device"),
        sampling=of(study.sampling_settings),
        part=contrast_ends,
        revision=REVISION["contrast"],
    message:
        "Contrasting {wildcards.network} under {wildcards.design}, part {wildcards.part}"
    script:
        "../../scripts/contrast_part.py"


rule estimate_contrast:
    """Every augmentation alone against the untouched image, and the images every unit prefers."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
        parts=contrast_pieces,
    output:
        contrast=directory(CONTRAST),
        top_images=directory("results/{study}/{network}/{design}/top_images.zarr"),
        table="results/{study}/{network}/{design}/tables/contrast.csv",
    wildcard_constraints:
        network=SAMPLED,
    resources:
        mem_mb=memory("estimate_contrast"),
        runtime=runtime("estimate_contrast"),
    params:
        **of_config("contrast", "batch_size", "device"),
        sampling=of(study.sampling_settings),
        study=of(study.provenance_settings, "contrast"),
        revision=REVISION["contrast"],
    message:
        "Contrasting {wildcards.network} under every augmentation of {wildcards.design}"
    script:
        "../../scripts/estimate_contrast.py"


rule plot_contrast:
    """What every augmentation alone does, layer by layer."""
    input:
        table=rules.estimate_contrast.output.table,
    output:
        png=picture("Contrast", "contrast.png", "each augmentation alone"),
    params:
        **of_config("figures"),
    message:
        "Drawing the contrasts of {wildcards.network} under {wildcards.design}"
    script:
        "../../scripts/plot_contrast.py"


rule indices:
    """The indices of all networks and designs."""
    input:
        of_runs(rules.estimate_indices.output),
    message:
        "The indices are there"


rule contrast:
    """The contrasts of all networks and designs."""
    input:
        of_runs(
            rules.estimate_contrast.output[:: 2 if study.imported else 1],  # no top images
            of="contrast",
        ),
    message:
        "The contrasts are there"


rule figures:
    """The figures of images, networks, indices and contrasts."""
    input:
        of_runs(rules.plot_indices.output),
        of_runs(rules.plot_contrast.output, of="contrast"),
        of_images(
            [
                rules.plot_images.output.classes,
                rules.plot_images.output.augmentations,
                *rules.plot_networks.output,
            ]
        ),
    message:
        "The figures are there"
