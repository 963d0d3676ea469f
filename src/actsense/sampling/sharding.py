"""How a design is cut into shards: what one job samples, and one file of activations holds.

A shard is a part of one replicate where a replicate is long, or several whole replicates where
they are short: replicates are how intervals are made, not how work is cut.
"""

__all__ = ["Shard", "Sharding"]

from dataclasses import dataclass
from itertools import pairwise
from math import ceil

Ends = list[int]  # first and end, plain data for the params of rules


@dataclass(frozen=True)
class Shard:
    """Blocks of every replicate of a range.

    Attributes:
        replicates: The replicates.
        blocks: The blocks of each of them.
    """

    replicates: range
    blocks: range

    @classmethod
    def between(cls, replicates: Ends, blocks: Ends) -> "Shard":
        """Return a shard from first and end of both ranges."""
        return cls(range(*replicates), range(*blocks))

    @property
    def ends(self) -> dict[str, Ends]:
        """First and end of both ranges, for `between`."""
        return {
            "replicates": [self.replicates.start, self.replicates.stop],
            "blocks": [self.blocks.start, self.blocks.stop],
        }


@dataclass(frozen=True)
class Sharding:
    """A design cut into shards of nearly one size.

    Arguments:
        replicates: Replicates of the design.
        blocks: Blocks of a replicate.
        parts: Shards of a replicate.
        together: The most replicates in a shard, if they have one part.
    """

    replicates: int
    blocks: int
    parts: int = 1
    together: int = 1

    @property
    def shards(self) -> dict[str, Shard]:
        """Every shard by name: `0-7` for whole replicates, `3_1` for a part of one."""
        if self.parts > 1:
            return {
                f"{replicate}_{part}": Shard(range(replicate, replicate + 1), blocks)
                for replicate in range(self.replicates)
                for part, blocks in enumerate(_cut(self.blocks, self.parts))
            }
        whole = range(self.blocks)
        return {
            f"{replicates.start}-{replicates.stop - 1}": Shard(replicates, whole)
            for replicates in _cut(self.replicates, ceil(self.replicates / self.together))
        }

    @property
    def largest(self) -> int:
        """Blocks of the largest shard, all replicates together."""
        return max(len(s.replicates) * len(s.blocks) for s in self.shards.values())

    @property
    def kept(self) -> list[str]:
        """Names of the files of moments that are kept."""
        if self.parts > 1:
            return [f"replicate_{replicate}" for replicate in range(self.replicates)]
        return [f"replicates_{name}" for name in self.shards]


def _cut(length: int, pieces: int) -> list[range]:
    """Cut a range into pieces that differ by one at most."""
    ends = [length * piece // pieces for piece in range(pieces + 1)]
    return [range(start, stop) for start, stop in pairwise(ends)]
