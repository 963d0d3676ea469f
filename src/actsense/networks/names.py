"""Which output of a network a class of a dataset is, told by their names.

Rules are tried in turn, and the first that fits decides: of a list of names, the name itself, the
name in plain letters, its first synonym, any other; of ImageNet's, the synset, then the names and
first synonyms, then the others. In plain letters case, underscores, blanks and punctuation do not
count. Two letters case tells `a` from `A` in a list of one's own, but not `Cardigan`, a dog, from
`cardigan`, a garment: what fits several outputs fits none.
"""

__all__ = ["OutputNames", "imagenet_names", "listed_names", "plain_letters"]

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

SYNSET = re.compile(r"n\d{8}(?![0-9A-Za-z])")  # alone, or before a name
IMAGENET = 1000  # outputs of the usual networks; larger subsets have more
MARKS = "PZSC"  # categories of characters: punctuation, separators, symbols, control

Rule = tuple[Callable[[str], str], Mapping[str, frozenset[int]]]


@dataclass(frozen=True)
class OutputNames:
    """What the outputs of a network are called.

    Attributes:
        shown: A name of every output, all different.
        rules: From a name to a key, and the outputs of every key; the first that fits decides.
    """

    shown: tuple[str, ...]
    rules: tuple[Rule, ...]

    def find(self, name: str) -> frozenset[int]:
        """Return the outputs that a name fits; none or one where it is of use."""
        for key, outputs in self.rules:
            if found := outputs.get(key(name)):
                return found
        return frozenset()


def listed_names(names: Sequence[str]) -> OutputNames:
    """Return names as somebody listed them, one per output, perhaps with comma-separated synonyms.

    Names that are there twice are told apart by the number of the output.
    """
    shown = _told_apart(names, [f"output {k}" for k in range(len(names))])
    return OutputNames(
        shown,
        (
            (_composed, _keyed(_composed, ([name] for name in names))),
            (plain_letters, _keyed(plain_letters, ([name] for name in names))),
            (plain_letters, _keyed(plain_letters, (name.split(",")[:1] for name in names))),
            (plain_letters, _keyed(plain_letters, (name.split(",")[1:] for name in names))),
        ),
    )


@cache
def imagenet_names(count: int) -> OutputNames | None:
    """Return the synsets and names of ImageNet, or None if no subset has so many classes.

    Arguments:
        count: Outputs of the network: 1000, or those of a larger subset.
    """
    if count < IMAGENET:
        return None
    from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset

    subset = infer_imagenet_subset({"num_classes": count})
    if subset is None:
        return None
    info: Any = ImageNetInfo(subset)
    synsets, lemmas = info.label_names(), info.label_descriptions()
    short = _torchvision_names() if count == IMAGENET else [own.split(",")[0] for own in lemmas]
    first = [(own, own.split(",")[0], name) for own, name in zip(lemmas, short, strict=True)]
    others = (own.split(",")[1:] for own in lemmas)
    return OutputNames(
        _told_apart(short, synsets),
        (
            (_synset, {synset: frozenset([k]) for k, synset in enumerate(synsets)}),
            (plain_letters, _keyed(plain_letters, first)),
            (plain_letters, _keyed(plain_letters, others)),
        ),
    )


def plain_letters(name: str) -> str:
    """Return a name in lower case, its accents composed, with single blanks for all marks."""
    letters = (" " if unicodedata.category(c)[0] in MARKS else c for c in _composed(name))
    return " ".join("".join(letters).casefold().split())


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _synset(name: str) -> str:
    found = SYNSET.match(name)
    return found.group() if found else ""


def _keyed(key: Callable[[str], str], names: Iterable[Iterable[str]]) -> dict[str, frozenset[int]]:
    """Return the outputs of every key, of the names of each."""
    found: dict[str, set[int]] = {}
    for output, own in enumerate(names):
        for name in own:
            found.setdefault(key(name), set()).add(output)
    return {name: frozenset(outputs) for name, outputs in found.items() if name}


def _told_apart(names: Sequence[str], tellers: Sequence[str]) -> tuple[str, ...]:
    times = Counter(names)
    return tuple(
        name if times[name] == 1 and name else f"{name} ({teller})".strip()
        for name, teller in zip(names, tellers, strict=True)
    )


def _torchvision_names() -> list[str]:
    from torchvision.models import AlexNet_Weights

    return list(AlexNet_Weights.DEFAULT.meta["categories"])
