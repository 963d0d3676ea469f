"""How a design is cut into jobs, counted before anything is run."""

__all__ = ["SPEED", "SampledDesign", "build_design", "stored_rows"]

from bisect import bisect_right
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from actsense.sampling.designs import Design
from actsense.sampling.settings import DesignSettings
from actsense.sampling.sharding import Sharding
from actsense.work import NetworkFacts

SPEED = 200  # evaluations per second where no speed is stated: VGG11 on a GPU of some years ago
SHARDS_ALIVE = 8  # of automatic size: as many fit into the budget, so that jobs need not wait
LARGEST_PIECE = 2**20  # rows; no block has more
SHARED_SECONDS = 120  # of sampling in one job, before replicates get jobs of their own
PADDING = 1.0005  # chunks of a block are equally wide: the last one may be padded a little


def stored_rows(units: int, batch: int, room: float) -> int:
    """Return how many rows of activations are evaluated at a time to be stored: whole batches.

    Arguments:
        units: Recorded units of the network.
        batch: Images per forward pass.
        room: Bytes that may be held.
    """
    return batch * max(1, int(min(room / 4 / units, LARGEST_PIECE) / batch))


def build_design(name: str, settings: DesignSettings, *, seed: int) -> Design:
    """Build the design of a configuration.

    Arguments:
        name: Its name in the configuration.
        settings: Its settings.
        seed: Seed of the study.
    """
    return Design(
        name,
        settings.players,
        base_points=settings.base_points,
        replicates=settings.replicates,
        walks=settings.walks,
        seed=seed,
        hidden=settings.surroundings.hidden,
    )


@dataclass(frozen=True)
class SampledDesign:
    """A design that a network is sampled under, in numbers.

    Attributes:
        design: The design.
        units: Recorded units of the network.
        sharding: How it is cut into shards.
    """

    design: Design
    units: int
    sharding: Sharding

    @classmethod
    def of(cls, settings: Any, network: str, design: str, facts: NetworkFacts) -> "SampledDesign":
        """Take a design for a network, and cut it as set, or into the fewest shards that fit.

        Automatic shards fit eight times into the budget, if they are stored, and keep a
        sampling job within `job_minutes`, if the speed of the network is set; they hold one
        block at least. Whole replicates share a shard for as long as it is sampled within
        `SHARED_SECONDS`.

        Arguments:
            settings: The configuration.
            network: Name of the network.
            design: Name of the design.
            facts: What is known of the network.
        """
        described = settings.designs[design]
        points = settings.networks[network].base_points or described.base_points
        counted = replace(build_design(design, described, seed=settings.seed), base_points=points)
        whole = cls(counted, facts.units, Sharding(counted.replicates, counted.blocks))
        if described.shards == "auto":
            return cls(counted, facts.units, whole._cut(settings, facts.speed))
        cut = Sharding(counted.replicates, counted.blocks, parts=described.shards)
        return cls(counted, facts.units, cut)

    @property
    def block(self) -> int:
        """Evaluations of a block."""
        return self.design.points_per_block * self.design.nodes

    @property
    def shard(self) -> int:
        """Evaluations of the largest shard."""
        return self.block * self.sharding.largest

    @property
    def shard_megabytes(self) -> int:
        """Megabytes that the activations of a shard can take on disk at most."""
        return self.megabytes(self.sharding.largest)

    def megabytes(self, blocks: int) -> int:
        """Return the megabytes that the activations of some blocks can take on disk at most."""
        return ceil(blocks * self.block * self.units * 4 * PADDING / 1e6) + 1

    def blocks_within(self, megabytes: float) -> int:
        """Return how many blocks a shard may hold to stay within a size; 0 if one is too large."""
        sizes = range(1, self.design.replicates * self.design.blocks + 1)
        return bisect_right(sizes, megabytes, key=self.megabytes)

    def _cut(self, settings: Any, speed: float) -> Sharding:
        replicates, blocks = self.design.replicates, self.design.blocks
        limits = [replicates * blocks]
        if settings.activations == "store":
            limits += [self.blocks_within(int(settings.store_budget_gb * 1000) / SHARDS_ALIVE)]
        if speed:
            limits += [int(settings.job_minutes * 60 * speed // self.block)]
        fitting = max(1, min(limits))
        shared = int(SHARED_SECONDS * (speed or SPEED) // self.block)
        return Sharding(
            replicates,
            blocks,
            parts=ceil(blocks / fitting),
            together=max(1, min(fitting, shared) // blocks),
        )
