"""The report: its chapters, the figures of each in the order in which they are read, its opening."""

from actsense.store.file_names import file_names

# Where the figures of a chapter lie, and how their captions are called.
CHAPTERS = {
    "Data": ("results/{study}/figures", ["images", "augmentations"]),
    "Networks": ("results/{study}/figures", ["networks"]),
    "Indices": (
        "results/{study}/{network}/{design}/figures",
        ["depth_profile", "pairs", "channels", "maps"],
    ),
    "Contrast": ("results/{study}/{network}/{design}/figures", ["contrast"]),
    "Correlation": (
        "results/{study}/{network}/analysis/figures",
        ["correlation_within", "correlation_across", "correlation_variation"],
    ),
    "LDA": (
        "results/{study}/{network}/analysis/figures",
        ["lda_accuracy", "lda_confusions", "lda_projections"],
    ),
    "Masking": (
        "results/{study}/{network}/{design}/figures",
        [
            *("masking_effects", "masking_layers", "masking_curves", "masking_controls"),
            *("masking_recall", "masking_profiles", "masking_trees"),
        ],
    ),
    "Single class": (
        "results/{study}/{network}/analysis/figures",
        ["single_class_rankings", "single_class_matches"],
    ),
    "Segments": (
        "results/{study}/{network}/{design}/figures",
        ["segment_profile", "segment_patterns", "segment_correlations", "segment_maps"],
    ),
    "Spatial": (
        "results/{study}/spatial/figures",
        [
            *("shuffled_images", "shuffle", "shuffle_scores", "saturation"),
            *("cell_curves", "cell_scores", "interaction", "interaction_patches", "saliency"),
        ],
    ),
    "Patterns": (
        "results/{study}/{network}/patterns/figures",
        [
            *("patterns_knowledge", "patterns_curves", "patterns_strength"),
            *("patterns_training_counts", "patterns_networks"),
            *("patterns_embedding", "patterns_weights", "patterns_knowledge_points"),
            *("patterns_depth", "patterns_training", "patterns_attack"),
            *("patterns_trajectories", "patterns_attack_changes"),
        ],
    ),
    "Pictures": (
        "results/{study}/{network}/featvis/figures",
        [
            *("featvis_facets", "featvis_units", "featvis_channels", "featvis_shifts"),
            *("featvis_embedding", "featvis_drive", "featvis_curves"),
        ],
    ),
    "Invariances": (
        "results/{study}/{network}/invariance/figures",
        [
            *("invariance_kept", "invariance_consistency", "invariance_moved"),
            *("invariance_effects", "invariance_quality"),
            *("factors_layers", "factors_training", "factors_responses", "factors_swaps"),
            *("invariance_samples", "invariance_variance", "invariance_inversion"),
            "invariance_flows",
        ],
    ),
    "Demos": (
        "results/{study}/{network}/invariance/demos",
        ["demo_representations", "demo_attacks", "demo_mixing", "demo_video", "demo_bias"],
    ),
}


def picture(chapter, name, figure, folder="", caption="", group=None, **labels):
    """A figure of the report; a folder of figures, if the name of each has wildcards.

    Its caption has its name or that of its folder, and its design is a label. A report sorts rows
    by their labels: the place in the chapter stands before the figure, that of a layer as well.
    """
    usual, captions = CHAPTERS[chapter]
    folder = folder or usual
    path, patterns = Path(folder, name), []
    if "{" in path.name:
        path, patterns = path.parent, [path.name]
    design = {"design": "{design}"} if "{design}" in folder else {}
    caption = caption or path.stem
    labels = design | labels | {"figure": f"{captions.index(caption) + 1:02} {figure}"}
    return report(
        directory(str(path)) if patterns else str(path),
        patterns=patterns,
        caption=f"../report/{caption}.rst",
        category=f"{[*CHAPTERS].index(chapter) + 1:02} {chapter}",
        subcategory="{network}" if "{network}" in folder else group,
        labels=in_depth(labels) if "{layer}" in figure else labels,
    )


def in_depth(labels):
    """The labels of a figure of one layer, with the layer's place in its network."""

    def placed(wildcards):
        files = file_names(name for name, _ in study.survey["layers"][wildcards.network])
        places = {file: (place, name) for place, (name, file) in enumerate(files.items(), 1)}
        place, layer = places.get(wildcards.layer, (0, wildcards.layer))
        number, words = labels["figure"].split(" ", 1)
        number = f"{number}.{place:0{len(str(len(places)))}}"
        return labels | {"figure": f"{number} {words.format(layer=layer)}"}

    return placed


def of_patterns(name, figure, folder=CHAPTERS["Patterns"][0]):
    """A figure of patterns; its caption has its name behind `patterns_`."""
    caption = f"patterns_{Path(name).stem}"
    return picture("Patterns", name, figure, folder, caption, "all networks")


def of_pictures(name, figure):
    """A figure of pictures; its caption has its name behind `featvis_`."""
    return picture("Pictures", name, figure, caption=f"featvis_{Path(name).stem}")


def of_invariances(name, figure, folder=CHAPTERS["Invariances"][0]):
    """A figure of invariances; its caption has its name behind `invariance_`."""
    caption = f"invariance_{Path(name).stem}"
    return picture("Invariances", name, figure, folder, caption, "all networks")


def of_factors(name, figure):
    """A figure of concepts in all networks."""
    folder = "results/{study}/invariance/figures"
    return picture("Invariances", name, figure, folder, group="all networks")


def of_demos(name, figure, folder=CHAPTERS["Demos"][0]):
    """A demo of invariances; its caption has its name behind `demo_`."""
    return picture("Demos", name, figure, folder, f"demo_{Path(name).stem}", "all networks")


def found(categories):
    """What the report opens with: the findings, with those of its figures that show them."""
    from actsense.findings.opening import report_opening

    records = [
        record for groups in categories.values() for own in groups.values() for record in own
    ]
    try:
        return report_opening(Path(RESULTS), {str(record.path) for record in records})
    except ConfigError as error:
        sys.exit(printable(str(error)))
