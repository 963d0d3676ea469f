"""Random numbers that are a function of what they are for, and of nothing drawn before.

SplitMix64: the n-th number of a key is a mix of the key plus n times a constant. Integers alone
are used, so every device draws the same.
"""

__all__ = ["counter_keys", "counter_noise", "counter_normal", "counter_permutations"]

from collections.abc import Sequence

import torch
from torch import Tensor

from actsense.draws.streams import part_number

STEP = 0x9E3779B97F4A7C15 - 2**64  # as signed integers, which wrap around like unsigned ones
FACTORS = (0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64)
SHIFTS = (30, 27, 31)
BITS = 52  # of a uniform number: in the middle of its step it is still exact in float64


def counter_keys(seed: int | str, parts: Sequence[int | str | Tensor]) -> Tensor:
    """Mix a seed with whatever tells one use of it from another.

    Arguments:
        seed: Seed of the study, 0 to 2^63 - 1; or a word, where what follows is random already.
        parts: Words and numbers that all keys share, or int64 tensors with one number per key,
            (keys,), on one device. Their order matters.

    Returns:
        Keys, int64, (keys,), or one number, (), if no part is a tensor.
    """
    key = _mix(_number(seed) + STEP)
    for part in parts:
        number = _number(part)
        key = _mix((key.to(number.device) ^ _mix(number + STEP)) + STEP)
    return key


def counter_noise(keys: Tensor, count: int) -> Tensor:
    """Return the first numbers of every key, uniform on all of int64, (keys, count).

    Source:
        Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators, OOPSLA.
    """
    steps = torch.arange(1, count + 1, device=keys.device) * STEP
    return _mix(keys[:, None] + steps)


def counter_normal(keys: Tensor, count: int) -> Tensor:
    """Return the first standard normal numbers of every key, (keys, count) float32."""
    steps = counter_noise(keys, count) >> (64 - BITS)  # from -2^51 up to 2^51 - 1
    uniform = (steps.double() + (2 ** (BITS - 1) + 0.5)) / 2**BITS
    noise: Tensor = torch.special.ndtri(uniform)
    return noise.float()


def counter_permutations(keys: Tensor, count: int) -> Tensor:
    """Return a random order of 0 to count - 1 for every key, int64, (keys, count)."""
    return counter_noise(keys, count).argsort(dim=1, stable=True)


def _number(part: int | str | Tensor) -> Tensor:
    number = part_number(part) if isinstance(part, str) else part
    return torch.as_tensor(number, dtype=torch.int64)


def _mix(state: Tensor) -> Tensor:
    """Let every bit of the state change every bit of the result."""
    for shift, factor in zip(SHIFTS[:2], FACTORS, strict=True):
        state = (state ^ _shifted(state, shift)) * factor
    return state ^ _shifted(state, SHIFTS[2])


def _shifted(state: Tensor, bits: int) -> Tensor:
    """Shift right and fill up with zeros, as unsigned numbers do."""
    shifted: Tensor = (state >> bits) & (2 ** (64 - bits) - 1)
    return shifted
