"""From images and weights to the moments of every replicate.

Two ways with equal results: `store` writes activations to disk, one shard a file, and sums them up
in a second job; `stream` sums them up at once and writes none. A shard holds several replicates,
or a part of one; parts are merged.
"""

ACTIVATIONS_SHARD = "results/{study}/{network}/{design}/shards/{shard}.zarr.zip"
MOMENTS_PART = "results/{study}/{network}/{design}/shards/{shard}.moments.zarr.zip"
WHOLE, PART = r"\d+-\d+", r"\d+_\d+"  # names of shards

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
            "results/{study}/logs/sample_activations/{network}/{design}/{shard}.log",
        benchmark:
            "results/{study}/benchmarks/sample_activations/{network}/{design}/{shard}.tsv"
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
            shard=shard_ends,
            batch_size=lookup("batch_size", within=config),
            device=lookup("device", within=config),
        message:
            "Sampling {wildcards.network} under {wildcards.design}, shard {wildcards.shard}"
        script:
            "../../scripts/sample_activations.py"

    rule accumulate:
        """Moments of the replicates of one shard: all that is kept of its activations."""
        input:
            shard=rules.sample_activations.output.shard,
        output:
            moments="results/{study}/{network}/{design}/moments/replicates_{shard}.zarr.zip",
        log:
            "results/{study}/logs/accumulate/{network}/{design}/{shard}.log",
        benchmark:
            "results/{study}/benchmarks/accumulate/{network}/{design}/{shard}.tsv"
        wildcard_constraints:
            shard=WHOLE,
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
            shard=shard_ends,
        message:
            "Summing up {wildcards.network} under {wildcards.design}, shard {wildcards.shard}"
        script:
            "../../scripts/accumulate.py"

    use rule accumulate as accumulate_part with:
        output:
            moments=temp(MOMENTS_PART),
        log:
            "results/{study}/logs/accumulate_part/{network}/{design}/{shard}.log",
        benchmark:
            "results/{study}/benchmarks/accumulate_part/{network}/{design}/{shard}.tsv"
        wildcard_constraints:
            shard=PART,

else:

    rule stream_moments:
        """Moments of the replicates of one shard, summed up while the network runs."""
        input:
            images=rules.cache_images.output.images,
            manifest=rules.cache_images.output.manifest,
            weights=rules.train_network.output.weights,
        output:
            moments="results/{study}/{network}/{design}/moments/replicates_{shard}.zarr.zip",
        log:
            "results/{study}/logs/stream_moments/{network}/{design}/{shard}.log",
        benchmark:
            "results/{study}/benchmarks/stream_moments/{network}/{design}/{shard}.tsv"
        wildcard_constraints:
            shard=WHOLE,
        conda:
            "../../envs/actsense.yaml"
        resources:
            mem_mb=sized(megabytes, "stream_moments"),
            runtime=sized(minutes, "stream_moments"),
        params:
            revision=[REVISION["sampling"], REVISION["moments"]],
            sampling=sampling_settings,
            shard=shard_ends,
            batch_size=lookup("batch_size", within=config),
            device=lookup("device", within=config),
        message:
            "Streaming {wildcards.network} under {wildcards.design}, shard {wildcards.shard}"
        script:
            "../../scripts/stream_moments.py"

    use rule stream_moments as stream_part with:
        output:
            moments=temp(MOMENTS_PART),
        log:
            "results/{study}/logs/stream_part/{network}/{design}/{shard}.log",
        benchmark:
            "results/{study}/benchmarks/stream_part/{network}/{design}/{shard}.tsv"
        wildcard_constraints:
            shard=PART,


rule merge_moments:
    """Moments of one replicate that was sampled in parts."""
    input:
        parts=replicate_parts,
    output:
        moments="results/{study}/{network}/{design}/moments/replicate_{replicate}.zarr.zip",
    log:
        "results/{study}/logs/merge_moments/{network}/{design}/{replicate}.log",
    # Above everything before it: finished replicates leave no parts behind.
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
