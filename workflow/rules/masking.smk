"""From sensitivity maps to the predictions of networks whose activations are scaled by them."""


rule evaluate_masks:
    """Accuracy, divergence and collapse under every mask and control, with intervals."""
    input:
        images=rules.cache_images.output.images,
        manifest=rules.cache_images.output.manifest,
        weights=rules.train_network.output.weights,
        indices=rules.estimate_indices.output.indices,
    output:
        masking=directory("results/{study}/{network}/{design}/masking.zarr"),
        table="results/{study}/{network}/{design}/tables/masking.csv",
    log:
        "results/{study}/logs/evaluate_masks/{network}/{design}.log",
    benchmark:
        "results/{study}/benchmarks/evaluate_masks/{network}/{design}.tsv"
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=sized(megabytes, "evaluate_masks"),
        runtime=sized(minutes, "evaluate_masks"),
    params:
        sampling=sampling_settings,
        masking=lookup("masking", within=config),
        batch_size=lookup("batch_size", within=config),
        device=lookup("device", within=config),
        study=provenance_settings("masking"),
    message:
        "Masking {wildcards.network} by its sensitivity under {wildcards.design}"
    script:
        "../../scripts/evaluate_masks.py"
