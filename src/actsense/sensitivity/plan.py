"""What sampling, indices and contrasts take, said before anything is run."""

__all__ = [
    "BINNED",
    "LARGEST_COUNT",
    "SPAN_BYTES",
    "ContrastCut",
    "cut_contrast",
    "exact_bytes",
    "index_bytes",
    "kept_bytes",
    "kept_columns",
    "work",
]

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from actsense.layers import Layer, cut_units
from actsense.sampling.plan import SampledDesign
from actsense.sensitivity.moments import row_count
from actsense.sensitivity.settings import Contrast
from actsense.work import Facts, Work, store_files

MB = 1e6
TILE = 3000  # megabytes of moments and estimates at a time
BINNED = 256  # short codes that are kept of every unit, then bins of both signs
BINNED_LONG = 192  # where counts take four bytes
LARGEST_COUNT = 2**16 - 1  # of two bytes
SPAN_BYTES = 128  # of a unit whose codes become counts
EXACT_BYTES = 2**28  # of exact codes of an augmentation: up to so many, vectors keep theirs
ADJUSTED_BYTES = 64  # of a p-value, while all of them are adjusted together
MOST_TILES = 200
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


def kept_columns(images: int, exact: bool) -> int:
    """Return how many codes, or bins in their place, a unit needs for so many images."""
    most = BINNED if images <= LARGEST_COUNT else BINNED_LONG
    return images if exact else min(images, most)


def kept_bytes(images: int, exact: bool) -> int:
    """Return the bytes that the differences of a unit under one augmentation take."""
    wide, columns = exact or images > LARGEST_COUNT, kept_columns(images, exact)
    return columns * (4 if wide else 2) + (SPAN_BYTES if images > columns else 0) + 3 * 8


def exact_bytes(layers: Sequence[Layer], images: int) -> int:
    """Return the bytes of exact codes of vectors under one augmentation; 0 if too many."""
    needed = 4 * images * sum(layer.size for layer in layers if len(layer.shape) == 1)
    return needed if needed <= EXACT_BYTES else 0


@dataclass(frozen=True)
class ContrastCut:
    """What a contrast takes at a time.

    Attributes:
        tiles: Units whose responses are recorded together; all images pass for each.
        groups: Augmentations whose differences are kept together; untouched images pass for each.
        holds: Bytes that are held at a time, at most.
    """

    tiles: list[slice]
    groups: list[range]
    holds: float

    def passes(self, treated: int) -> int:
        """Return how often an image passes, if it is augmented so many times."""
        return len(self.tiles) * (len(self.groups) + treated)


def cut_contrast(
    layers: Sequence[Layer],
    augmentations: int,
    *,
    images: int,
    top_images: int,
    batch: int,
    room: float,
) -> ContrastCut:
    """Cut a contrast so that it fits, with the fewest passes.

    Arguments:
        layers: All recorded layers.
        augmentations: Augmentations of the design.
        images: Images of the contrast.
        top_images: Images that are kept per unit and condition.
        batch: Images per forward pass.
        room: Bytes that may be held.
    """
    codes, vectors = kept_bytes(images, exact=False), exact_bytes(layers, images)
    ranked = (1 + augmentations) * (8 * top_images + 4)
    # Beside codes: sums, all statistics, top images, and the responses of two batches; then top
    # images once more, as they are written.
    written = (1 + augmentations) * 14 * top_images
    least = 20 + 28 * augmentations + ranked + max(8 * batch, written)
    p_values = augmentations * layers[-1].stop
    fitting: list[ContrastCut] = []
    for count in range(1, MOST_TILES):
        tiles = cut_units(layers, ceil(layers[-1].stop / count))
        width = max(tile.stop - tile.start for tile in tiles)
        free, each = room - 8 * p_values - least * width, codes * width + vectors
        together = int(max(1, min(augmentations, free / each)))
        starts = range(0, augmentations, together)
        groups = [range(start, min(start + together, augmentations)) for start in starts]
        held = 8 * p_values + least * width + together * each
        cut = ContrastCut(tiles, groups, max(held, ADJUSTED_BYTES * p_values))
        if held <= room:
            fitting.append(cut)
            if len(groups) == 1:
                break
    return min(fitting, key=lambda cut: cut.passes(augmentations), default=cut)


def _contrast(facts: Facts, network: str, design: str) -> Work:
    contrast: Contrast = facts.settings.contrast
    own, count = facts.networks[network], len(facts.settings.designs[design].augmentations)
    layers, shown = len(own.layers), facts.shown(contrast.images)
    drawn = facts.drawn.get(design, (1,) * count)
    cut = cut_contrast(
        own.layers,
        count,
        images=shown,
        top_images=contrast.top_images,
        batch=facts.batch(network),
        room=facts.room(network),
    )
    parameters = contrast.draws * sum(drawn)
    ranked = own.units * (1 + count) * contrast.top_images
    treated = sum(contrast.draws if numbers else 1 for numbers in drawn)
    return Work(
        *("estimate_contrast", network, design, int(design in own.designs)),
        passes=shown * cut.passes(treated),
        holds=cut.holds / MB,
        kept=4 * own.units * STATISTICS * count
        + TOP_BYTES * ranked
        + (8 + 4 * parameters) * shown,
        files=store_files(layers * CONTRAST_ARRAYS, 1 + layers)
        + store_files(TOP_ROOT_ARRAYS + layers * TOP_ARRAYS, 1 + layers)
        + 1,
    )
