"""What the jobs of every rule take, said before anything is run.

A study has a plan, `work` in its `plan.py`: from the *facts* that are known beforehand, settings,
layers and numbers of images, to one `Work` for each rule and each network and design that it has
jobs for. Everything about what a study will take is a sum over these.

Megabytes and minutes are bounds with a margin, counted from the arrays that are alive together.
Bytes and files are bounds, too: everything is counted as if it did not compress.
"""

__all__ = ["GRADIENT", "Facts", "NetworkFacts", "Work", "store_files"]

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, prod
from typing import Any

GRADIENT = 3  # passes that one with a way back takes as long as


@dataclass(frozen=True)
class Work:
    """What the jobs of one rule take, for one network and design where it has these.

    Attributes:
        rule: Name of the rule.
        network: The network of the jobs, or empty.
        design: The design of the jobs, or empty.
        jobs: How many there are.
        passes: Images that all of them send through a network; a gradient counts as three.
        longest: Those of the longest job, if not all jobs are alike.
        back: Whether some of them go back through the network.
        opens: Networks that a job opens, if not the one above.
        holds: Megabytes that a job holds beside its process, images, and networks.
        seconds: How long a job takes beside its passes.
        kept: Bytes that stay.
        dropped: Bytes that are deleted when the study has gone on.
        passing: Bytes that are deleted so soon that the budget of the store holds them.
        files: Files that stay, without log and benchmark.
        files_dropped: Files that are deleted.
    """

    rule: str
    network: str = ""
    design: str = ""
    jobs: int = 1
    passes: int = 0
    longest: int = 0
    back: bool = False
    opens: tuple[str, ...] = ()
    holds: float = 0.0
    seconds: float = 0.0
    kept: float = 0.0
    dropped: float = 0.0
    passing: float = 0.0
    files: int = 0
    files_dropped: int = 0

    @property
    def opened(self) -> tuple[str, ...]:
        """The networks that a job opens."""
        return (self.opens or (self.network,)) if self.passes else ()

    @property
    def job_passes(self) -> int:
        """Images that the longest job sends through a network."""
        return self.longest or ceil(self.passes / max(1, self.jobs))


@dataclass(frozen=True)
class NetworkFacts:
    """What is known of a network without its weights.

    Attributes:
        origin: Where its weights come from: `trained`, `downloaded` or `imported`.
        layers: Name and shape of every recorded layer.
        weights: Bytes of its weights.
        forward: Bytes alive while an image passes, at most.
        back: The same with a way back.
        speed: Images per second that it is known to take, or 0.
        designs: Designs that sample it.
        analysed: Those of them whose maps are analysed further.
    """

    origin: str
    layers: tuple[tuple[str, tuple[int, ...]], ...]
    weights: int
    forward: int
    back: int
    speed: float
    designs: tuple[str, ...]
    analysed: tuple[str, ...]

    @property
    def units(self) -> int:
        """Recorded units."""
        return sum(prod(shape) for _, shape in self.layers)

    @property
    def maps(self) -> list[tuple[int, ...]]:
        """Shapes of the recorded layers that have positions: (channel, row, col)."""
        shapes = [shape for _, shape in self.layers]
        return [shape for shape in shapes if len(shape) == 3 and shape[1] * shape[2] > 1]


@dataclass(frozen=True)
class Facts:
    """What is known of a study before anything is run.

    Attributes:
        settings: The configuration with every default filled in.
        classes: Classes of the dataset.
        missing: Archives that have to be downloaded.
        networks: The networks by name.
        images: Train and validation images, or None where only files would tell.
        different: By network and design, which share of the evaluations differs from all others
            of its block, where it is known.
        drawn: By design, how many numbers each augmentation draws, where it is known.
    """

    settings: Mapping[str, Any]
    classes: int
    missing: int
    networks: Mapping[str, NetworkFacts]
    images: tuple[int, int] | None = None
    different: Mapping[tuple[str, str], float] = field(default_factory=dict)
    drawn: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def runs(self) -> list[tuple[str, str]]:
        """Every network with every design that samples it."""
        return [(name, design) for name, own in self.networks.items() for design in own.designs]

    @property
    def mapped(self) -> list[str]:
        """The networks with maps of units that are analysed."""
        return [name for name, own in self.networks.items() if own.analysed and own.maps]

    @property
    def mapped_runs(self) -> list[tuple[str, str]]:
        """Every network with every design whose maps of units are analysed."""
        return [(name, d) for name in self.mapped for d in self.networks[name].analysed]

    def validation(self, wanted: int) -> int:
        """Return how many of the wanted validation images there are, at most."""
        return min(wanted, self.images[1]) if self.images else wanted


def store_files(arrays: int, groups: int = 1) -> int:
    """Count the files of a results store.

    An array is one shard and what describes it; a group has a description, the folder a time
    stamp.

    Arguments:
        arrays: Arrays in all groups.
        groups: Groups, the root among them.
    """
    return 1 + groups + 2 * arrays
