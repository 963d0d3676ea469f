"""From photographs on disk, or published on the internet, to the image cache."""


rule download_dataset:
    """An archive of a published dataset, checked; one that is there already is left alone."""
    output:
        archive=ARCHIVE,
    # Only what is missing: nothing about a rule can make Snakemake delete 168 GB and start again.
    wildcard_constraints:
        archive=MISSING_ARCHIVES,
    retries: 1
    localrule: True
    params:
        settings=lookup("dataset", within=config),
    message:
        "Downloading {wildcards.archive}"
    script:
        "../../scripts/download_dataset.py"


rule cache_images:
    """Every image decoded, resized and cropped once, with a manifest of where it came from."""
    input:
        archives=ancient(study.survey["archives"]),
    output:
        images=directory(IMAGES),
        manifest=MANIFEST,
    threads: 2
    resources:
        runtime=runtime("cache_images"),
    params:
        **of_config("seed"),
        **study.originals,
        settings=study.dataset,
    message:
        "Decoding the images of study {wildcards.study}"
    script:
        "../../scripts/cache_images.py"


rule plot_images:
    """Some images of every class, the augmentations, and the shuffles of the spatial study."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
    output:
        classes=picture("Data", "images.png", "images of every class"),
        augmentations=picture("Data", "augmentations.png", "augmentations"),
        shuffled=picture("Spatial", "shuffled_images.png", "shuffled and saturated images"),
    params:
        **of_config("seed", "figures"),
        **study.chosen_ranges,
        transforms=lookup("spatial/transforms", within=config),
    message:
        "Drawing images of study {wildcards.study}"
    script:
        "../../scripts/plot_images.py"


rule data:
    """The image cache."""
    input:
        expand(rules.cache_images.output, study=STUDY),
    message:
        "The images are there"
