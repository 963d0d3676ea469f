"""Factors, designs and the evaluations they ask for."""

from actsense.sampling.designs import Block, Design, Factor
from actsense.sampling.evaluate import Evaluator
from actsense.sampling.law import LAWS, Evaluations, ImagePool, InputLaw
from actsense.sampling.shards import (
    Sampling,
    build_design,
    evaluate_blocks,
    open_sampling,
    write_shard,
)

__all__ = [
    "LAWS",
    "Block",
    "Design",
    "Evaluations",
    "Evaluator",
    "Factor",
    "ImagePool",
    "InputLaw",
    "Sampling",
    "build_design",
    "evaluate_blocks",
    "open_sampling",
    "write_shard",
]
