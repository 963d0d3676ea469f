"""A look at some photographs before a study of them is planned."""

__all__ = ["SECONDS", "Look", "look_at"]

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from actsense.data.class_names import readable
from actsense.data.decode import decode
from actsense.data.image_plan import Group, ImagePlan
from actsense.errors import ConfigError
from actsense.store.damage import trouble

SECONDS = 5.0  # of decoding, about; a study of thousands decodes for minutes
COLOURLESS = 8  # levels between the channels of a grey photograph, at most: JPEG rounds


@dataclass(frozen=True)
class Look:
    """What some photographs tell of all of them.

    Attributes:
        count: Photographs that were opened.
        every: Whether these are all that are taken.
        seconds: Seconds that reading and decoding one takes.
        unreadable: Why files cannot be read, by their paths below the folder.
        side: Shorter side of the largest one, pixels.
        grey: Whether none of them has any colour.
        dark: Whether one has more than 8 bits and is nearly black as it is read.
    """

    count: int
    every: bool
    seconds: float
    unreadable: Mapping[str, str]
    side: int
    grey: bool
    dark: bool


@dataclass(frozen=True)
class _Seen:
    """One photograph that was opened.

    Attributes:
        file: Its path below the folder.
        group: Where it belongs.
        side: Its shorter side, pixels; 0 if it cannot be read.
        coloured: Whether it has any colour.
        dark: Whether it is nearly black as it is read, for its range.
        reason: Why it cannot be read, or empty.
    """

    file: str
    group: Group
    side: int = 0
    coloured: bool = False
    dark: bool = False
    reason: str = ""


def look_at(planned: ImagePlan, *, seconds: float = SECONDS) -> Look:
    """Decode photographs of every class in turn, until all are seen or time is up.

    Arguments:
        planned: What is taken of a folder.
        seconds: When to stop.

    Raises:
        ConfigError: If nothing of a class can be read.
    """
    start, seen = time.perf_counter(), list[_Seen]()
    for group, file in _in_turn(planned):
        seen.append(_seen(planned, group, file))
        if time.perf_counter() - start > seconds:
            break
    lasted = time.perf_counter() - start
    for group in planned.groups:
        _check_some_readable(planned, group, [one for one in seen if one.group is group])
    return Look(
        count=len(seen),
        every=len(seen) == planned.capacity,
        seconds=lasted / len(seen),
        unreadable={one.file: one.reason for one in seen if one.reason},
        side=max(one.side for one in seen),
        grey=not any(one.coloured for one in seen),
        dark=any(one.dark for one in seen),
    )


def _in_turn(planned: ImagePlan) -> Iterator[tuple[Group, str]]:
    """Yield the photographs that are taken, one of every class and partition at a time."""
    taken = [[(group, file) for file in group.files[: group.wanted]] for group in planned.groups]
    for one_of_each in zip_longest(*taken):
        yield from filter(None, one_of_each)


def _seen(planned: ImagePlan, group: Group, file: str) -> _Seen:
    path = Path(planned.source.locate(file))
    try:
        picture = decode(
            path,
            resize=planned.resize,
            side=planned.side,
            white=planned.white,
            max_pixels=planned.max_pixels,
        )
        with Image.open(path) as opened:
            side = min(opened.size)
    except Exception as error:  # Pillow's readers raise whatever their format makes them raise
        if limit := trouble(error, path):
            raise limit from error
        return _Seen(file, group, reason=" ".join(str(error).split()) or type(error).__name__)
    dark = picture.brightest is not None
    return _Seen(file, group, side, _has_colour(picture.pixels), dark)


def _has_colour(pixels: NDArray[np.uint8]) -> bool:
    return bool(np.ptp(pixels.astype(np.int16), axis=0).max() > COLOURLESS)


def _check_some_readable(planned: ImagePlan, group: Group, seen: Sequence[_Seen]) -> None:
    """Refuse a class without a file that can be read; a study would stop there."""
    if len(seen) < len(group.files) or not all(one.reason for one in seen):
        return
    name, first = planned.classes[group.label], seen[0]
    raise ConfigError(
        f"class {name!r}: none of its {len(seen)} photographs for {group.partition} can be read, "
        f"such as {readable(first.file)!r} ({first.reason}). Replace them, or remove the class."
    )
