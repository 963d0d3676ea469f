"""How sums and contrasts are cut into tiles that fit, counted before anything is run.

A job cuts by the same functions as its plan: what is said is done. No number depends on it.
"""

__all__ = [
    "BINNED",
    "ESTIMATED_BYTES",
    "LARGEST_COUNT",
    "MERGED_BYTES",
    "SPAN_BYTES",
    "SUMMED_BYTES",
    "ContrastCut",
    "ContrastPart",
    "MomentsCut",
    "cut_contrast",
    "cut_moments",
    "exact_bytes",
    "image_bytes",
    "kept_bytes",
    "kept_columns",
    "kept_images",
    "kept_units",
]

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from actsense.layers import Layer, cut_units
from actsense.sampling.designs import Design
from actsense.sensitivity.moments import row_count

BINNED = 256  # short codes that are kept of every unit, then bins of both signs
BINNED_LONG = 192  # where counts take four bytes
LARGEST_COUNT = 2**16 - 1  # of two bytes
SPAN_BYTES = 128  # of a unit whose codes become counts
EXACT_BYTES = 2**28  # of exact codes of an augmentation: up to so many, vectors keep theirs
ADJUSTED_BYTES = 64  # of a p-value, while all of them are adjusted together
MOST_TILES = 200
# Of a layer and of a sample, that intervals of contrasts rest on.
INTERVAL_UNITS = 64
INTERVAL_IMAGES = 512
# Of moments at a time; no number that is kept may depend on what is free.
SUMMED_BYTES = 2**28  # from a stored shard
MERGED_BYTES = 2**27  # of parts of a replicate
ESTIMATED_BYTES = 2**27  # of all replicates


@dataclass(frozen=True)
class MomentsCut:
    """What is summed up at a time while the network runs.

    Attributes:
        tiles: Units whose responses are recorded together; all images pass for each.
        rows: Activations that are held of each of them.
        holds: Bytes that are held at a time, at most.
    """

    tiles: list[slice]
    rows: int
    holds: float


def cut_moments(
    layers: Sequence[Layer], design: Design, *, blocks: int, batch: int, room: float
) -> MomentsCut:
    """Cut the sums of some blocks so that they fit, with the fewest passes.

    Arguments:
        layers: All recorded layers.
        design: The design.
        blocks: Blocks that are summed up.
        batch: Images per forward pass.
        room: Bytes that may be held.
    """
    moments = 8 * row_count(len(design.factors), len(design.parts))
    whole, least = design.points_per_block * design.nodes, batch + 2 * design.nodes
    for count in range(1, MOST_TILES):
        tiles = cut_units(layers, ceil(layers[-1].stop / count))
        width = max(tile.stop - tile.start for tile in tiles)
        # Sums of a block that is not complete lie beside those of the blocks before it.
        carried = moments * (blocks > 1)
        rows = whole if (moments + 4 * whole) * width <= room else 0
        rows = rows or int((room / width - moments - carried) / 4)
        held = (moments + carried * (rows < whole) + 4 * max(rows, least)) * width
        if rows >= min(whole, least):
            break
    return MomentsCut(tiles, max(rows, least), held)


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


def kept_units(layer: Layer) -> int:
    """Return of how many units of a layer single responses are kept."""
    return min(layer.size, INTERVAL_UNITS)


def kept_images(images: int, draws: int) -> int:
    """Return of how many images single responses are kept.

    Arguments:
        images: Images of the smallest sample of a contrast.
        draws: Of each, that count by themselves; 1 if draws are averaged.
    """
    return min(images, max(1, INTERVAL_IMAGES // draws))


def image_bytes(
    layers: Sequence[Layer], augmentations: int, *, images: Sequence[int], draws: int
) -> int:
    """Return the bytes of all single responses that are kept, and written.

    Arguments:
        layers: All recorded layers.
        augmentations: Augmentations of the design.
        images: Images of every sample.
        draws: Of each, that count by themselves; 1 if draws are averaged.
    """
    responses = kept_images(min(images), draws) * (1 + augmentations * draws)
    return 4 * len(images) * responses * sum(map(kept_units, layers))


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


@dataclass(frozen=True)
class ContrastPart:
    """What one of several jobs makes of a contrast: a link of the chain that makes a piece.

    Attributes:
        tile: Units of the network, of the piece.
        group: Augmentations, of the piece.
        link: Which link; it goes on from what the link before it has found.
        links: How many links share the images of the piece.
    """

    tile: slice
    group: range
    link: int = 0
    links: int = 1

    @classmethod
    def between(cls, tile: list[int], group: list[int], link: list[int]) -> "ContrastPart":
        """Return a part from what `ends` says."""
        return cls(slice(*tile), range(*group), *link)

    @property
    def ends(self) -> dict[str, list[int]]:
        """First and end of units and augmentations, link and links, for `between`."""
        return {
            "tile": [self.tile.start, self.tile.stop],
            "group": [self.group.start, self.group.stop],
            "link": [self.link, self.links],
        }

    @property
    def before(self) -> "ContrastPart":
        """The link before this one."""
        return replace(self, link=self.link - 1)


def cut_contrast(
    layers: Sequence[Layer],
    augmentations: int,
    *,
    images: int,
    pairs: int = 1,
    samples: int = 1,
    top_images: int,
    batch: int,
    room: float,
) -> ContrastCut:
    """Cut a contrast so that it fits, with the fewest passes.

    Arguments:
        layers: All recorded layers.
        augmentations: Augmentations of the design.
        images: Images of a sample of the contrast.
        pairs: Draws of an image that count by themselves; 1 if draws are averaged.
        samples: Samples, one after another.
        top_images: Images that are kept per unit and condition.
        batch: Images per forward pass.
        room: Bytes that may be held.
    """
    codes, vectors = (
        kept_bytes(images * pairs, exact=False),
        exact_bytes(layers, images * pairs),
    )
    ranked = (1 + augmentations) * (8 * top_images + 4)
    # Beside codes: sums, all statistics, top images, and the responses of two batches; then top
    # images once more, as they are written.
    written = (1 + augmentations) * 14 * top_images
    responses = (8 if pairs == 1 else 12) * batch  # untouched ones are repeated for every pair
    least = 20 + 28 * augmentations * samples + ranked + max(responses, written)
    p_values = augmentations * samples * layers[-1].stop
    single = image_bytes(layers, augmentations, images=[images] * samples, draws=pairs)
    fitting: list[ContrastCut] = []
    for count in range(1, MOST_TILES):
        tiles = cut_units(layers, ceil(layers[-1].stop / count))
        width = max(tile.stop - tile.start for tile in tiles)
        free, each = room - single - 8 * p_values - least * width, codes * width + vectors
        together = int(max(1, min(augmentations, free / each)))
        starts = range(0, augmentations, together)
        groups = [range(start, min(start + together, augmentations)) for start in starts]
        held = single + 8 * p_values + least * width + together * each
        adjusted = single + (ADJUSTED_BYTES + 8 * (samples - 1)) / samples * p_values
        cut = ContrastCut(tiles, groups, max(held, adjusted))
        if held <= room:
            fitting.append(cut)
            if len(groups) == 1:
                break
    return min(fitting, key=lambda cut: cut.passes(augmentations), default=cut)
