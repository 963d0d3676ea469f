"""Which natural images pictures are compared with."""

__all__ = ["natural_rows"]

import numpy as np
from numpy.typing import NDArray

from actsense.errors import ConfigError, choose
from actsense.featvis.settings import Featvis
from actsense.networks.subject import Subject

FEWEST = 4
Integers = NDArray[np.int64]


def natural_rows(subject: Subject, settings: Featvis) -> tuple[Integers, Integers]:
    """Return rows and classes of natural images, (images,).

    Arguments:
        subject: The network with its images.
        settings: The section `featvis` of the configuration.

    Raises:
        ConfigError: If a class or row is unknown, or fewer than four images are left.
    """
    if isinstance(settings.images, int):
        rows, classes = _validation(subject, settings.images, settings.classes)
    else:
        rows, classes = _named(subject, np.array(settings.images, dtype=np.int64))
    if len(rows) < FEWEST:
        raise ConfigError(
            f"featvis: {len(rows)} natural images are left, and pictures need {FEWEST} to be "
            "compared with. Add images, or name other classes in `featvis.classes`."
        )
    return rows, classes


def _validation(
    subject: Subject, images: int, classes: tuple[str, ...] | None
) -> tuple[Integers, Integers]:
    if classes is None:
        return subject.pool.validation(images)
    names = list(subject.images.class_names)
    wanted = {names.index(choose("featvis.classes", name, names)) for name in classes}
    return subject.pool.validation(images, np.array(sorted(wanted), dtype=np.int64))


def _named(subject: Subject, rows: Integers) -> tuple[Integers, Integers]:
    known, classes = subject.pool.labelled(subject.pool.size)
    order = known.argsort()
    known, classes = known[order], classes[order]
    places = np.searchsorted(known, rows).clip(max=len(known) - 1)
    if (wrong := known[places] != rows).any():
        raise ConfigError(
            f"featvis.images: {rows[wrong][0]} is no row of an image. Allowed: rows of "
            f"manifest.csv whose partition is train or validation, 0 to {known[-1]}."
        )
    return rows, classes[places]
