"""Which images a network is looked at with: as many of each of some of its classes."""

__all__ = ["ChosenImages", "choose_images"]

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actsense.data.pool import VALIDATION, ImagePool
from actsense.errors import ConfigError, choose
from actsense.features.settings import SEARCHED
from actsense.networks.outputs import NONE
from actsense.networks.subject import Subject
from actsense.store.rows import Rows

Integers = NDArray[np.int64]
Groups = dict[int, Integers]  # rows of images by the output that is right for them

FEWEST = 2  # classes, and images of each
SETTING = "patterns.classes"


@dataclass(frozen=True)
class ChosenImages:
    """Images of a few classes of a network.

    Attributes:
        rows: Their rows in the dataset, (images,).
        labels: Their classes, as numbers among the chosen ones, (images,).
        outputs: Outputs of the network that stand for the chosen classes, (classes,).
        names: Names of these outputs.
        label: What images are labelled by: `class` or `prediction`.
    """

    rows: Integers
    labels: Integers
    outputs: Integers
    names: list[str]
    label: str

    @classmethod
    def of_attack(cls, path: Path) -> "ChosenImages":
        """Return the images that an attack was on, see `write_attack`."""
        attacked = Rows(path)
        rows, labels = (attacked.read(np.arange(len(attacked)), name) for name in ("row", "label"))
        held = attacked.attributes
        outputs = np.array(held["outputs"], dtype=np.int64)
        return cls(rows, labels, outputs, list(held["classes"]), str(held["label"]))


def choose_images(subject: Subject, *, images: int, classes: int | Sequence[str]) -> ChosenImages:
    """Choose validation images, in turn from every class.

    Of more classes than wanted, those are taken that are evenly spread in the order of the
    dataset. Where no output is a class of the dataset, images are labelled by what the network
    says of them, and the outputs are taken that it says most often.

    Arguments:
        subject: The network and its images.
        images: How many at most.
        classes: How many at most, or their names.

    Raises:
        ConfigError: If outputs are no classes, a name is unknown, or fewer than two classes, or
            than two images of one, are left.
    """
    name = subject.network.name
    if subject.network.returns == "sigmoids":
        raise ConfigError(
            f"networks.{name}: its outputs are sigmoids, each of a class of its own, and patterns "
            f"need classes that exclude each other. Leave {name} out with `patterns.networks`."
        )
    if subject.label == "class":
        groups = _of_classes(subject, classes)
    else:
        groups = _of_predictions(subject, classes, SEARCHED * images)
    _check(subject, groups, images)
    outputs = np.array(sorted(groups), dtype=np.int64)
    pool = ImagePool((tuple(groups[output] for output in outputs),))
    rows, labels = pool.labelled(images)
    return ChosenImages(
        rows, labels, outputs, [subject.classes[output] for output in outputs], subject.label
    )


def _of_classes(subject: Subject, classes: int | Sequence[str]) -> Groups:
    """Group the images of classes of the dataset that have an output."""
    names, places = list(subject.images.class_names), subject.outputs.places
    held = subject.pool.rows[VALIDATION]
    if isinstance(classes, int):
        known = [own for own in subject.outputs.known if len(held[own]) >= FEWEST]
        wanted = _spread(known, classes)
    else:
        wanted = [names.index(choose(SETTING, given, names)) for given in classes]
    for own in wanted:
        if places[own] == NONE:
            raise ConfigError(
                f"{SETTING}: {names[own]!r} is no output of networks.{subject.network.name}. "
                f"Name others, or leave {subject.network.name} out with `patterns.networks`."
            )
    return {int(places[own]): held[own] for own in wanted}


def _of_predictions(subject: Subject, classes: int | Sequence[str], searched: int) -> Groups:
    """Group images by what the network says of them."""
    rows, _ = subject.pool.validation(searched)
    said = subject.predictions(rows).numpy()
    found, counts = np.unique(said, return_counts=True)
    if isinstance(classes, int):
        often = np.argsort(-counts, kind="stable")[:classes]
        wanted = [int(found[k]) for k in often if counts[k] >= FEWEST]
    else:
        names = subject.classes
        wanted = [names.index(choose(SETTING, given, names)) for given in classes]
    return {output: rows[said == output] for output in wanted}


def _spread(known: Sequence[int], count: int) -> list[int]:
    places = np.linspace(0, len(known) - 1, min(count, len(known))).round().astype(int)
    return [known[place] for place in places]


def _check(subject: Subject, groups: Groups, images: int) -> None:
    """Refuse what nothing can be compared with."""
    name, said = subject.network.name, subject.label == "prediction"
    if len(groups) < FEWEST:
        what = "says of the validation images" if said else "knows"
        raise ConfigError(
            f"networks.{name}: patterns need two classes with two validation images each, and "
            f"{len(groups)} of those that it {what} are left. Add images, or leave {name} out "
            "with `patterns.networks`."
        )
    for output, rows in groups.items():
        if len(rows) < FEWEST:
            raise ConfigError(
                f"{SETTING}: networks.{name} has {len(rows)} validation images of "
                f"{subject.classes[output]!r}, and every class needs two. Add images, or name "
                "other classes."
            )
    if images < FEWEST * len(groups):
        raise ConfigError(
            f"patterns.images: {images} leave one image to some of {len(groups)} classes, and "
            f"every class needs two. Allowed: {FEWEST * len(groups)} or more, or fewer classes."
        )
