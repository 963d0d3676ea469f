"""What the outputs of a network are, and which of them the classes of a dataset are.

An accuracy needs an output for every class. `outputs` in the settings of a network says how they
are found; `auto` looks, in this order, for

    names    those published with the weights, or ImageNet's where there are as many outputs
    numbers  folders that are numbers of outputs, if the network is right more often than by chance
    order    as many outputs as classes: those of the dataset, in the order of texts

Folders `0` to `11` have two orders: that of texts, which torchvision's ImageFolder takes, and that
of numbers. The one under which the network is right more often is taken, if images can tell.
"""

__all__ = ["Seen", "check_listed", "match_outputs", "name_outputs"]

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.networks.names import IMAGENET, OutputNames, imagenet_names, listed_names
from actsense.networks.outputs import CERTAIN, NONE, Outputs

Integers = NDArray[np.int64]
Seen = Callable[[], tuple[Integers, Integers]]  # classes of some images, outputs predicted

LISTED = 8  # classes in a message
FEWEST = 2  # hits that are no chance
NOTHING = "nothing"  # the basis of outputs that are not named
MOST = 0.5  # share of the classes that are more than chance

log = logging.getLogger(__name__)


def match_outputs(
    network: str,
    wanted: str | Sequence[str] | None,
    classes: Sequence[str],
    count: int,
    *,
    published: Sequence[str] | None,
    seen: Seen,
) -> Outputs:
    """Find the output of every class, and say how.

    Arguments:
        network: Its name, for messages.
        wanted: The setting `outputs`; None where the network was trained on these classes.
        classes: Classes of the dataset, in its order.
        count: Outputs of the network.
        published: Names of the outputs as published with the weights.
        seen: Shows images to the network where nothing else tells.

    Raises:
        ConfigError: If there are fewer than two classes or outputs, or the setting does not fit.
    """
    if min(count, len(classes)) < 2:
        raise ConfigError(
            f"Predictions need two classes at least; the dataset has {len(classes)}, the network "
            f"{network} has {count} outputs. Add images of other classes."
        )
    check_listed(network, wanted, count)
    if wanted is None and count == len(classes):
        return Outputs([*classes], np.arange(count), "training")
    published = published if published and len(published) == count else None
    match = _Match(f"networks.{network}.outputs", classes, count, published, seen)
    found = match.found(wanted or "auto")
    if found.label == "prediction":
        log.warning(
            "networks.%s.outputs: none of the classes %s is one of the %d outputs. There are no "
            "accuracies; predictions are compared with those on intact images. To have them, list "
            "the names of the outputs, or name folders as they are called",
            *(network, _listed(classes), count),
        )
    return found


def name_outputs(
    wanted: str | Sequence[str],
    classes: Sequence[str],
    count: int,
    *,
    published: Sequence[str] | None,
) -> list[str]:
    """Return what `match_outputs` calls the outputs, or nothing where they have no names.

    Nothing, too, where only images tell which of two orders of numbers is meant.

    Arguments:
        wanted: The setting `outputs`.
        classes: Classes of the dataset, in its order.
        count: Outputs of the network.
        published: Names of the outputs as published with the weights.
    """

    def seen() -> tuple[Integers, Integers]:
        raise _NotSeenError

    published = published if published and len(published) == count else None
    match = _Match("outputs", classes, count, published, seen, quiet=True)
    names, _ = match.names()
    try:
        found = match.found(wanted)
    except ConfigError:
        return []
    except _NotSeenError:
        return [*names.shown] if names and count != len(classes) else []
    return found.names if names or found.basis != NOTHING else []


class _NotSeenError(Exception):
    """The network would have to run."""


def check_listed(network: str, wanted: str | Sequence[str] | None, count: int) -> None:
    """Refuse a list of names that is shorter or longer than the outputs are many."""
    if wanted is not None and not isinstance(wanted, str) and len(wanted) != count:
        raise ConfigError(
            f"networks.{network}.outputs: {len(wanted)} names for {count} outputs. Name each, in "
            "their order."
        )


@dataclass(frozen=True)
class _Match:
    setting: str
    classes: Sequence[str]
    count: int
    published: Sequence[str] | None
    seen: Seen
    quiet: bool = False

    def found(self, wanted: str | Sequence[str]) -> Outputs:
        match wanted:
            case "auto":
                return next(self._tried())
            case "classes":
                return self._in_order()
            case "numbers":
                return self._by_number()
            case "imagenet":
                if names := imagenet_names(self.count):
                    return self._by_name(names, "the names of ImageNet")
                raise ConfigError(
                    f"{self.setting}: imagenet is for networks of {IMAGENET} outputs; this one "
                    f"has {self.count}. List their names, or leave it out."
                )
        return self._by_name(listed_names(wanted), "the names in the settings")

    def _tried(self) -> Iterator[Outputs]:
        """Yield what is likely, the best first, and at last that no class is an output."""
        names, source = self.names()
        if names:
            found = self._by_name(names, source, quiet=True)
            share = (found.places != NONE).mean()
            # As many outputs as classes may be these very classes, some of them by chance alike.
            if share > (MOST if self.count == len(self.classes) and not self.published else 0):
                yield self._by_name(names, source)
        numbers = [_number(name) for name in self.classes]
        if self.count == len(self.classes):
            yield self._in_order() if None in numbers else self._in_either_order()
        elif 2 * numbers.count(None) < len(numbers) and self._right(self._numbered()):
            yield self._by_number()
        shown = names.shown if names else tuple(map(str, range(self.count)))
        yield Outputs([*shown], np.full(len(self.classes), NONE), NOTHING)

    def names(self) -> tuple[OutputNames | None, str]:
        """Return what the outputs are called as published, or by ImageNet, and who says so."""
        imagenet = imagenet_names(self.count)
        if self.published is None or (imagenet and _alike(imagenet, self.published)):
            return imagenet, "the names of ImageNet"
        return listed_names(self.published), "the names published with the weights"

    def _by_name(self, names: OutputNames, source: str, *, quiet: bool = False) -> Outputs:
        fitting = [names.find(name) for name in self.classes]
        times = Counter(output for outputs in fitting if len(outputs) == 1 for output in outputs)
        only = [next(iter(outputs)) if len(outputs) == 1 else NONE for outputs in fitting]
        places = np.array([k if times[k] == 1 else NONE for k in only], dtype=np.int64)
        if not quiet:
            self._tell(places, source)
            for name, outputs, output in zip(self.classes, fitting, only, strict=True):
                several = [f"{k} {names.shown[k]}" for k in sorted(outputs)]
                if len(outputs) > 1:
                    self._warn(f"{name!r} fits the outputs {_listed(several)}")
                elif times[output] > 1:
                    self._warn(f"{name!r} and another class fit the output {several[0]}")
        return Outputs([*names.shown], places, source)

    def _in_order(self) -> Outputs:
        if self.count != len(self.classes):
            raise ConfigError(
                f"{self.setting}: classes is for as many outputs as classes; the network has "
                f"{self.count}, the dataset {len(self.classes)}. List the names of the outputs."
            )
        log.info(
            "%s: taken for the classes of the dataset, in the order of texts: %s",
            *(self.setting, _listed(self.classes)),
        )
        return Outputs([*self.classes], np.arange(self.count), "the order of the classes")

    def _by_number(self) -> Outputs:
        places = self._numbered()
        if (places == NONE).all():
            raise ConfigError(
                f"{self.setting}: numbers is for classes called 0 to {self.count - 1}, the "
                f"numbers of the outputs; they are called {_listed(self.classes)}."
            )
        names, _ = self.names()
        shown = [*names.shown] if names else [*map(str, range(self.count))]
        for name, place in zip(self.classes, places, strict=True):
            if place != NONE and not names:
                shown[place] = name
        self._tell(places, "the numbers that they are called by")
        return Outputs(shown, places, "the numbers of the classes")

    def _in_either_order(self) -> Outputs:
        """Take one of the two orders of numbers."""
        texts, numbers = np.arange(self.count), self._numbered()
        if (numbers == texts).all() or (numbers == NONE).any():
            return self._in_order()
        classes, predicted = self.seen()
        hits = [predicted == places[classes] for places in (texts, numbers)]
        by_text, by_number = (int((own & ~other).sum()) for own, other in (hits, hits[::-1]))
        told = abs(by_text - by_number) >= CERTAIN * sqrt(by_text + by_number) > 0
        said = (
            f"{hits[0].sum()} of {len(classes)} images are right in the order of texts, "
            f"{hits[1].sum()} in that of numbers"
        )
        if not told:
            self._warn(
                f"the classes are numbers, and images do not tell their order ({said}). Write "
                "`classes` for that of texts (0, 1, 10, 2), as torchvision's ImageFolder takes "
                "it, or `numbers`"
            )
        else:
            log.info("%s: the classes are numbers: %s", self.setting, said)
        taken = by_number > by_text if told else self.count >= IMAGENET
        return self._by_number() if taken else self._in_order()

    def _numbered(self) -> Integers:
        """Return the output of every class by its number, or by the order of the numbers."""
        numbers = [_number(name) for name in self.classes]
        times = Counter(number for number in numbers if number is not None)
        order = sorted(times) if len(times) == self.count else range(self.count)  # from 1 on, say
        outputs = {number: k for k, number in enumerate(order) if times[number] == 1}
        return np.array([NONE if n is None else outputs.get(n, NONE) for n in numbers])

    def _right(self, places: Integers) -> bool:
        """Tell whether the network is right more often than by chance."""
        classes, predicted = self.seen()
        wanted = places[classes]
        images, chance = int((wanted != NONE).sum()), 1 / self.count
        hits = int(((wanted == predicted) & (wanted != NONE)).sum())
        deviation = sqrt(images * chance * (1 - chance))
        right = hits >= max(FEWEST, images * chance + CERTAIN * deviation)
        if not right:
            log.info(
                "%s: the classes are called by numbers, but are not those of the outputs: %d of "
                "%d images would be right. If they are, write `numbers`",
                *(self.setting, hits, images),
            )
        return right

    def _tell(self, places: Integers, source: str) -> None:
        known = int((places != NONE).sum())
        said = f"{known} of {len(places)} classes are outputs, by {source}"
        if known == len(places):
            log.info("%s: %s", self.setting, said)
        elif known:
            lacking = [name for name, k in zip(self.classes, places, strict=True) if k == NONE]
            self._warn(f"{said}. Accuracies leave out images of {_listed(lacking)}")

    def _warn(self, message: str) -> None:
        if not self.quiet:
            log.warning("%s: %s", self.setting, message)


def _number(name: str) -> int | None:
    return int(name) if name.isascii() and name.isdecimal() else None


def _alike(names: OutputNames, published: Sequence[str]) -> bool:
    """Tell whether published names are those of ImageNet, in its order, but for a few."""
    right = sum(k in names.find(name) for k, name in enumerate(published))
    return right > 0.9 * len(published)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")
