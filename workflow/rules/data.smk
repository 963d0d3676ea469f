"""From photographs on disk to the image cache."""


rule cache_images:
    """Every image decoded, resized and cropped once, with a manifest of where it came from."""
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
        mem_mb=4000,
        runtime=480,
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
