"""From images and weights to the moments of every replicate.

Two ways with equal results: `store` writes activations to disk, one shard a file, and sums them up
in a second job; `stream` sums them up at once and writes none.
"""

ACTIVATIONS_SHARD = (
    "results/{study}/{network}/{design}/shards/{replicate}_{shard}.zarr.zip"
)
MOMENTS_SHARD = (
    "results/{study}/{network}/{design}/shards/{replicate}_{shard}.moments.zarr.zip"
)

if study.stores_activations:

    rule sample_activations:
        """Activations of one shard, on disk until they are summed up."""
        input:
            images=rules.cache_images.output.images,
            manifest=rules.cache_images.output.manifest,
            weights=rules.train_network.output.weights,
        output:
            shard=stored(ACTIVATIONS_SHARD),
        log:
            "results/{study}/logs/sample_activations/{network}_{design}_{replicate}_{shard}.log",
        benchmark:
            "results/{study}/benchmarks/sample_activations/{network}_{design}_{replicate}_{shard}.tsv"
        conda:
            "../../envs/actsense.yaml"
        resources:
            mem_mb=sized(megabytes, "sample_activations"),
            runtime=sized(minutes, "sample_activations"),
            disk_mb=shard_megabytes,
            store_mb=shard_megabytes,
        params:
            revision=REVISION["sampling"],
            sampling=sampling_settings,
            blocks=shard_blocks,
            batch_size=lookup("batch_size", within=config),
            device=lookup("device", within=config),
        message:
            "Sampling {wildcards.network} under {wildcards.design}, replicate {wildcards.replicate}"
        script:
            "../../scripts/sample_activations.py"

    rule accumulate:
        """Moments of one shard of stored activations."""
        input:
            shard=rules.sample_activations.output.shard,
        output:
            moments=temp(MOMENTS_SHARD),
        log:
            "results/{study}/logs/accumulate/{network}_{design}_{replicate}_{shard}.log",
        benchmark:
            "results/{study}/benchmarks/accumulate/{network}_{design}_{replicate}_{shard}.tsv"
        # Above sampling: a shard on disk is used up before the next one is made.
        priority: 10
        conda:
            "../../envs/actsense.yaml"
        resources:
            mem_mb=sized(megabytes, "accumulate"),
            runtime=sized(minutes, "accumulate"),
            store_mb=shard_megabytes,
        params:
            revision=REVISION["moments"],
            sampling=sampling_settings,
            blocks=shard_blocks,
        message:
            "Summing up {wildcards.network} under {wildcards.design}, replicate {wildcards.replicate}"
        script:
            "../../scripts/accumulate.py"

else:

    rule stream_moments:
        """Moments of one shard, summed up while the network runs."""
        input:
            images=rules.cache_images.output.images,
            manifest=rules.cache_images.output.manifest,
            weights=rules.train_network.output.weights,
        output:
            moments=temp(MOMENTS_SHARD),
        log:
            "results/{study}/logs/stream_moments/{network}_{design}_{replicate}_{shard}.log",
        benchmark:
            "results/{study}/benchmarks/stream_moments/{network}_{design}_{replicate}_{shard}.tsv"
        conda:
            "../../envs/actsense.yaml"
        resources:
            mem_mb=sized(megabytes, "stream_moments"),
            runtime=sized(minutes, "stream_moments"),
        params:
            revision=[REVISION["sampling"], REVISION["moments"]],
            sampling=sampling_settings,
            blocks=shard_blocks,
            batch_size=lookup("batch_size", within=config),
            device=lookup("device", within=config),
        message:
            "Streaming {wildcards.network} under {wildcards.design}, replicate {wildcards.replicate}"
        script:
            "../../scripts/stream_moments.py"


rule merge_moments:
    """Moments of one replicate: all that is kept of its activations."""
    input:
        shards=replicate_shards,
    output:
        moments="results/{study}/{network}/{design}/moments/replicate_{replicate}.zarr.zip",
    log:
        "results/{study}/logs/merge_moments/{network}_{design}_{replicate}.log",
    # Above everything before it: finished replicates leave no shards behind.
    priority: 20
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=sized(megabytes, "merge_moments"),
        runtime=growing(60),
    params:
        blocks=replicate_blocks,
    message:
        "Merging {wildcards.network} under {wildcards.design}, replicate {wildcards.replicate}"
    script:
        "../../scripts/merge_moments.py"
