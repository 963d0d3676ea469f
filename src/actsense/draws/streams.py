"""Streams of random numbers, one per purpose: none depends on what else is drawn."""

__all__ = ["part_number", "stream"]

import zlib

import numpy as np

BELOW = 2**32  # NumPy cuts larger numbers into parts of 32 bits, and then (2^32,) is (0, 1)


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return the random numbers of one purpose, the same wherever and whenever it is asked.

    Arguments:
        seed: Seed of the study, not negative.
        purpose: Words and numbers, 0 to 2^32 - 1, that no other purpose has in this order.

    Raises:
        ValueError: If there is no purpose, or a number is out of range.
    """
    if not purpose:
        raise ValueError("A stream needs a purpose: words that say what its numbers are for.")
    key = tuple(part_number(part) for part in purpose)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def part_number(part: str | int) -> int:
    """Return a part of a purpose as a number below 2^32: of a word its CRC-32.

    Raises:
        ValueError: If a number is out of range.
    """
    if isinstance(part, str):
        return zlib.crc32(part.encode())
    if isinstance(part, bool) or not 0 <= part < BELOW:
        raise ValueError(f"A number in a purpose must lie between 0 and {BELOW - 1}; got {part}.")
    return int(part)
