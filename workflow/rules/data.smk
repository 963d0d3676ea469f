"""From photographs on disk, or published on the internet, to the image cache."""


rule download_dataset:
    """An archive of a published dataset, checked; one that is there already is left alone."""
    output:
        archive=ARCHIVE,
    log:
        DOWNLOAD_LOG,
    # Only what is missing: nothing about a rule can make Snakemake delete 168 GB and start again.
    wildcard_constraints:
        archive=MISSING_ARCHIVES,
    retries: 1
    localrule: True
    conda:
        "../../envs/actsense.yaml"
    params:
        settings=lookup("dataset", within=config),
    message:
        "Downloading {wildcards.archive}"
    script:
        "../../scripts/download_dataset.py"


rule cache_images:
    """Every image decoded, resized and cropped once, with a manifest of where it came from."""
    input:
        archives=ancient(archives),
    output:
        images=directory("results/{study}/data/images.zarr"),
        manifest="results/{study}/data/manifest.csv",
    log:
        "results/{study}/logs/cache_images.log",
    benchmark:
        "results/{study}/benchmarks/cache_images.tsv"
    conda:
        "../../envs/actsense.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(480),
    params:
        settings=lookup("dataset", within=config),
        seed=lookup("seed", within=config),
    message:
        "Decoding the images of study {wildcards.study}"
    script:
        "../../scripts/cache_images.py"


rule data:
    """The image cache."""
    input:
        expand(rules.cache_images.output, study=STUDY),
    localrule: True
    message:
        "The images are there"
