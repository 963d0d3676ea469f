"""What a study costs, before anything is run: evaluations, time, bytes, files, jobs.

Bytes and files are bounds: everything is counted as if it did not compress. Two numbers are
estimates: the share of the evaluations that are different, and a speed that is measured.
"""

__all__ = [
    "DECODED_BLOCKS",
    "Cost",
    "design_cost",
    "different_share",
    "shared_cost",
    "spatial_cost",
    "total_cost",
]

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import ceil

import numpy as np

from actsense.data.cache import image_column
from actsense.networks.layers import lay_out
from actsense.networks.settings import checkpoint_epochs
from actsense.planning.speed import StandIn
from actsense.planning.work import (
    design_jobs,
    maps_are_analysed,
    record_files,
    shared_jobs,
    spatial_jobs,
)
from actsense.sampling.designs import Design
from actsense.sampling.law import InputLaw
from actsense.sensitivity.contrast import GROUP_BYTES, STATISTICS
from actsense.sensitivity.differences import kept_bytes
from actsense.sensitivity.moments import row_count
from actsense.sensitivity.top_images import DESCRIPTIONS
from actsense.study.resources import Sizes
from actsense.study.study import COLOUR_CHANNELS, Study

GB = 1e9
DECODED_BLOCKS = 16  # of a design: their share of different evaluations errs by about 0.01

# An array of a store is two files: one shard, and what describes it.
# Of a layer's indices: six estimates, intervals, support, flags (one set nowhere has no chunk).
LAYER_ARRAYS = 14
NETWORK_ARRAYS = 18  # of their root: six estimates, their intervals, three counts and labels
CONTRAST_ARRAYS = len(STATISTICS) + 1
TOP_ARRAYS = len(DESCRIPTIONS)  # of the top images of a layer
TOP_ROOT_ARRAYS = 3  # conditions, rows, parameters
TOP_BYTES = 4 + 2 + 4  # of a unit's image, draw and response
LABEL_BYTES = 200  # of a condition
MASKING_ARRAYS = 44  # with labels of conditions, and of predictions
VARIATION_ARRAYS = 3  # of a layer
# Tables, the list of channels, time stamps of folders, and figures; without those
# that are one per layer, value or design.
DESIGN_FILES = 12 + 1 + 5 + 8
NETWORK_FILES = 11 + 5 + 4
# Of the spatial study of a network its four stores; for all networks eight tables, eight figures,
# and the time stamp of a folder.
SPATIAL_STORE_FILES = 24 + 39 + 18 + 20
SPATIAL_FILES = 8 + 8 + 1
CHECKPOINT_COPIES = 3  # of the weights: themselves, and two moments of each for the optimiser
PASS_BYTES = 16  # kept of every image that passes, at most, orders of cells among them
PIXEL_BYTES = 3 + 3 * 4  # of an image with its saliency maps


@dataclass(frozen=True)
class Cost:
    """What one design costs for one network, what is made once, or all of it.

    Attributes:
        network: Name of the network.
        design: Name of the design.
        jobs: Jobs of all rules.
        samplings: Sampling jobs.
        evaluations: Nodes of all base points.
        forwards: Different inputs among them, which go through the network; an estimate.
        contrasts: Images that go through the network for the contrasts.
        masked: Images that go through masked networks, from the first masked layer on.
        segments: Images that go through the segments of the network.
        spatial: Images that the spatial study sends through the network.
        speed: Images per second.
        hours: Time of the device for all of them.
        minutes: Time of the longest sampling job.
        written: Gigabytes written in all.
        alive: Gigabytes of activations on disk at a time that are deleted later.
        temporary: Gigabytes of moments that are merged and deleted later.
        kept: Gigabytes that stay.
        files_temporary: Files that are deleted later.
        files_kept: Files that stay.
    """

    network: str = ""
    design: str = ""
    jobs: int = 0
    samplings: int = 0
    evaluations: int = 0
    forwards: int = 0
    contrasts: int = 0
    masked: int = 0
    segments: int = 0
    spatial: int = 0
    speed: float = 0.0
    hours: float = 0.0
    minutes: float = 0.0
    written: float = 0.0
    alive: float = 0.0
    temporary: float = 0.0
    kept: float = 0.0
    files_temporary: int = 0
    files_kept: int = 0

    @property
    def peak(self) -> float:
        """Gigabytes on disk at most, if nothing is merged before the last shard."""
        return self.alive + self.temporary + self.kept

    @property
    def files_peak(self) -> int:
        """Files on disk at most."""
        return self.files_temporary + self.files_kept


def design_cost(images: StandIn, network: str, design: str, speed: float) -> Cost:
    """Return what one design costs for one network.

    Arguments:
        images: Stands in for those of the study.
        network: Name of the network.
        design: Name of the design.
        speed: Images per second.
    """
    study, built = images.study, images.study.design(network, design)
    law, units = images.law(design), study.units(network)
    factors, parts = len(built.factors), len(built.parts)
    sharding, jobs = study.sharding(network, design), design_jobs(study, network, design)
    samplings, parted = len(sharding.shards), sharding.parts > 1
    stored, keeps = study.stores_activations, study.plain["keep_activations"]

    contrasts = _contrast_images(images, law, units)
    sizes = study.sizes(network, design)
    validation = int(images.counts[1].sum())
    share, analysed = different_share(built, law), maps_are_analysed(study, network, design)
    forwards = round(built.evaluations * share)
    masked = sizes.masks * min(sizes.masked_images, validation) * analysed
    segments = round(sizes.segment_evaluations * share) * analysed
    activations = forwards * units * 4 / GB * stored
    further = (_masking_bytes(study, sizes) + _segments_bytes(sizes)) / GB * analysed
    moments = row_count(factors, parts) * units * 8 / GB
    results = units * _index_bytes(factors + parts) / GB
    results += 4 * units * len(STATISTICS) * len(law.augmentations) / GB
    results += _top_bytes(images, law, units) / GB + further
    alive = min(built.evaluations * units * 4 / GB * stored, study.plain["store_budget_gb"])
    return Cost(
        network=network,
        design=design,
        jobs=sum(jobs.values()),
        samplings=samplings,
        evaluations=built.evaluations,
        forwards=forwards,
        contrasts=contrasts,
        speed=speed,
        masked=masked,
        segments=segments,
        hours=(forwards + contrasts + masked + segments) / speed / 3600,
        minutes=forwards * sharding.largest / (built.replicates * built.blocks) / speed / 60,
        written=activations + (samplings * parted + built.replicates) * moments + results,
        alive=0.0 if keeps else alive,
        temporary=samplings * parted * moments,
        kept=built.replicates * moments + results + activations * keeps,
        files_temporary=samplings * (parted + (stored and not keeps)),
        files_kept=len(sharding.kept)
        + samplings * (stored and keeps)
        + _result_files(study, network)
        + _analysis_files(study, network) * analysed
        + record_files(jobs),
    )


def shared_cost(images: StandIn) -> Cost:
    """Return what is made once for all designs: the images, the weights, figures of both."""
    study, jobs = images.study, shared_jobs(images.study)
    networks = study.plain["networks"]
    side = study.settings.dataset.image_size
    count, pixels = int(images.counts.sum()), 3 * side**2
    _, shard = image_column(side).layout()
    states = {name: study.outline(name).module.state_dict().values() for name in networks}
    checkpoints = {
        name: len(checkpoint_epochs(settings))
        for name, settings in study.settings.networks.items()
    }
    weights = sum(
        tensor.nbytes * (1 + CHECKPOINT_COPIES * checkpoints[name])
        for name, state in states.items()
        for tensor in state
    )
    kept = (count * pixels + weights) / GB
    # Beside the images: their description and time stamp, the manifest, three figures.
    files = ceil(count / shard) + 3 + 3 + 2 * len(networks) + record_files(jobs)
    files += sum(_network_files(study, name) for name in networks)
    files += sum(checkpoints.values())
    files += SPATIAL_FILES + len(networks)  # a page of curves for each
    return Cost("once", jobs=sum(jobs.values()), written=kept, kept=kept, files_kept=files)


def spatial_cost(images: StandIn, network: str, speed: float) -> Cost:
    """Return what the spatial study costs for one network.

    Arguments:
        images: Stands in for those of the study.
        network: Name of the network.
        speed: Images per second.
    """
    study, jobs = images.study, spatial_jobs()
    saliency, side = study.plain["spatial"]["saliency"], study.plain["dataset"]["image_size"]
    passes = sum(study.spatial_sizes(network).passes.values())
    pixels = saliency["images"] * len(saliency["saturations"]) * side**2
    kept = (PASS_BYTES * passes + PIXEL_BYTES * pixels) / GB
    return Cost(
        network=network,
        design="spatial",
        jobs=sum(jobs.values()),
        spatial=passes,
        speed=speed,
        hours=passes / speed / 3600,
        written=kept,
        kept=kept,
        files_kept=SPATIAL_STORE_FILES + record_files(jobs),
    )


def different_share(built: Design, law: InputLaw) -> float:
    """Estimate which share of a design's evaluations goes through the network.

    Arguments:
        built: The design.
        law: Its input law; the images need not exist.
    """
    total = built.replicates * built.blocks
    chosen = np.linspace(0, total - 1, min(total, DECODED_BLOCKS)).astype(np.int64)
    shares = []
    for replicate, number in (divmod(int(block), built.blocks) for block in chosen):
        coordinates = built.block(replicate, number).coordinates
        evaluations = law.decode(coordinates.reshape(-1, coordinates.shape[-1]))
        shares.append(len(evaluations.distinct()[0]) / len(evaluations))
    return float(np.mean(shares))


def _contrast_images(images: StandIn, law: InputLaw, units: int) -> int:
    contrast = images.study.plain["contrast"]
    shown = int(min(contrast["images"], images.counts.sum()))
    # Untouched images run again for every group of augmentations.
    fitting = max(1, int(GROUP_BYTES // (units * kept_bytes(shown, False))))
    each = ceil(len(law.parameters) / fitting)
    each += sum(contrast["draws"] if ranges else 1 for ranges in law.parameters)
    return shown * each


def _top_bytes(images: StandIn, law: InputLaw, units: int) -> int:
    """Return the bytes of the top images, with the parameters that pictures are drawn from."""
    contrast = images.study.plain["contrast"]
    shown = int(min(contrast["images"], images.counts.sum()))
    parameters = int(contrast["draws"]) * sum(map(len, law.parameters))
    ranked = units * (1 + len(law.augmentations)) * int(contrast["top_images"])
    return TOP_BYTES * ranked + (8 + 4 * parameters) * shown


def _index_bytes(factors: int) -> int:
    """Return the bytes of all indices of a unit, with intervals, before compression."""
    shares = 3 * factors + factors**2  # first, total, Shapley, second; float32
    # Mean and variance are float64; two flags, and a support of every factor.
    return 2 * (4 * shares + 8 * 2) + 2 + 4 * factors


def _result_files(study: Study, network: str) -> int:
    """Count the files of indices, contrasts, figures and tables."""
    described, side = study.plain["networks"][network], study.plain["dataset"]["image_size"]
    layers = lay_out(study.outline(network), described["layers"], side)
    groups = len(layers) + sum(len(layer.shape) > 1 for layer in layers)  # maps by channel too
    indices = 2 + 2 * NETWORK_ARRAYS + groups * (1 + 2 * LAYER_ARRAYS)
    contrast = 2 + len(layers) * (1 + 2 * CONTRAST_ARRAYS)
    contrast += 2 + 2 * TOP_ROOT_ARRAYS + len(layers) * (1 + 2 * TOP_ARRAYS)
    figures = 4 + 1 + len(layers)
    return indices + contrast + figures + 5


def _analysis_files(study: Study, network: str) -> int:
    """Count the files that masks and segments leave under one design."""
    maps = len(study.maps(network))
    groups = COLOUR_CHANNELS * maps
    segments = 2 + 2 * NETWORK_ARRAYS + groups * (2 + 2 * 2 * (LAYER_ARRAYS + 1))
    figures = len(study.plain["masking"]["values"]) + 2 * maps
    return 2 + 2 * MASKING_ARRAYS + segments + figures + DESIGN_FILES


def _network_files(study: Study, network: str) -> int:
    """Count the files of the analyses over all designs."""
    layers, designs = len(study.survey["layers"][network]), len(study.analysed(network))
    if not designs:
        return 0
    variation = 2 + layers * (1 + 2 * VARIATION_ARRAYS)
    # Of every design: confusions of two kinds, projections, rankings, matches.
    return variation + 5 * designs + NETWORK_FILES


def _masking_bytes(study: Study, sizes: Sizes) -> int:
    """Return the bytes of everything about masked networks, before compression."""
    masking, classes = study.plain["masking"], int(study.survey["classes"])
    plans = len(masking["values"]) * len(masking["scales"]) * len(masking["fractions"])
    names = sizes.factors + sizes.parts
    kept: int = 1 + names * (1 + 2 * plans)  # conditions whose predictions are kept
    numbers = 4 * (20 + 4 * classes + int(masking["bootstrap"]))
    return sizes.masks * (LABEL_BYTES + numbers) + kept * sizes.masked_images * 2 * 5


def _segments_bytes(sizes: Sizes) -> int:
    return sizes.segment_units * _index_bytes(sizes.factors + sizes.parts)


def total_cost(study: Study, costs: Sequence[Cost]) -> Cost:
    """Return what everything costs together."""
    names = [field.name for field in fields(Cost) if field.name not in ("network", "design")]
    sums = {name: sum(getattr(cost, name) for cost in costs) for name in names}
    sums |= {
        "samplings": 0,
        "speed": 0.0,
        "minutes": max(cost.minutes for cost in costs),
        "alive": min(study.plain["store_budget_gb"], sums["alive"]),
    }
    return Cost("all", **sums)
