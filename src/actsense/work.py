"""What the jobs of every rule take, said before anything is run.

A study has a plan, `work` in its `plan.py`: from the *facts* that are known beforehand, settings,
layers and numbers of images, to one `Work` for each rule and each network and design that it can
be asked for. Everything about what a study will take is a sum over these.

Megabytes and minutes are bounds with a margin, counted from the arrays that are alive together.
Bytes and files are bounds, too: everything is counted as if it did not compress.
"""

__all__ = [
    "BESIDE",
    "FILE_BYTES",
    "GRADIENT",
    "LIGHT",
    "PROCESS",
    "Facts",
    "NetworkFacts",
    "Work",
    "fitting_batch",
    "part_range",
    "room",
    "row_files",
    "store_files",
    "table_files",
]

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from math import ceil, inf
from typing import Any

from actsense.layers import Layer

GRADIENT = 3  # passes that one with a way back takes as long as
BATCH_BYTES = 2**28  # of what passes a network at a time on the processor: more is no faster
LIGHT = 250  # megabytes of Python with what reads stores and writes tables
PROCESS = 1000  # megabytes of Python with PyTorch and all that runs a network
BESIDE = 1.5  # times what is alive together; convolutions were seen to need 1.17 at most
CACHED = 2**28  # bytes of images: fewer are kept in memory
FILE_BYTES = 2**28  # of rows in one file, before compression
LEAST_ROOM = 0.2e9  # bytes, whatever a network takes


@dataclass(frozen=True)
class Work:
    """What the jobs of one rule take, for one network and design where it has these.

    Attributes:
        rule: Name of the rule.
        network: The network of the jobs, or empty.
        design: The design of the jobs, or empty.
        jobs: How many the whole study has; none where only a user asks for them by name.
        passes: Images that all of them send through a network; a gradient counts as three.
        longest: Those of the longest job, if not all jobs are alike.
        back: Whether some of them go back through the network.
        batch: Images that go back at a time, where they are never as many as `batch_size`.
        opens: Networks that a job opens, if not the one above.
        tensors: Whether a job needs PyTorch, though it opens no network.
        on_device: Whether a job computes on the device, though it opens no network.
        holds: Megabytes that a job holds beside its process, images, and networks.
        seconds: How long a job takes beside its passes.
        kept: Bytes that stay.
        dropped: Bytes that are deleted when the study has gone on.
        passing: Bytes that are deleted so soon that the budget of the store holds them.
        files: Files that stay, beside log and benchmark.
        files_dropped: Files that are deleted.
        layer: The layer of the jobs, or empty.
    """

    rule: str
    network: str = ""
    design: str = ""
    jobs: int = 1
    passes: int = 0
    longest: int = 0
    back: bool = False
    batch: int = 0
    opens: tuple[str, ...] = ()
    tensors: bool = False
    on_device: bool = False
    holds: float = 0.0
    seconds: float = 0.0
    kept: float = 0.0
    dropped: float = 0.0
    passing: float = 0.0
    files: int = 0
    files_dropped: int = 0
    layer: str = ""

    @property
    def opened(self) -> tuple[str, ...]:
        """The networks that a job opens."""
        return self.opens or ((self.network,) if self.passes else ())

    @property
    def job_passes(self) -> int:
        """Images that the longest job sends through a network."""
        return self.longest or ceil(self.passes / max(1, self.jobs))


@dataclass(frozen=True)
class NetworkFacts:
    """What is known of a network without its weights.

    Attributes:
        origin: Where its weights come from: `trained`, `downloaded` or `imported`.
        layers: The recorded layers.
        weights: Bytes of its weights.
        forward: Bytes alive while an image passes, at most.
        back: The same with a way back.
        hidden: Numbers of its last hidden vector, or 0 where that cannot be told.
        speed: Images per second that it is known to take, or 0.
        designs: Designs that sample it.
        analysed: Those of them whose maps are analysed further.
        listed: Channels of its segments by last layer, where a file lists them.
    """

    origin: str
    layers: tuple[Layer, ...]
    weights: int
    forward: int
    back: int
    hidden: int
    speed: float
    designs: tuple[str, ...]
    analysed: tuple[str, ...]
    listed: Mapping[str, int] | None = None

    @property
    def units(self) -> int:
        """Recorded units."""
        return self.layers[-1].stop

    @property
    def maps(self) -> list[tuple[int, ...]]:
        """Shapes of the recorded layers that have positions: (channel, row, col)."""
        return [layer.shape for layer in self.layers if layer.is_map]


@dataclass(frozen=True)
class Facts:
    """What is known of a study before anything is run.

    Attributes:
        settings: The configuration; its sections are typed beside their studies.
        classes: Classes of the dataset.
        missing: Archives that have to be downloaded.
        networks: The networks by name.
        images: Train and validation images, or None where only files would tell.
        most_images: All images at most, where settings tell.
        most: Train and validation images at most, where settings tell.
        different: By network and design, which share of the evaluations differs from all others
            of its block, where it is known.
        drawn: By design, how many numbers each augmentation draws, where it is known.
    """

    settings: Any
    classes: int
    missing: int
    networks: Mapping[str, NetworkFacts]
    images: tuple[int, int] | None = None
    most_images: int | None = None
    most: tuple[int, int] | None = None
    different: Mapping[tuple[str, str], float] = field(default_factory=dict)
    drawn: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def settled(self) -> "Facts":
        """What is known without a look at images: the same whenever jobs are cut by it."""
        return replace(self, images=None, different={}, drawn={})

    @property
    def runs(self) -> list[tuple[str, str]]:
        """Every network with every design, also with those that do not sample it."""
        return list(product(self.networks, self.settings.designs))

    def analysed(self, network: str, design: str) -> bool:
        """Tell whether the maps of units of a network under a design are analysed further."""
        own = self.networks[network]
        return design in own.analysed and bool(own.maps)

    @property
    def image_bytes(self) -> float:
        """Bytes of all images at most."""
        count = sum(self.images) if self.images else self.most_images
        return inf if count is None else count * 3 * int(self.settings.dataset.image_size) ** 2

    @property
    def kept_image_bytes(self) -> float:
        """Bytes of images that a job may keep in memory."""
        return CACHED if self.image_bytes == inf else kept_bytes(self.image_bytes)

    def batch(self, network: str) -> int:
        """Return how many images pass a network at a time."""
        size = int(self.settings.batch_size)
        on_cpu = self.settings.device != "cuda"
        return fitting_batch(size, self.networks[network].forward) if on_cpu else size

    def jobs(self, network: str, passes: float) -> int:
        """Return into how many jobs of `job_minutes` passes are cut: one, where no speed is known.

        Arguments:
            network: The network.
            passes: Images that all of them send through it.
        """
        fitting = 60 * float(self.settings.job_minutes) * self.networks[network].speed
        # A batch is not cut.
        return ceil(passes / max(fitting, self.batch(network))) if fitting and passes else 1

    def room(self, network: str) -> float:
        """Return the bytes that a job may hold beside its process, images and the network."""
        own = self.networks[network]
        return room(
            self.settings.memory_gb,
            weights=own.weights,
            forward=own.forward,
            batch=self.batch(network),
            images=self.kept_image_bytes,
        )

    def shown(self, wanted: int) -> int:
        """Return how many of so many images there are, at most."""
        known = self.images or self.most
        return min(wanted, sum(known)) if known else wanted

    def samples(self, wanted: int, partitions: str) -> tuple[int, ...]:
        """Return the images of every sample of a contrast, at most.

        Arguments:
            wanted: Images of each.
            partitions: `pooled` in one, or `each` a sample of its own.
        """
        if partitions == "pooled":
            return (self.shown(wanted),)
        known = self.images or self.most or (wanted, wanted)
        return tuple(min(wanted, count) for count in known)

    def validation(self, wanted: int) -> int:
        """Return how many of so many validation images there are, at most."""
        known = self.images or self.most
        return min(wanted, known[1]) if known else wanted


def fitting_batch(batch_size: int, forward: int) -> int:
    """Return how many images pass a network at a time on the processor.

    It does not depend on the memory that is set: another batch moves activations by roundings.

    Arguments:
        batch_size: How many at most.
        forward: Bytes alive while an image passes.
    """
    return max(1, min(batch_size, BATCH_BYTES // max(1, forward)))


def part_range(part: int, parts: int, total: int) -> range:
    """Return the share of a part: what begins within it belongs to it.

    Arguments:
        part: Which part, counted from 0.
        parts: How many there are.
        total: How much there is in all.
    """
    return range(total * part // parts, total * (part + 1) // parts)


def room(memory_gb: float, *, weights: int, forward: int, batch: int, images: float) -> float:
    """Return the bytes that a job may hold beside its process, images and network.

    Arguments:
        memory_gb: Gigabytes that it may take.
        weights: Bytes of the network's weights.
        forward: Bytes alive while an image passes.
        batch: Images that pass together.
        images: Bytes of all images.
    """
    taken = 1e6 * PROCESS + weights + BESIDE * batch * forward + kept_bytes(images)
    return max(LEAST_ROOM, 1e9 * memory_gb - taken)


def kept_bytes(images: float) -> float:
    """Return the bytes that are kept of so many bytes of images."""
    return images if images < CACHED else 0.0


def store_files(arrays: int, groups: int = 1) -> int:
    """Count the files of a results store.

    An array is one shard and what describes it; a group has a description, the folder a time
    stamp and a manifest.

    Arguments:
        arrays: Arrays in all groups.
        groups: Groups, the root among them.
    """
    return 2 + groups + 2 * arrays


def row_files(rows: int, columns: Iterable[float]) -> int:
    """Count the files of a store of rows.

    Arguments:
        rows: How many rows.
        columns: Bytes of a row in every column.
    """
    shards = [max(1, ceil(rows * each / FILE_BYTES)) for each in columns]
    return store_files(len(shards)) + sum(shards) - len(shards)


def table_files(tables: int) -> int:
    """Count the files of tables, and of other single files, each with its manifest."""
    return 2 * tables
