"""The order in which masked networks see images, and how it is cut into parts of one length.

Images pass in blocks of a batch. Every block is seen under all plans of its input; plans of one
kind that do not fill a batch with their images are stacked in one. An *outcome* is what one plan
predicts for one image. Outcomes are numbered in the order they are made in:

    input > draw of the input > block of images > stack of plans > plan > image

A part makes the stacks that begin within its share of the numbers. No stack is put together in
another way, so that no bit depends on the number of parts.
"""

__all__ = ["Block", "cut_blocks"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """Images, and the plans that they are shown under.

    Attributes:
        images: Which of the images.
        stacks: Positions of plans among those of the input, of each batch of versions.
    """

    images: slice
    stacks: Sequence[Sequence[int]]

    @property
    def plans(self) -> list[int]:
        """Positions of all plans, in the order of their outcomes."""
        return [position for stack in self.stacks for position in stack]

    @property
    def outcomes(self) -> int:
        """How many outcomes it has."""
        return len(self.plans) * int(self.images.stop - self.images.start)


def cut_blocks(
    groups: Sequence[Sequence[int]], images: int, batch: int, within: range
) -> Iterator[Block]:
    """Yield the blocks of one input, of the stacks that begin within a range of its outcomes.

    Arguments:
        groups: Positions of the plans that may be stacked with each other.
        images: How many images there are.
        batch: Images per forward pass.
        within: The range, counted from the first outcome of the input.
    """
    done, plans = 0, sum(map(len, groups))
    for start in range(0, images, batch):
        chosen = slice(start, min(start + batch, images))
        count = chosen.stop - chosen.start
        if done >= within.stop:
            return
        if done + count * plans <= within.start:
            done += count * plans
            continue
        stacks, step = [], max(1, batch // count)
        for group in groups:
            for first in range(0, len(group), step):
                stack = group[first : first + step]
                if done in within:
                    stacks.append(stack)
                done += count * len(stack)
        if stacks:
            yield Block(chosen, stacks)
