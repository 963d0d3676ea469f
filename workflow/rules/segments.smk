"""Parts of a network that see one colour channel alone, beside the network in place."""

SEGMENTS = "results/{study}/{network}/{design}/segments"


rule sample_segments:
    """Indices of chosen channels of every part, behind hue, saturation and value."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
        indices=INDICES,
        listed=listed_units,
    output:
        indices=directory(f"{SEGMENTS}/indices.zarr"),
        units=f"{SEGMENTS}/units.json",
        segments="results/{study}/{network}/{design}/tables/segments.csv",
        skipped="results/{study}/{network}/{design}/tables/segments_skipped.csv",
    wildcard_constraints:
        network=SAMPLED,
    resources:
        mem_mb=memory("sample_segments"),
        runtime=runtime("sample_segments"),
    params:
        **of_config("batch_size", "device"),
        sampling=of(study.segments_settings),
        channels=lookup("segments/channels", within=config),
        study=of(study.provenance_settings, "segments"),
    message:
        "Sampling parts of {wildcards.network} behind colour channels under {wildcards.design}"
    script:
        "../../scripts/sample_segments.py"


rule compare_segments:
    """How factors go together in space, in parts of the network and in place."""
    input:
        segments=rules.sample_segments.output.indices,
        units=rules.sample_segments.output.units,
        indices=INDICES,
    output:
        correlations="results/{study}/{network}/{design}/tables/segment_correlations.csv",
        differences="results/{study}/{network}/{design}/tables/segment_differences.csv",
        patterns="results/{study}/{network}/{design}/tables/segment_patterns.csv",
    params:
        **of_config("seed"),
        bootstrap=lookup("segments/bootstrap", within=config),
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
        indices=INDICES,
        correlations=rules.compare_segments.output.correlations,
        patterns=rules.compare_segments.output.patterns,
    output:
        profile=picture("Segments", "segment_profile.png", "profile over depth"),
        patterns=picture("Segments", "segment_patterns.png", "likeness to the whole"),
        maps=picture("Segments", "segment_maps/{layer}.png", "maps of {layer}"),
        correlations=picture(
            "Segments", "segment_correlations/{layer}.png", "correlations in {layer}"
        ),
    params:
        **of_config("figures"),
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
            of="segments",
        ),
    message:
        "The segments are there"
