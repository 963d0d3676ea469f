"""What sampling, indices and contrasts take, said before anything is run."""

__all__ = [
    "DIFFERENCE_BYTES",
    "GROUP_BYTES",
    "VECTORS",
    "contrast_megabytes",
    "index_bytes",
    "work",
]

from dataclasses import replace
from math import ceil

from actsense.sampling.plan import SampledDesign
from actsense.sensitivity.moments import row_count
from actsense.sensitivity.settings import Contrast
from actsense.work import Facts, Work, store_files

MB = 1e6
TILE = 3000  # megabytes of moments and estimates at a time
DIFFERENCE_BYTES = 984  # of a unit's differences under one augmentation, at most
GROUP_BYTES = 4e9  # of differences at a time: those of as many augmentations as fit, at least one
VECTORS = 300  # megabytes of exact codes, at most
DISK_SPEED = 100  # megabytes per second, of a slow file system

LAYER_ARRAYS = 14  # of a layer: six estimates, their intervals, support, flags
NETWORK_ARRAYS = 18  # of the root: six estimates, their intervals, three counts, three labels
STATISTICS = 7  # of a contrast
CONTRAST_ARRAYS = STATISTICS + 1  # with a flag
TOP_ARRAYS = 3  # of a layer: image, draw and response
TOP_ROOT_ARRAYS = 3  # conditions, rows, parameters
TOP_BYTES = 4 + 2 + 4  # of a unit's image, draw and response
TABLES = 4  # layers, channels, pairs, units
FIGURES = 3  # depth profile, pairs, channels; and a folder of maps


def work(facts: Facts) -> list[Work]:
    """Return what indices and contrasts take, for every network and design."""
    return [own for names in facts.runs for own in _run(facts, *names)]


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
    counted = SampledDesign.of(facts.settings, network, design, own)
    factors, parts = len(counted.design.factors), len(counted.design.parts)
    moments = own.units * row_count(factors, parts) * 8
    groups = len(own.layers) + sum(len(layer.shape) > 1 for layer in own.layers)  # maps by channel
    sampled = int(design in own.designs)
    return [
        *_moments(facts, network, design, counted, moments),
        Work(
            *("estimate_indices", network, design, sampled),
            holds=TILE + 3 * moments / MB,
            seconds=own.units / 100,
            kept=own.units * index_bytes(factors + parts),
            files=store_files(NETWORK_ARRAYS + groups * LAYER_ARRAYS, 1 + groups) + TABLES,
        ),
        Work(
            *("plot_indices", network, design, sampled),
            holds=moments / MB,
            files=FIGURES + 1 + len(own.layers),
        ),
        _contrast(facts, network, design),
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
        holds=3 * moments / MB,
        seconds=2 * sampling.seconds,
        kept=replicates * moments,
        files=len(counted.sharding.shards),
    )
    streamed = replace(
        whole,
        rule="stream_moments",
        passes=sampling.passes,
        longest=sampling.longest,
        holds=sampling.holds + 2 * moments / MB,
        seconds=0,
    )
    merging = Work(
        *("merge_moments", network, design, replicates * parted * (sampling.jobs > 0)),
        holds=4 * moments / MB,
        kept=replicates * moments,
        files=replicates,
    )
    jobs = sampling.jobs * parted
    if facts.settings.activations == "store":
        return [sampling, whole, _in_parts(whole, "accumulate_part", jobs, moments), merging]
    return [streamed, _in_parts(streamed, "stream_part", jobs, moments), merging]


def _sampling(facts: Facts, network: str, design: str, counted: SampledDesign) -> Work:
    """Return what sampling takes when activations are stored."""
    shards, keep = len(counted.sharding.shards), facts.settings.keep_activations
    share = facts.different.get((network, design), 1.0)
    passes, unit_bytes = round(counted.design.evaluations * share), 4 * counted.units
    return Work(
        *("sample_activations", network, design),
        jobs=shards * (design in facts.networks[network].designs),
        passes=passes,
        longest=round(counted.shard * share),
        holds=3 * counted.block * unit_bytes / MB,
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


def contrast_megabytes(units: int, augmentations: int, *, top_images: int) -> float:
    """Return what contrasts hold at a time.

    Arguments:
        units: Units of the network.
        augmentations: Augmentations of the design.
        top_images: Images that are kept per unit and condition.
    """
    # Codes or bins with sums, of as many augmentations as fit; exact codes of vectors beside
    # them; and all statistics, while they are adjusted and as written.
    each = DIFFERENCE_BYTES * units
    differences, adjusted = min(augmentations * each, max(each, GROUP_BYTES)), 150 * augmentations
    # Response and number of every rank with the lowest response; then image, draw and response
    # twice, while they are written. Untouched images are a condition, too.
    top = (1 + augmentations) * (28 * top_images + 4)
    return VECTORS + (differences + (adjusted + top) * units) / MB


def _contrast(facts: Facts, network: str, design: str) -> Work:
    contrast: Contrast = facts.settings.contrast
    own, count = facts.networks[network], len(facts.settings.designs[design].augmentations)
    units, layers, shown = own.units, len(own.layers), facts.shown(contrast.images)
    drawn = facts.drawn.get(design, (1,) * count)
    # Untouched images run again for every group of augmentations.
    groups = ceil(count / max(1, int(GROUP_BYTES // (units * DIFFERENCE_BYTES))))
    parameters = contrast.draws * sum(drawn)
    ranked = units * (1 + count) * contrast.top_images
    held = contrast_megabytes(units, count, top_images=contrast.top_images)
    return Work(
        *("estimate_contrast", network, design, int(design in own.designs)),
        passes=shown * (groups + sum(contrast.draws if numbers else 1 for numbers in drawn)),
        holds=held + 2 * 4 * units * facts.settings.batch_size / MB,  # responses of a batch
        kept=4 * units * STATISTICS * count + TOP_BYTES * ranked + (8 + 4 * parameters) * shown,
        files=store_files(layers * CONTRAST_ARRAYS, 1 + layers)
        + store_files(TOP_ROOT_ARRAYS + layers * TOP_ARRAYS, 1 + layers)
        + 1,
    )
