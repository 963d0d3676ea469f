"""What jobs ask of the machine: memory and time, from the sizes of network and design.

Bounds with a margin, counted from the arrays that are alive together; where they do not hold, a
job that is stopped asks for more when it is tried again.
"""

__all__ = ["Sizes", "SpatialSizes", "megabytes", "minutes", "spatial_megabytes", "spatial_minutes"]

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from actsense.sensitivity.moments import row_count

PROCESS = 2500  # megabytes of Python with PyTorch, more with CUDA than without
IMAGES = 1000  # megabytes of the image cache, when it is kept in memory
TILE = 3000  # megabytes of moments and estimates at a time
DIFFERENCE_BYTES = 984  # of a unit's differences under one augmentation, at most
DIFFERENCES = 4000  # megabytes of them at a time
VECTORS = 300  # megabytes of exact codes, at most
DISK_SPEED = 100  # megabytes per second, of a slow file system
SPEED = 200  # evaluations per second where no speed is stated: VGG11 on a GPU of some years ago
GRADIENT_RULES = ("evaluate_cells", "map_saliency")  # what goes back is kept beside what came


@dataclass(frozen=True)
class Sizes:
    """The sizes that decide what the jobs of one network and design need.

    Attributes:
        units: Recorded units of the network.
        factors: Factors of the design.
        parts: Parts of the last one.
        block: Evaluations of a block.
        shard: Evaluations of a shard.
        batch: Images per forward pass.
        contrasts: Images that the contrasts send through the network.
        masks: Masked networks that are compared.
        masked_images: Images that each of them sees.
        segment_evaluations: Evaluations of the segments.
        segment_units: Units that are chosen in all segments together, at most.
        speed: Evaluations per second, or 0 if unknown.
        top_images: Images that are kept per unit and condition of the contrasts.
    """

    units: int
    factors: int
    parts: int
    block: int
    shard: int
    batch: int
    contrasts: int
    masks: int
    masked_images: int
    segment_evaluations: int
    segment_units: int
    speed: float
    top_images: int = 0

    @property
    def _block(self) -> float:
        return self.units * self.block * 4 / 1e6

    @property
    def _batch(self) -> float:
        # Layers between the recorded ones, and what convolutions need beside their results.
        return 4 * self.units * self.batch * 4 / 1e6

    @property
    def _rows(self) -> int:
        return row_count(self.factors, self.parts)

    @property
    def _top(self) -> float:
        # Response and number of every rank with the lowest response; then image, draw and
        # response twice, while they are written. A condition for every factor but the context's
        # two, and the untouched images.
        return (self.factors - 1) * self.units * (28 * self.top_images + 4) / 1e6

    @property
    def _contrasts(self) -> float:
        # Codes or bins with sums, of as many augmentations as fit; exact codes of vectors beside
        # them; and all statistics, while they are adjusted and as written.
        augmentations = self.factors - 2
        each = DIFFERENCE_BYTES * self.units / 1e6
        together = min(augmentations * each, max(each, DIFFERENCES))
        return together + VECTORS + 150 * augmentations * self.units / 1e6

    @property
    def _moments(self) -> float:
        return self.units * self._rows * 8 / 1e6


@dataclass(frozen=True)
class SpatialSizes:
    """The sizes that decide what the jobs of the spatial study of one network need.

    Attributes:
        units: Recorded units of all networks that a job opens.
        batch: Images per forward pass.
        passes: Images that every rule sends through networks.
        speed: Images per second, or 0 if unknown.
    """

    units: int
    batch: int
    passes: Mapping[str, int]
    speed: float


def megabytes(rule: str, sizes: Sizes) -> int:
    """Return the memory that a job of a rule asks for at its first attempt."""
    block, batch, moments = sizes._block, sizes._batch, sizes._moments
    names = sizes.factors + sizes.parts
    # Of three indices with two controls, the random masks, and multipliers, twice if by channel.
    ranks = 2 * 4 * (6 * names + 25) * sizes.units / 1e6
    outcomes = 16 * sizes.masks * sizes.masked_images / 1e6
    segments = sizes.segment_units * (4 * sizes._rows * 8 + 3 * sizes.block * 4) / 1e6
    needed = {
        "sample_activations": PROCESS + IMAGES + 3 * block + batch,
        "stream_moments": PROCESS + IMAGES + 3 * block + batch + 2 * moments,
        "stream_part": PROCESS + IMAGES + 3 * block + batch + 2 * moments,
        "accumulate": PROCESS + 3 * moments,
        "accumulate_part": PROCESS + 3 * moments,
        "merge_moments": PROCESS + 4 * moments,
        "estimate_indices": PROCESS + TILE + 3 * moments,
        "estimate_contrast": PROCESS + IMAGES + batch + sizes._contrasts + sizes._top,
        "plot_indices": PROCESS + moments,
        "evaluate_masks": PROCESS + IMAGES + batch + ranks + outcomes,
        "sample_segments": PROCESS + IMAGES + TILE + batch + segments,
    }
    return _round(needed[rule])


def minutes(rule: str, sizes: Sizes) -> int:
    """Return the time that a job of a rule asks for at its first attempt."""
    speed = sizes.speed or SPEED
    stored = sizes.units * sizes.shard * 4 / 1e6 / DISK_SPEED
    needed = {
        "sample_activations": 2 * sizes.shard / speed + stored,
        "stream_moments": 2 * sizes.shard / speed,
        "stream_part": 2 * sizes.shard / speed,
        "accumulate": 2 * stored,
        "accumulate_part": 2 * stored,
        "estimate_contrast": 2 * sizes.contrasts / speed,
        "estimate_indices": sizes.units / 100,
        "evaluate_masks": 2 * sizes.masks * sizes.masked_images / speed,
        "sample_segments": 2 * sizes.segment_evaluations / speed,
    }
    return 15 + ceil(needed[rule] / 60)


def spatial_megabytes(rule: str, sizes: SpatialSizes) -> int:
    """Return the memory that a job of a spatial rule asks for at its first attempt."""
    batch = 4 * sizes.units * sizes.batch * 4 / 1e6
    return _round(PROCESS + IMAGES + batch * (3 if rule in GRADIENT_RULES else 1))


def spatial_minutes(rule: str, sizes: SpatialSizes) -> int:
    """Return the time that a job of a spatial rule asks for at its first attempt."""
    return 15 + ceil(2 * sizes.passes[rule] / (sizes.speed or SPEED) / 60)


def _round(needed: float) -> int:
    """Round up to half a gigabyte, so that jobs that are alike ask alike."""
    return 500 * ceil(needed / 500)
