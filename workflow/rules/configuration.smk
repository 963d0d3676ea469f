"""The checked configuration, and what rules derive from it."""

import re
import sys
from pathlib import Path
from shlex import quote

sys.path.insert(0, str(Path(workflow.basedir) / "src"))

from actsense.errors import ConfigError
from actsense.study.resources import (
    megabytes,
    minutes,
    spatial_megabytes,
    spatial_minutes,
)
from actsense.study.study import Study

# Scripts import the package of this checkout, whatever environment they run in. Threads of jobs that
# share processors wait asleep: awake, they keep the thread that they wait for from its work.
shell.prefix(
    f"export PYTHONPATH={quote(f'{workflow.basedir}/src')}"
    " OMP_WAIT_POLICY=${{OMP_WAIT_POLICY:-PASSIVE}}; "
)

try:
    study = Study.load(config)
    if workflow.is_main_process:
        study.check_budget()
        study.check_kept_moments(Path("results") / study.name)
        study.bequeath()
except ConfigError as error:
    sys.exit(str(error))

config.update(study.plain)

STUDY = study.name
RESULTS = f"results/{STUDY}"
NETWORKS = list(config["networks"])
DESIGNS = list(config["designs"])
ANALYSED = [name for name in NETWORKS if study.analysed(name)]
MAPPED = [name for name in ANALYSED if study.maps(name)]  # record layers with positions
ARCHIVE = str(Path(study.survey["folder"]) / "{archive}")
DOWNLOAD_LOG = f"{RESULTS}/logs/download_dataset/{{archive}}.log"
MISSING_ARCHIVES = "|".join(map(re.escape, study.survey["missing"])) or "(?!)"
REVISION = {
    "sampling": 3,
    "moments": 2,
    "contrast": 2,
}  # raise by hand when the numbers of a stage change


if study.stores_activations:
    workflow.register_resource("store_mb", study.store_megabytes)


wildcard_constraints:
    study=STUDY,
    network="|".join(NETWORKS),
    design="|".join(DESIGNS),
    replicate=r"\d+",
    shard=r"\d+[-_]\d+",


def of_runs(paths, networks=NETWORKS, designs=study.designs):
    """Paths of every network with each of its designs."""
    return [
        path
        for network in networks
        for design in designs(network)
        for path in expand(paths, study=STUDY, network=network, design=design)
    ]


def of_designs(path):
    """One path for every design that the analyses of a network compare."""

    def compared(wildcards):
        return expand(path, design=study.analysed(wildcards.network), **wildcards)

    return compared


def analysed_designs(wildcards):
    return study.analysed(wildcards.network)


def stored(path):
    return path if config["keep_activations"] else temp(path)


def archives(wildcards):
    return study.survey["archives"]


def weights_settings(wildcards):
    return study.weights_settings(wildcards.network)


def classifier_settings(wildcards):
    return study.classifier_settings(wildcards.network)


def all_classifier_settings(wildcards):
    return {name: study.classifier_settings(name) for name in NETWORKS}


def spatial_provenance(section):
    """Settings behind a result of the spatial study, with those of its own section."""

    def behind(wildcards):
        return study.spatial_provenance(wildcards.network, section)

    return behind


def sampling_settings(wildcards):
    return study.sampling_settings(wildcards.network, wildcards.design)


def segments_settings(wildcards):
    return study.segments_settings(wildcards.network, wildcards.design)


def provenance_settings(*sections):
    """Settings behind a result, which keeps them, with those of its own sections."""

    def behind(wildcards):
        return study.provenance_settings(wildcards.network, wildcards.design, *sections)

    return behind


def shard_ends(wildcards):
    sharding = study.sharding(wildcards.network, wildcards.design)
    return sharding.shards[wildcards.shard].ends


def replicate_blocks(wildcards):
    return study.blocks(wildcards.network, wildcards.design)


def shard_megabytes(wildcards):
    return study.shard_megabytes(wildcards.network, wildcards.design)


def sized(measure, rule):
    """What a rule asks for by the sizes of its job; more at every further attempt."""

    def asked(wildcards, attempt):
        sizes = study.sizes(wildcards.network, wildcards.design)
        return attempt * measure(rule, sizes)

    return asked


def sized_by_network(measure, rule):
    """What a rule asks for by the sizes of its network alone."""

    def asked(wildcards, attempt):
        return attempt * measure(rule, study.spatial_sizes(wildcards.network))

    return asked


def growing(first):
    """The same for all networks and designs; more at every further attempt."""

    def asked(wildcards, attempt):
        return attempt * first

    return asked


def replicate_parts(wildcards):
    parts = study.sharding(wildcards.network, wildcards.design).parts
    shards = [f"{wildcards.replicate}_{part}" for part in range(parts)]
    return expand(MOMENTS_PART, shard=shards, **wildcards)


def design_moments(wildcards):
    """Moments of all replicates of a design, whole or merged."""
    kept = study.sharding(wildcards.network, wildcards.design).kept
    folder = "results/{study}/{network}/{design}/moments"
    return expand(f"{folder}/{{kept}}.zarr.zip", kept=kept, **wildcards)


def expected_shards():
    shards = set()
    for network, design in study.runs:
        numbered = {
            "study": STUDY,
            "network": network,
            "design": design,
            "shard": study.sharding(network, design).shards,
        }
        shards |= set(expand(MOMENTS_PART, **numbered))
        shards |= set(expand(ACTIVATIONS_SHARD, **numbered))
    return set(map(Path, shards))


def notebook_results(wildcards):
    return [*CARDS, *NOTEBOOKS[wildcards.notebook]]


def notebook_parameters(wildcards):
    """Where the results are; published values are compared in one notebook."""
    published = config["notebooks"]["published"]
    compared = wildcards.notebook == "sensitivity_values" and published
    return {"study": RESULTS} | ({"published": published} if compared else {})
