"""What a study found, on one page that can be mailed."""


rule write_page:
    """Findings in sentences, computed from the tables, with their figures and tables inside."""
    input:
        rules.figures.input,
        rules.indices.input,
        rules.contrast.input,
        rules.correlation.input,
        rules.lda.input,
        rules.masking.input,
        rules.single_class.input,
        rules.segments.input,
        [] if study.imported else rules.spatial.input,
        rules.patterns.input,
        rules.featvis.input,
        rules.invariance.input,
        rules.demos.input,
    output:
        page="results/{study}/index.html",
    message:
        "Writing the page on {wildcards.study}"
    script:
        "../../scripts/write_page.py"


rule page:
    """Everything, and the page on it."""
    input:
        # What is read alone is not made again where it was deleted.
        rules.write_page.input,
        expand(rules.write_page.output, study=STUDY),
    message:
        "The page is there"
