"""From finished results to notebooks that look at them, executed, and readable in a browser."""

# What each notebook reads.
NOTEBOOKS = {
    "tour": [
        *expand(rules.cache_images.output, study=STUDY),
        *of_runs([*rules.estimate_indices.output, *rules.estimate_contrast.output]),
    ],
    "sensitivity_values": of_runs(rules.estimate_indices.output),
    "single_units": of_runs(rules.estimate_indices.output),
    "correlation": expand(rules.correlate.output, study=STUDY, network=ANALYSED),
    "discriminant_analysis": expand(rules.discriminate.output, study=STUDY, network=MAPPED),
    "masked_predictions": of_runs(
        [*rules.evaluate_masks.output, *rules.profile_masks.output],
        networks=MAPPED,
        designs=study.analysed,
        of="masking",
    ),
    "single_class": expand(rules.match_classes.output, study=STUDY, network=MAPPED),
    "segments": of_runs(
        [*rules.sample_segments.output, *rules.compare_segments.output],
        networks=MAPPED,
        designs=study.analysed,
        of="segments",
    ),
    "spatial_sensitivity": [
        *rules.spatial.input,
        *expand(rules.evaluate_cells.output, study=STUDY, network=NETWORKS),
        *expand(rules.map_saliency.output, study=STUDY, network=NETWORKS),
    ],
    "visual_patterns": rules.patterns.input,
    "attacked_patterns": rules.patterns.input,
    "feature_visualisation": rules.featvis.input,
    "invariances": rules.invariance.input,
}
OF_VALUES = (
    *("sensitivity_values", "single_units", "correlation", "discriminant_analysis"),
    *("masked_predictions", "single_class", "segments"),
)
SOURCES = relpath(HERE / "notebooks")  # an input may have no braces but wildcards
CARDS = of_images(expand(CARD, network=NETWORKS, allow_missing=True))
if study.imported:  # the others look at images
    NOTEBOOKS = {name: results for name, results in NOTEBOOKS.items() if name in OF_VALUES}


rule run_notebook:
    """A notebook with its outputs, and the same as one page for a browser."""
    input:
        results=notebook_results,
        source=f"{SOURCES}/{{notebook}}.py",
    output:
        notebook="results/{study}/notebooks/{notebook}.ipynb",
        page="results/{study}/notebooks/{notebook}.html",
    wildcard_constraints:
        notebook="|".join(NOTEBOOKS),
    params:
        parameters=notebook_parameters,
    message:
        "Executing the notebook {wildcards.notebook}"
    script:
        "../../scripts/run_notebook.py"


rule notebooks:
    """All notebooks on this study; not part of everything."""
    input:
        expand(rules.run_notebook.output, study=STUDY, notebook=list(NOTEBOOKS)),
    message:
        "The notebooks are there"
