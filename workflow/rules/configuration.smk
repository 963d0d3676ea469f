"""The checked configuration, and what rules derive from it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "src"))

from actsense.errors import ConfigError
from actsense.study import Study

# Scripts import the package of this checkout, whatever environment they run in.
shell.prefix(f"export PYTHONPATH='{workflow.basedir}/src'; ")

try:
    study = Study.load(
        config, Path(workflow.basedir) / "workflow/schemas/config.schema.yaml"
    )
    if workflow.is_main_process:
        study.check_networks()
except ConfigError as error:
    sys.exit(str(error))

config.update(study.settings)

STUDY = study.name
RESULTS = f"results/{STUDY}"
NETWORKS = list(config["networks"])
DESIGNS = list(config["designs"])
REVISION = {
    "sampling": 1,
    "moments": 1,
}  # raise by hand when the numbers of a stage change


if study.stores_activations:
    workflow.register_resource("store_mb", study.store_megabytes)


wildcard_constraints:
    study=STUDY,
    network="|".join(NETWORKS),
    design="|".join(DESIGNS),
    replicate=r"\d+",
    shard=r"\d+",


def stored(path):
    return path if config["keep_activations"] else temp(path)


def weights_settings(wildcards):
    return study.weights_settings(wildcards.network)


def sampling_settings(wildcards):
    return study.sampling_settings(wildcards.network, wildcards.design)


def provenance_settings(wildcards):
    return study.provenance_settings(wildcards.network, wildcards.design)


def shard_blocks(wildcards):
    return study.shard_blocks(wildcards.design, int(wildcards.shard))


def replicate_blocks(wildcards):
    return study.blocks(wildcards.design)


def shard_megabytes(wildcards):
    return study.shard_megabytes(wildcards.network, wildcards.design)


def replicate_shards(wildcards):
    shards = range(config["designs"][wildcards.design]["shards"])
    return expand(MOMENTS_SHARD, shard=shards, **wildcards)


def replicate_moments(wildcards):
    replicates = range(config["designs"][wildcards.design]["replicates"])
    return expand(rules.merge_moments.output.moments, replicate=replicates, **wildcards)
