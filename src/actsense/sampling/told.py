"""What a design varies, in words, from the settings that its results keep."""

__all__ = ["design_words", "freedom_words", "recorded_designs"]

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from actsense.sampling.context import ORDER
from actsense.sampling.settings import HALF, PUBLISHED, DesignSettings


def recorded_designs(attributes: Mapping[Any, Any]) -> dict[str, DesignSettings]:
    """Return the designs behind a result, by name; none if it does not say or says it otherwise.

    Arguments:
        attributes: Those of the root of a store, with the `configuration` behind it.
    """
    found = {}
    for name, plain in (
        json.loads(attributes.get("configuration", "{}")).get("designs", {}).items()
    ):
        with suppress(ValidationError):
            found[name] = DesignSettings(**plain)
    return found


def design_words(design: DesignSettings) -> str:
    """Say what a design does: its law, its ranges and its images, one sentence each."""
    return " ".join(f"{said[0].upper()}{said[1:]}." for said in _sentences(design))


def freedom_words(design: DesignSettings) -> str:
    """Say the same of a design that is not as usual, and nothing of one that is."""
    usual = DesignSettings(
        augmentations=design.augmentations, base_points=2, divisions=design.divisions
    )
    said = design_words(design)
    return "" if said == design_words(usual) else said


def _sentences(design: DesignSettings) -> Iterator[str]:
    chances = design.chances
    if {*chances.values()} == {HALF}:
        yield f"every augmentation is on with probability {HALF:g}"
    else:
        kinds = dict.fromkeys(sorted(chances.values(), reverse=True))
        yield "; ".join(
            ("always on: " if chance == 1 else f"on with probability {chance:g}: ")
            + ", ".join(name for name, own in chances.items() if own == chance)
            for chance in kinds
        )
    if design.ranges:
        yield "ranges: " + ", ".join(
            f"{name} {parameter.replace('_', ' ')} {low:g} to {high:g}"
            for name, chosen in design.chosen_ranges.items()
            for parameter, (low, high) in chosen.items()
        )
    if design.law == PUBLISHED:
        yield "augmentations work as in the published study; effects are sums over single numbers"
    if ORDER not in design.context:
        yield "augmentations are applied as they are listed"
    yield from _images(design)
    if design.stretch:
        yield "every channel is stretched to [0, 1]"


def _images(design: DesignSettings) -> Iterator[str]:
    around = design.surroundings
    drawn = around.drawn
    if len(design.partitions) == 1:
        yield (
            f"one image of {design.partitions[0]} alone"
            if not drawn
            else (f"images of {design.partitions[0]} alone")
        )
    if not drawn:
        return
    if "image" not in drawn:
        yield f"one image of every {' and '.join(drawn)}"
    elif around.hidden:
        yield "the image is drawn anew for every evaluation"
    elif merged := [part for part in drawn["image"] if part != "image"]:
        yield f"which {' and '.join(merged)} is a part of which image"
