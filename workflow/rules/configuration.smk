"""The checked configuration, and what rules derive from it."""

import re
import sys
from functools import cache, partial
from os.path import relpath
from pathlib import Path
from shlex import quote

from snakemake.logging import logger
from snakemake.utils import update_config

sys.path.insert(0, str(HERE / "src"))

from actsense.job.alone import enter, note_cluster
from actsense.job.interrupt import Interrupt, command_line

# Before all that takes time.
interrupt = Interrupt(f"Interrupted. What is finished is kept. To go on: {command_line(sys.argv)}")
if workflow.is_main_process:
    interrupt.watch(logger)
    if locked := enter():
        again = command_line([*sys.argv, "--unlock"])
        logger.warning(f"{locked} Only if nothing of it is alive: {again}")

from actsense.errors import ConfigError
from actsense.masking.plan import mask_parts
from actsense.networks.settings import checkpoint_epochs, teacher_of
from actsense.sampling.kept_speed import speed_file, unmeasured
from actsense.planning.work import WorkTable
from actsense.sensitivity.plan import contrast_parts
from actsense.study.beside import StudiesBeside
from actsense.study.configuration import typed
from actsense.study.imported import refused
from actsense.study.study import Study
from actsense.texts import printable

# The folder of the checkout, where Snakemake puts in what stands in braces.
CHECKOUT = str(HERE).replace("{", "{{").replace("}", "}}")

# Scripts import the package of this checkout, whatever environment they run in. Threads of jobs that
# share processors wait asleep: awake, they keep the thread that they wait for from its work. After
# Ctrl-C the run ends them, see `Interrupt`.
shell.prefix(
    f"trap '' INT; export PYTHONPATH={quote(f'{CHECKOUT}/src')}"
    " OMP_WAIT_POLICY=${{OMP_WAIT_POLICY:-PASSIVE}}; "
)

# `--config` speaks to whoever is asked: of a module that is the workflow around it.
if len(workflow.modifier_stack) == 1:
    update_config(config, typed(workflow.config_settings.config))

try:
    study = Study.load(config)
    beside = StudiesBeside(study)
    if workflow.is_main_process:
        study.check_budget()
        beside.check()
        study.check_kept_moments(study.results)
        study.bequeath()
        for note in study.survey["originals"]["notes"]:
            logger.info(printable(note))
except ConfigError as error:
    sys.exit(printable(str(error)))

# Snakemake tells no rule file what is asked for.
if workflow.is_main_process and study.imported and (told := refused(study.name, sys.argv[1:])):
    sys.exit(told)

config.update(study.plain)
work = WorkTable(study.facts)

STUDY = study.name
RESULTS = f"results/{STUDY}"
NETWORKS = list(config["networks"])
DESIGNS = list(config["designs"])
ANALYSED = [name for name in NETWORKS if study.analysed(name)]
PATTERNED = beside.patterned
PICTURED = beside.pictured
EXAMINED = beside.examined
CONCEPTUAL = beside.conceptual
UNMEASURED = [] if study.imported else unmeasured(study.results, study.settings.networks)
MAPPED = [name for name in ANALYSED if study.maps(name)]  # record layers with positions
SAMPLED = "(?!)" if study.imported else "|".join(NETWORKS)  # published values stay as they are
ARCHIVE = str(Path(study.survey["folder"]) / "{archive}")
MISSING_ARCHIVES = "|".join(map(re.escape, study.survey["missing"])) or "(?!)"
# Raise by hand when the numbers of a stage change.
REVISION = {"sampling": 4, "moments": 2, "contrast": 3}

# What a target says of which nothing is asked.
NOTHING = "No network is looked at. Name some in {}.networks"

# What many rules read.
IMAGES = "results/{study}/data/images.zarr"
MANIFEST = "results/{study}/data/manifest.csv"
WEIGHTS = "results/{study}/{network}/weights.pt"
CARD = "results/{study}/{network}/card.json"
CHECKPOINT = "results/{study}/{network}/checkpoints/epoch_{epoch}.pt"
ATTACK = "results/{study}/{network}/patterns/attack.zarr"
FEATURES = "results/{study}/{network}/patterns/features.zarr"
PATTERNS = "results/{study}/{network}/patterns/patterns.zarr"
PICTURES = "results/{study}/{network}/featvis/pictures.zarr"
AUTOENCODER = "results/{study}/invariance/autoencoder.pt"
LATENTS = "results/{study}/invariance/latents.zarr"
REPRESENTATIONS = "results/{study}/{network}/invariance/representations/{state}.zarr"
FAITHFULNESS = "results/{study}/{network}/invariance/autoencoder/{state}.json"
FLOW = "results/{study}/{network}/invariance/flows/{state}/{layer}.pt"
FLOW_CARD = "results/{study}/{network}/invariance/flows/{state}/{layer}.json"
KEPT = "results/{study}/{network}/invariance/kept.zarr"
FACTORS = "results/{study}/invariance/factors.pt"
FACTORS_CARD = "results/{study}/invariance/factors.json"
EXPLAINED = "results/{study}/{network}/invariance/factors.zarr"
INDICES = "results/{study}/{network}/{design}/indices.zarr"
CONTRAST = "results/{study}/{network}/{design}/contrast.zarr"
MASKING = "results/{study}/{network}/{design}/masking.zarr"
ACTIVATIONS_SHARD = "results/{study}/{network}/{design}/shards/{shard}.zarr.zip"
CONTRAST_PART = "results/{study}/{network}/{design}/contrast_parts/{part}.zarr.zip"
MASKING_PART = "results/{study}/{network}/{design}/masking_parts/{part}.zarr.zip"
MOMENTS_PART = "results/{study}/{network}/{design}/shards/{shard}.moments.zarr.zip"


if study.stores_activations:
    workflow.register_resource("store_mb", study.store_megabytes)


wildcard_constraints:
    study=STUDY,
    network="|".join(NETWORKS),
    design="|".join(DESIGNS) or "(?!)",
    epoch=r"\d+",
    state=r"trained|random|epoch_\d+",
    layer=r"[^/]+",
    replicate=r"\d+",
    shard=r"\d+[-_]\d+",
    part=r"\d+",


def of(described, *further):
    """What `described` of the study says of a job's network, and design where it has one.

    Once for all of its jobs, which may be many.
    """
    found = cache(described)

    def asked(wildcards):
        return found(*named(wildcards), *further)

    return asked


def named(wildcards):
    return [wildcards[kind] for kind in ("network", "design") if kind in wildcards.keys()]


def placed(wildcards):
    """Where a job stands in the work table."""
    kinds = ("network", "design", "layer")
    return {kind: wildcards[kind] for kind in kinds if kind in wildcards.keys()}


def of_config(*names):
    """What the configuration says under some of its names."""
    return {name: config[name] for name in names}


# What a job opens one network with.
OPENED = of_config("batch_size", "device") | {"subject": of(study.subject_settings)}


def of_runs(paths, networks=NETWORKS, designs=study.designs, of="indices"):
    """Paths of every network with each of its designs that there are or will be results of."""
    return [
        path
        for network in networks
        for design in designs(network)
        if study.holds(of, network, design)
        for path in expand(paths, study=STUDY, network=network, design=design)
    ]


def of_images(paths):
    """Paths of the study that images or weights are needed for: none of an imported one."""
    return [] if study.imported else expand(paths, study=STUDY)


def of_networks(path):
    """One path for every network."""
    return expand(path, network=NETWORKS, allow_missing=True)


def of_designs(path, of="indices"):
    """One path for every design that the analyses of a network compare."""

    def compared(wildcards):
        return expand(path, design=study.compared(wildcards.network, of), **wildcards)

    return compared


def of_judge(path):
    """A file of the network that judges images, or none."""
    return expand(path, network=beside.judge, allow_missing=True) if beside.judge else []


def state_checkpoint(wildcards):
    """The checkpoint that is a state of a network, or none."""
    kind, _, epoch = wildcards.state.partition("_")
    return expand(CHECKPOINT, epoch=epoch, **wildcards) if kind == "epoch" else []


def state_layers(wildcards):
    """The layers that are looked at in a state of a network."""
    return beside.invariance_places(wildcards.network)[wildcards.state]


def of_sampled(path):
    """One path for every state of a network that is sampled, and layer where the path has one."""

    def sampled(wildcards):
        return of_places(path, beside.sampled_places([wildcards.network]))

    return sampled


def of_concepts(path):
    """One path for every state of a network that concepts are looked for in, and layer likewise."""

    def conceptual(wildcards):
        places = beside.factor_places(wildcards.network)
        return expand(of_places(path, places), **wildcards)

    return conceptual


def concept_checkpoints(wildcards):
    """The checkpoints of a network that concepts are looked for in."""
    places = beside.factor_places(wildcards.network)
    states = dict.fromkeys(place["state"] for place in places)
    reached = [state.removeprefix("epoch_") for state in states if state.startswith("epoch_")]
    return expand(CHECKPOINT, epoch=reached, **wildcards)


def of_places(path, places):
    """A path for every network, state and layer, each once."""
    found = [own for place in places for own in expand(path, **place, allow_missing=True)]
    return list(dict.fromkeys(found))


def demo_flows(wildcards):
    """Flows of the layers of a network whose demos are drawn."""
    layers = beside.demo_layers(wildcards.network)
    return expand(FLOW, state="trained", layer=layers, **wildcards)


def listed_units(wildcards):
    """The file that lists the channels of a network's segments, or none."""
    listed = study.settings.segments.units
    return [listed[wildcards.network]] if wildcards.network in listed else []


def units_indices(wildcards):
    """The indices that choose the units of a network which are drawn, or none."""
    design = beside.units_design(wildcards.network)
    return expand(INDICES, design=design, **wildcards) if design else []


def record(scripted, kind, ending):
    """A path for every job of a rule and for no other, in folders by its name and wildcards."""
    wildcards = re.findall(r"{(\w+)", "".join(scripted.output[:1]))
    folders = [f"{{{name}}}" for name in wildcards if name != "study"]
    home = "results/{study}" if "study" in wildcards else RESULTS
    return f"{Path(home, kind, scripted.name, *folders)}{ending}"


def stored(path):
    return path if config["keep_activations"] else temp(path)


def memory(rule):
    """Megabytes that a job of a rule asks for, more at every further attempt."""

    def asked(wildcards, attempt):
        return attempt * work.megabytes(rule, **placed(wildcards))

    return asked


def runtime(rule):
    """Minutes that a job of a rule asks for, more at every further attempt."""

    def asked(wildcards, attempt):
        return attempt * work.minutes(rule, **placed(wildcards))

    return asked


def epochs(wildcards):
    """Epochs of the checkpoints of a network, ascending."""
    return list(checkpoint_epochs(study.settings.networks[wildcards.network]))


def teacher(wildcards):
    """Weights of the network that one learns from, or none."""
    named = teacher_of(study.settings.networks[wildcards.network])
    return expand(WEIGHTS, **dict(wildcards) | {"network": named})


def checkpoints(wildcards):
    """Checkpoints of a network, by epoch."""
    return expand(CHECKPOINT, epoch=epochs(wildcards), **wildcards)


def checkpoint_before(wildcards):
    """The checkpoint that the training until the next one goes on from, or none."""
    before = [epoch for epoch in epochs(wildcards) if epoch < int(wildcards.epoch)][-1:]
    return expand(CHECKPOINT, **dict(wildcards) | {"epoch": before})


def shard_ends(wildcards):
    sharding = study.sharding(wildcards.network, wildcards.design)
    return sharding.shards[wildcards.shard].ends


def replicate_parts(wildcards):
    parts = study.sharding(wildcards.network, wildcards.design).parts
    shards = [f"{wildcards.replicate}_{part}" for part in range(parts)]
    return expand(MOMENTS_PART, shard=shards, **wildcards)


# Long jobs are cut by what is known before anything is run.
CONTRAST_PARTS = of(partial(contrast_parts, study.facts))
MASK_PARTS = of(partial(mask_parts, study.facts))


def contrast_ends(wildcards):
    return CONTRAST_PARTS(wildcards)[int(wildcards.part)].ends


def contrast_before(wildcards):
    """What the job before one of a contrast has written, if they are of one piece."""
    part = int(wildcards.part)
    goes_on = CONTRAST_PARTS(wildcards)[part].link > 0
    return expand(CONTRAST_PART, **dict(wildcards) | {"part": [part - 1] * goes_on})


def contrast_pieces(wildcards):
    """What the last job of every piece of a contrast writes; nothing where one job makes all."""
    parts = enumerate(CONTRAST_PARTS(wildcards))
    ends = [number for number, part in parts if part.link == part.links - 1]
    return expand(CONTRAST_PART, part=ends, **wildcards)


def masking_parts(wildcards):
    """What parts of all masks have found; nothing where one job tries all."""
    return expand(MASKING_PART, part=range(MASK_PARTS(wildcards)), **wildcards)


def design_moments(wildcards):
    """Moments of all replicates of a design, whole or merged."""
    kept = study.sharding(wildcards.network, wildcards.design).kept
    folder = "results/{study}/{network}/{design}/moments"
    return expand(f"{folder}/{{kept}}.zarr.zip", kept=kept, **wildcards)


def expected_shards():
    """Every file that is read once and deleted then."""
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
        masks = range(mask_parts(study.facts, network, design))
        contrasts = range(len(contrast_parts(study.facts, network, design)))
        shards |= set(expand(MASKING_PART, **numbered, part=masks))
        shards |= set(expand(CONTRAST_PART, **numbered, part=contrasts))
    return set(map(Path, shards))


def notebook_results(wildcards):
    return [*CARDS, *NOTEBOOKS[wildcards.notebook]]


def notebook_parameters(wildcards):
    """Where the results are; published values are compared in one notebook."""
    published = config["notebooks"]["published"]
    compared = wildcards.notebook == "sensitivity_values" and published
    return {"study": RESULTS} | ({"published": published} if compared else {})
