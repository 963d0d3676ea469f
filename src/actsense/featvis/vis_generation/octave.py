"""The dictionary that the published code takes its schedules from, and what it means here.

Sigmas of the mask are those of a picture of 512 pixels, before they are divided by the square root
of minus twice the logarithm's base that the published code takes, machine epsilon, which makes
them 6.004 times too large. Learning rates are relative to 0.5, the published start, which is taken
for the rate that suits pixels here: gradients are those of other losses. What is multiplied by
lambda is the sum over all inputs of a module, where the activation is a sum over channels; both
are means here.
"""

__all__ = ["OCTAVE", "read_octave", "search_of"]

from collections.abc import Mapping
from math import log, sqrt
from sys import float_info
from types import MappingProxyType

from actsense.errors import ConfigError, choose
from actsense.featvis.settings import PositiveRamp, Ramp, Search

OCTAVE: Mapping[str, float] = MappingProxyType(
    {
        "scale": 1.2,
        "start_lr": 0.5,
        "end_lr": 0.08,
        "start_mask_sigma": 420,
        "end_mask_sigma": 340,
        "start_sigma": 0.9,
        "end_sigma": 0.2,
        "start_denoise_weight": 2,
        "end_denoise_weight": 8,
        "start_lambda": 1e-4,
        "end_lambda": 5e-4,
        "window": 0.4,
        "window_step": 400,
        "brightness_step": 50,
    }
)  # as shipped
COUNTS = ("window_step", "brightness_step")
POSITIVE = ("start_mask_sigma", "end_mask_sigma", "start_denoise_weight", "end_denoise_weight")
SIDE = 512  # of the published pictures, pixels
EPSILON = sqrt(-log(float_info.epsilon))  # 6.004
RATE = 0.5  # published start, for the rate that suits pixels


def read_octave(octave: Mapping[str, float] | None) -> dict[str, float]:
    """Return all keys of the dictionary, those not given as the published code ships them.

    Raises:
        ConfigError: If a key is not known, or its value is not a number that it may have.
    """
    given = dict(octave or {})
    for key, value in given.items():
        choose("octave", key, OCTAVE)
        least = 1.0 if key in (*COUNTS, "scale") else 0.0
        whole = "a whole number" if key in COUNTS else "a number"
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if (
            not number
            or not least <= value < float("inf")
            or (key in COUNTS and value % 1)
            or (key in POSITIVE and not value)
        ):
            above = "above 0" if key in POSITIVE else f"of {least:g} or more"
            raise ConfigError(f"octave: {key} must be {whole} {above}; got {value!r}.")
    return {**OCTAVE, **given}


def search_of(octave: Mapping[str, float], *, iterations: int, side: int, rate: float) -> Search:
    """Return the search that a dictionary means.

    Arguments:
        octave: All its keys.
        iterations: Iterations in all.
        side: Side of the pictures, pixels.
        rate: Rate of learning that suits the pictures.
    """

    def ramp(name: str, factor: float = 1.0) -> dict[str, float]:
        return {end: factor * octave[f"{end}_{name}"] for end in ("start", "end")}

    return Search(
        iterations=iterations,
        optimiser="sgd",
        learning_rate=Ramp(**ramp("lr", rate / RATE)),
        jitter_px=0,
        zoom=0.0,
        rotation_degrees=0.0,
        mask_sigma_px=PositiveRamp(**ramp("mask_sigma", side / SIDE / EPSILON)),
        blur_sigma_px=Ramp(**ramp("sigma")),
        denoise_weight=PositiveRamp(**ramp("denoise_weight")),
        brightness_every=int(octave["brightness_step"]),
        canvas=octave["scale"],
        window=octave["window"],
        window_every=int(octave["window_step"]),
    )


def penalty_of(octave: Mapping[str, float], *, inputs: int, channels: int) -> Ramp:
    """Return the weight of the mean size of a module's inputs.

    Arguments:
        octave: All its keys.
        inputs: Inputs of the module for a picture.
        channels: Channels that a picture drives.
    """
    factor = inputs / channels
    return Ramp(start=factor * octave["start_lambda"], end=factor * octave["end_lambda"])
