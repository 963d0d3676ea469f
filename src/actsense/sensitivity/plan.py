"""What sampling, indices and contrasts take, said before anything is run."""

__all__ = ["contrast_parts", "index_bytes", "sampled_design", "work"]

from dataclasses import replace
from math import ceil

from actsense.sampling.plan import SampledDesign, stored_rows
from actsense.sensitivity.cuts import (
    ESTIMATED_BYTES,
    MERGED_BYTES,
    SUMMED_BYTES,
    ContrastCut,
    ContrastPart,
    MomentsCut,
    cut_contrast,
    cut_moments,
    image_bytes,
)
from actsense.sensitivity.moments import row_count
from actsense.sensitivity.settings import Contrast
from actsense.work import Facts, Work, store_files, table_files

MB = 1e6
READ_BYTES = 1.5e8  # of chunks on their way to or from the disk
ESTIMATES = 4  # times their moments, that estimates take while they are made
PAGE = 100  # megabytes of a page of maps, beside the process
DRAWN = 1.6  # times the indices of all units, that drawing them was seen to hold
DISK_SPEED = 100  # megabytes per second, of a slow file system

LAYER_ARRAYS = 14  # of a layer: six estimates, their intervals, support, flags
NETWORK_ARRAYS = 18  # of the root: six estimates, their intervals, three counts, three labels
STATISTICS = 7  # of a contrast
CONTRAST_ARRAYS = STATISTICS + 1 + 3  # with a label; responses to single images, and theirs
TOP_ARRAYS = 3  # of a layer: image, draw and response
TOP_ROOT_ARRAYS = 3  # conditions, rows, parameters
TOP_BYTES = 4 + 2 + 4  # of a unit's image, draw and response
TABLES = 4  # layers, channels, pairs, units
FIGURES = 3  # depth profile, pairs, channels; and a folder of maps


def work(facts: Facts) -> list[Work]:
    """Return what indices and contrasts take, for every network and design."""
    return [own for names in facts.runs for own in _run(facts, *names)]


def sampled_design(facts: Facts, network: str, design: str) -> SampledDesign:
    """Count a design for a network, and cut it into jobs by what each really passes.

    Where activations are summed up as they come and their sums do not fit together, images pass
    once for every tile of units: jobs are as much shorter.

    Arguments:
        facts: What is known of the study.
        network: Name of the network.
        design: Name of the design.
    """
    own = facts.networks[network]
    counted = SampledDesign.of(facts.settings, network, design, own)
    if facts.settings.activations == "store":
        return counted
    tiles = len(_cut_moments(facts, network, counted).tiles)
    slower = replace(own, speed=own.speed / tiles)
    return SampledDesign.of(facts.settings, network, design, slower)


def index_bytes(factors: int) -> int:
    """Return the bytes of all indices of a unit, with intervals.

    Arguments:
        factors: Factors, and parts of the last one.
    """
    shares = 3 * factors + factors**2  # first, total, Shapley, second; float32
    # Mean and variance are float64; two flags, and a support of every factor.
    return 2 * (4 * shares + 8 * 2) + 2 + 4 * factors


def _run(facts: Facts, network: str, design: str) -> list[Work]:
    own = facts.networks[network]
    counted = sampled_design(facts, network, design)
    factors, parts = len(counted.design.factors), len(counted.design.parts)
    moments, replicates = own.units * row_count(factors, parts) * 8, counted.design.replicates
    groups = len(own.layers) + sum(len(layer.shape) > 1 for layer in own.layers)  # maps by channel
    sampled = int(design in own.designs)
    return [
        *_moments(facts, network, design, counted, moments),
        Work(
            *("estimate_indices", network, design, sampled),
            # Moments of all replicates, and estimates made of them.
            holds=min(ESTIMATED_BYTES, replicates * moments) * ESTIMATES / MB,
            seconds=own.units / 100,
            kept=own.units * index_bytes(factors + parts),
            files=store_files(NETWORK_ARRAYS + groups * LAYER_ARRAYS, 1 + groups)
            + table_files(TABLES),
        ),
        Work(
            *("plot_indices", network, design, sampled),
            holds=PAGE + DRAWN * own.units * index_bytes(factors + parts) / MB,
            files=FIGURES + 1 + len(own.layers),
        ),
        *_contrast(facts, network, design),
        Work("plot_contrast", network, design, sampled, files=1),
    ]


def _moments(
    facts: Facts, network: str, design: str, counted: SampledDesign, moments: int
) -> list[Work]:
    """Return what sampling takes: stored and summed up in two jobs, or summed up at once.

    Both whole replicates and parts of them are there; the ones that the study has not are none.
    """
    sampling = _sampling(facts, network, design, counted)
    parted, replicates = counted.sharding.parts > 1, counted.design.replicates
    whole = Work(
        *("accumulate", network, design, sampling.jobs * (not parted)),
        holds=(min(SUMMED_BYTES, moments) + READ_BYTES) / MB,
        tensors=True,
        seconds=2 * sampling.seconds,
        kept=replicates * moments,
        files=len(counted.sharding.shards),
    )
    cut = _cut_moments(facts, network, counted)
    streamed = replace(
        whole,
        rule="stream_moments",
        passes=sampling.passes * len(cut.tiles),
        longest=sampling.longest * len(cut.tiles),
        holds=cut.holds / MB,
        seconds=0,
    )
    merging = Work(
        *("merge_moments", network, design, replicates * parted * (sampling.jobs > 0)),
        holds=3 * min(MERGED_BYTES, moments) / MB,
        kept=replicates * moments,
        files=replicates,
    )
    jobs = sampling.jobs * parted
    if facts.settings.activations == "store":
        return [sampling, whole, _in_parts(whole, "accumulate_part", jobs, moments), merging]
    return [streamed, _in_parts(streamed, "stream_part", jobs, moments), merging]


def _cut_moments(facts: Facts, network: str, counted: SampledDesign) -> MomentsCut:
    """Return what is summed up at a time in the longest job."""
    return cut_moments(
        facts.networks[network].layers,
        counted.design,
        blocks=max(len(shard.blocks) for shard in counted.sharding.shards.values()),
        batch=facts.batch(network),
        room=facts.room(network),
    )


def _sampling(facts: Facts, network: str, design: str, counted: SampledDesign) -> Work:
    """Return what sampling takes when activations are stored."""
    shards, keep = len(counted.sharding.shards), facts.settings.keep_activations
    share = facts.different.get((network, design), 1.0)
    passes, unit_bytes = round(counted.design.evaluations * share), 4 * counted.units
    step = stored_rows(counted.units, facts.batch(network), facts.room(network))
    return Work(
        *("sample_activations", network, design),
        jobs=shards * (design in facts.networks[network].designs),
        passes=passes,
        longest=round(counted.shard * share),
        holds=(min(step, counted.block) * unit_bytes + READ_BYTES) / MB,
        seconds=counted.shard * unit_bytes / MB / DISK_SPEED,
        kept=passes * unit_bytes * keep,
        passing=passes * unit_bytes * (not keep),
        files=shards * keep,
        files_dropped=shards * (not keep),
    )


def _in_parts(whole: Work, rule: str, jobs: int, moments: int) -> Work:
    """Return the same work where shards are parts of replicates, whose moments are merged."""
    dropped = whole.files * moments
    return replace(
        whole, rule=rule, jobs=jobs, kept=0, dropped=dropped, files=0, files_dropped=whole.files
    )


def _contrast(facts: Facts, network: str, design: str) -> list[Work]:
    contrast: Contrast = facts.settings.contrast
    own, count = facts.networks[network], len(facts.settings.designs[design].augmentations)
    layers, samples = len(own.layers), facts.samples(contrast.images, contrast.partitions)
    shown, drawn = sum(samples), facts.drawn.get(design, (1,) * count)
    pairs = 1 if contrast.averaged else contrast.draws
    cut = _cut_contrast(facts, network, count)
    parameters = contrast.draws * sum(drawn)
    ranked = own.units * (1 + count) * contrast.top_images
    treated = [contrast.draws if numbers else 1 for numbers in drawn]
    passes = shown * cut.passes(sum(treated))
    whole = Work(
        *("estimate_contrast", network, design, int(design in own.designs)),
        passes=passes,
        longest=passes,
        holds=cut.holds / MB,
        kept=4 * own.units * STATISTICS * count * len(samples)
        + image_bytes(own.layers, count, images=samples, draws=pairs)
        + TOP_BYTES * ranked
        + (8 + 4 * parameters) * shown,
        files=store_files(layers * CONTRAST_ARRAYS, 1 + layers)
        + store_files(TOP_ROOT_ARRAYS + layers * TOP_ARRAYS, 1 + layers)
        + table_files(1),
    )
    parts = contrast_parts(facts, network, design)
    if not parts:
        return [replace(whole, rule="contrast_part", jobs=0), whole]
    each = [
        shown * (1 + sum(treated[part.group.start : part.group.stop])) / part.links
        for part in parts
    ]
    together = max(len(part.group) for part in parts)
    piece = _cut_contrast(facts, network, together)
    # What a link leaves is there until the next one has taken it over, and with it its own.
    ends = [part for part in parts if part.link == part.links - 1]
    part = replace(
        whole,
        rule="contrast_part",
        jobs=len(parts) * whole.jobs,
        passes=round(sum(each)),
        longest=ceil(max(each)) + facts.batch(network) * (1 + together),
        holds=2 * piece.holds / MB,
        kept=0,
        dropped=2 * len(ends) * piece.holds,
        files=0,
        files_dropped=len(ends) + 1,
    )
    return [part, replace(whole, passes=0, longest=0, opens=(network,))]


def contrast_parts(facts: Facts, network: str, design: str) -> list[ContrastPart]:
    """Cut a contrast into jobs of `job_minutes`; nothing where one job makes all of it.

    Units that do not fit together are pieces. If they take too long, so are augmentations, as
    few of them in one as necessary, because untouched images pass for every piece. What is still
    too long is done by several jobs in turn.

    Arguments:
        facts: What is known of the study.
        network: Name of the network.
        design: Name of the design.
    """
    facts, contrast = facts.settled, facts.settings.contrast
    count = len(facts.settings.designs[design].augmentations)
    shown = sum(facts.samples(contrast.images, contrast.partitions))
    whole = _cut_contrast(facts, network, count)
    if facts.jobs(network, shown * whole.passes(count * contrast.draws)) == 1:
        return []
    for pieces in range(1, count + 1):
        together = ceil(count / pieces)
        cut = _cut_contrast(facts, network, together)
        links = facts.jobs(network, shown * (1 + together * contrast.draws))
        if len(cut.groups) == 1 and links == 1:
            break
    starts = range(0, count, together)
    return [
        ContrastPart(tile, group, link, links)
        for tile in cut.tiles
        for group in (range(start, min(start + together, count)) for start in starts)
        for link in range(links)
    ]


def _cut_contrast(facts: Facts, network: str, augmentations: int) -> ContrastCut:
    """Return what a contrast of so many augmentations takes at a time."""
    contrast: Contrast = facts.settings.contrast
    samples = facts.samples(contrast.images, contrast.partitions)
    return cut_contrast(
        facts.networks[network].layers,
        augmentations,
        images=max(samples),
        pairs=1 if contrast.averaged else contrast.draws,
        samples=len(samples),
        top_images=contrast.top_images,
        batch=facts.batch(network),
        room=facts.room(network),
    )
