"""Parts of a network that see one colour channel alone, beside the network in place."""

SEGMENTS = "results/{study}/{network}/{design}/segments"


rule sample_segments:
    """Indices of chosen channels of every part, behind hue, saturation and value."""
    input:
        images=rules.cache_images.output.images,
        manifest=rules.cache_images.output.manifest,
        weights=rules.train_network.output.weights,
        indices=rules.estimate_indices.output.indices,
    output:
        indices=directory(f"{SEGMENTS}/indices.zarr"),
        units=f"{SEGMENTS}/units.json",
        segments="results/{study}/{network}/{design}/tables/segments.csv",
        skipped="results/{study}/{network}/{design}/tables/segments_skipped.csv",
    log:
        "results/{study}/logs/sample_segments/{network}/{design}.log",
    benchmark:
        "results/{study}/benchmarks/sample_segments/{network}/{design}.tsv"
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=sized(megabytes, "sample_segments"),
        runtime=sized(minutes, "sample_segments"),
    params:
        sampling=segments_settings,
        channels=lookup("segments/channels", within=config),
        batch_size=lookup("batch_size", within=config),
        device=lookup("device", within=config),
        study=provenance_settings("segments"),
    message:
        "Sampling parts of {wildcards.network} behind colour channels under {wildcards.design}"
    script:
        "../../scripts/sample_segments.py"


rule compare_segments:
    """How factors go together in space, in parts of the network and in place."""
    input:
        segments=rules.sample_segments.output.indices,
        units=rules.sample_segments.output.units,
        indices=rules.estimate_indices.output.indices,
    output:
        correlations="results/{study}/{network}/{design}/tables/segment_correlations.csv",
        differences="results/{study}/{network}/{design}/tables/segment_differences.csv",
        patterns="results/{study}/{network}/{design}/tables/segment_patterns.csv",
    log:
        "results/{study}/logs/compare_segments/{network}/{design}.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        bootstrap=lookup("segments/bootstrap", within=config),
        seed=lookup("seed", within=config),
    message:
        "Comparing parts of {wildcards.network} with the whole under {wildcards.design}"
    script:
        "../../scripts/compare_segments.py"


rule plot_segments:
    """Profile, maps, correlations between factors and their patterns."""
    input:
        store=rules.sample_segments.output.indices,
        units=rules.sample_segments.output.units,
        segments=rules.sample_segments.output.segments,
        indices=rules.estimate_indices.output.indices,
        correlations=rules.compare_segments.output.correlations,
        differences=rules.compare_segments.output.differences,
        patterns=rules.compare_segments.output.patterns,
    output:
        profile=report(
            "results/{study}/{network}/{design}/figures/segment_profile.png",
            caption="../report/segment_profile.rst",
            category="09 Segments",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "profile over depth"},
        ),
        patterns=report(
            "results/{study}/{network}/{design}/figures/segment_patterns.png",
            caption="../report/segment_patterns.rst",
            category="09 Segments",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "patterns between layers"},
        ),
        maps=report(
            directory("results/{study}/{network}/{design}/figures/segment_maps"),
            patterns=["{layer}.png"],
            caption="../report/segment_maps.rst",
            category="09 Segments",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "maps of {layer}"},
        ),
        correlations=report(
            directory(
                "results/{study}/{network}/{design}/figures/segment_correlations"
            ),
            patterns=["{layer}.png"],
            caption="../report/segment_correlations.rst",
            category="09 Segments",
            subcategory="{network}",
            labels={"design": "{design}", "figure": "correlations in {layer}"},
        ),
    log:
        "results/{study}/logs/plot_segments/{network}/{design}.log",
    conda:
        "../../envs/actsense.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        figures=lookup("figures", within=config),
    message:
        "Drawing parts of {wildcards.network} behind colour channels under {wildcards.design}"
    script:
        "../../scripts/plot_segments.py"


rule segments:
    """Colour-channel segments of all networks and designs, and their figures."""
    input:
        of_runs(
            [*rules.compare_segments.output, *rules.plot_segments.output],
            networks=MAPPED,
            designs=study.analysed,
        ),
    localrule: True
    message:
        "The segments are there"
