"""From moments to indices, and from image pairs to contrasts."""


rule estimate_indices:
    """Sobol' indices and Shapley effects of every unit, channel and layer, with intervals."""
    input:
        moments=design_moments,
        weights=rules.train_network.output.weights,
        manifest=rules.cache_images.output.manifest,
    output:
        indices=directory("results/{study}/{network}/{design}/indices.zarr"),
        layers="results/{study}/{network}/{design}/tables/layers.csv",
        channels="results/{study}/{network}/{design}/tables/channels.csv",
        pairs="results/{study}/{network}/{design}/tables/pairs.csv",
        units="results/{study}/{network}/{design}/tables/units.csv",
    log:
        "results/{study}/logs/estimate_indices/{network}/{design}.log",
    benchmark:
        "results/{study}/benchmarks/estimate_indices/{network}/{design}.tsv"
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=sized(megabytes, "estimate_indices"),
        runtime=sized(minutes, "estimate_indices"),
    params:
        study=provenance_settings(),
    message:
        "Estimating the indices of {wildcards.network} under {wildcards.design}"
    script:
        "../../scripts/estimate_indices.py"


rule estimate_contrast:
    """Every augmentation alone against the untouched image, and the images every unit prefers."""
    input:
        images=rules.cache_images.output.images,
        manifest=rules.cache_images.output.manifest,
        weights=rules.train_network.output.weights,
    output:
        contrast=directory("results/{study}/{network}/{design}/contrast.zarr"),
        top_images=directory("results/{study}/{network}/{design}/top_images.zarr"),
        table="results/{study}/{network}/{design}/tables/contrast.csv",
    log:
        "results/{study}/logs/estimate_contrast/{network}/{design}.log",
    benchmark:
        "results/{study}/benchmarks/estimate_contrast/{network}/{design}.tsv"
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=sized(megabytes, "estimate_contrast"),
        runtime=sized(minutes, "estimate_contrast"),
    params:
        sampling=sampling_settings,
        contrast=lookup("contrast", within=config),
        batch_size=lookup("batch_size", within=config),
        device=lookup("device", within=config),
        study=provenance_settings("contrast"),
        revision=REVISION["contrast"],
    message:
        "Contrasting {wildcards.network} under every augmentation of {wildcards.design}"
    script:
        "../../scripts/estimate_contrast.py"


rule indices:
    """The indices of all networks and designs."""
    input:
        of_runs(rules.estimate_indices.output),
    localrule: True
    message:
        "The indices are there"


rule contrast:
    """The contrasts of all networks and designs."""
    input:
        of_runs(rules.estimate_contrast.output),
    localrule: True
    message:
        "The contrasts are there"
