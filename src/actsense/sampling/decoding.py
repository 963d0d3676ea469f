"""From the number of a block to what the network is shown for it."""

__all__ = ["decode_block"]

import numpy as np
from numpy.typing import NDArray

from actsense.sampling.designs import Block, Design
from actsense.sampling.law import Evaluations, InputLaw


def decode_block(
    design: Design, law: InputLaw, replicate: int, number: int
) -> tuple[Block, Evaluations, NDArray[np.int64]]:
    """Return a block, its different evaluations, and the row of every node of every base point.

    Arguments:
        design: The design that the block belongs to.
        law: What its coordinates mean.
        replicate: Which scramble, from 0.
        number: Which block of it, from 0.

    Returns:
        The block; evaluations in order of first appearance; rows among them, (points, nodes).
    """
    block = design.block(replicate, number)
    points, nodes, width = block.coordinates.shape
    evaluations, place = law.decode(block.coordinates.reshape(-1, width)).distinct()
    return block, evaluations, place.reshape(points, nodes)
