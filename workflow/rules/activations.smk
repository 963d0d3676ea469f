"""From images and weights to the moments of every replicate.

Two ways with equal results: `store` writes activations to disk, one shard a file, and sums them up
in a second job; `stream` sums them up at once and writes none. A shard holds several replicates,
or a part of one; parts are merged.
"""

WHOLE, PART = r"\d+-\d+", r"\d+_\d+"  # names of shards

if study.stores_activations:

    rule sample_activations:
        """Activations of one shard, on disk until they are summed up."""
        input:
            images=IMAGES,
            manifest=MANIFEST,
            weights=WEIGHTS,
        output:
            shard=stored(ACTIVATIONS_SHARD),
        resources:
            mem_mb=memory("sample_activations"),
            runtime=runtime("sample_activations"),
            disk_mb=of(study.shard_megabytes),
            store_mb=of(study.shard_megabytes),
        params:
            **of_config("batch_size", "device"),
            revision=REVISION["sampling"],
            sampling=of(study.sampling_settings),
            shard=shard_ends,
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
        wildcard_constraints:
            shard=WHOLE,
        # Above sampling: a shard on disk is used up before the next one is made.
        priority: 10
        resources:
            mem_mb=memory("accumulate"),
            runtime=runtime("accumulate"),
            store_mb=of(study.shard_megabytes),
        params:
            revision=REVISION["moments"],
            sampling=of(study.sampling_settings),
            shard=shard_ends,
        message:
            "Summing up {wildcards.network} under {wildcards.design}, shard {wildcards.shard}"
        script:
            "../../scripts/accumulate.py"

    use rule accumulate as accumulate_part with:
        output:
            moments=temp(MOMENTS_PART),
        wildcard_constraints:
            shard=PART,

else:

    rule stream_moments:
        """Moments of the replicates of one shard, summed up while the network runs."""
        input:
            images=IMAGES,
            manifest=MANIFEST,
            weights=WEIGHTS,
        output:
            moments="results/{study}/{network}/{design}/moments/replicates_{shard}.zarr.zip",
        wildcard_constraints:
            shard=WHOLE,
        resources:
            mem_mb=memory("stream_moments"),
            runtime=runtime("stream_moments"),
        params:
            **of_config("batch_size", "device"),
            revision=[REVISION["sampling"], REVISION["moments"]],
            sampling=of(study.sampling_settings),
            shard=shard_ends,
        message:
            "Streaming {wildcards.network} under {wildcards.design}, shard {wildcards.shard}"
        script:
            "../../scripts/stream_moments.py"

    use rule stream_moments as stream_part with:
        output:
            moments=temp(MOMENTS_PART),
        wildcard_constraints:
            shard=PART,


rule merge_moments:
    """Moments of one replicate that was sampled in parts."""
    input:
        parts=replicate_parts,
    output:
        moments="results/{study}/{network}/{design}/moments/replicate_{replicate}.zarr.zip",
    # Above everything before it: finished replicates leave no parts behind.
    priority: 20
    resources:
        mem_mb=memory("merge_moments"),
    params:
        blocks=of(study.blocks),
    message:
        "Merging {wildcards.network} under {wildcards.design}, replicate {wildcards.replicate}"
    script:
        "../../scripts/merge_moments.py"
