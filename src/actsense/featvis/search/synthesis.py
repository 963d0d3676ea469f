"""Pictures of all targets at once, searched for until they are finished, or go on later."""

__all__ = ["synthesise"]

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from torch import Tensor

from actsense.device.precision import deterministic
from actsense.featvis.pictures.statistics import ImageStatistics
from actsense.featvis.search.course import Course
from actsense.featvis.search.record import Made, kept_iterations
from actsense.featvis.search.task import Task
from actsense.featvis.search.watch import Respond
from actsense.featvis.settings import Objective, Picture, Search
from actsense.featvis.targets.targets import Targets
from actsense.networks.state import read_tensors, save_tensors
from actsense.progress import Progress

KEPT_EVERY = 30.0  # seconds of work that a kill may cost

log = logging.getLogger(__name__)


def synthesise(
    respond: Respond,
    targets: Targets,
    starts: Tensor,
    statistics: ImageStatistics,
    *,
    keys: Tensor,
    groups: Tensor,
    objective: Objective,
    picture: Picture,
    search: Search,
    kept: int | Sequence[int],
    state: Path | None = None,
    bar: Progress | None = None,
    precision: str = "float32",
    clock: Callable[[], float] = time.monotonic,
) -> Made:
    """Make a picture for each target, all in one batch.

    A picture depends on its own target, start and key, and on those of its group, but not on the
    others of the batch beyond roundings. Two runs on one machine give the same bits.

    Arguments:
        respond: From images in [0, 1] to what the targets' layer says of them, and the input of
            the penalty's module or None: a `Watch`.
        targets: The targets, one per picture, on the device of the starts.
        starts: Images to start at, (pictures, 3, side, side) float32 in [0, 1].
        statistics: What images are like.
        keys: Keys of the pictures' random numbers, (pictures,) int64.
        groups: Pictures of one target have one number, (pictures,) int64.
        objective: What pictures are good at.
        picture: What is changed.
        search: How they are looked for.
        kept: How many pictures to keep on the way, evenly spread, with start and result; or the
            iterations after which.
        state: File that the search is kept in every half a minute, and in the end, and goes on
            from if it is of the same search; None to keep nothing.
        bar: Is told of every iteration; None for one of its own.
        precision: What the network computes in, see `arithmetic`.
        clock: Returns seconds.

    Raises:
        ConfigError: If no target responds at all, or a number of the search must not be 0.
    """
    points = kept_iterations(kept, search.iterations) if isinstance(kept, int) else kept
    every = tuple(sorted({0, *points, search.iterations}))
    task = Task(
        *(targets, starts, statistics, keys, groups, objective, picture, search, every),
        precision=precision,
    )
    course, digest = Course(task, respond), task.digest() if state else ""
    if state is not None and (held := _held(state, digest)) is not None:
        course.restore(held)
    saved, last = clock(), search.iterations
    with deterministic(), _told(bar, course.done, last) as known:
        for iteration in range(course.done + 1, last + 1):
            course.advance(iteration)
            known.note = course.note
            known.update()
            if state is not None and (clock() - saved >= KEPT_EVERY or iteration == last):
                save_tensors({"digest": digest, **course.state()}, state)
                saved = clock()
    return course.made()


def _held(path: Path, digest: str) -> dict[str, Any] | None:
    """Return what a file holds of this search, or None."""
    if not path.exists():
        return None
    try:
        held: dict[str, Any] = read_tensors(path)
        own = bool(held["digest"] == digest)
    except (ValueError, LookupError, TypeError) as error:
        log.warning("%s: damaged (%s), begins anew", path, error)
        return None
    if not own:
        log.warning("%s: kept by another search, begins anew", path)
        return None
    log.info("Going on after iteration %d, kept in %s", held["done"], path)
    return held


def _told(bar: Progress | None, done: int, last: int) -> AbstractContextManager[Progress]:
    if bar is None:
        return Progress(last, desc="pictures", unit="iteration", initial=done)
    bar.update(done)
    return nullcontext(bar)
