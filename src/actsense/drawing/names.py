"""Names of layers and classes as figures write them: legible, short, and still told apart."""

__all__ = ["LONGEST", "legible", "short_names"]

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from itertools import takewhile

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.ft2font import FaceFlags

LONGEST = 24  # characters of a name beside or below a panel
ELLIPSIS = "\u2026"
BLANK = "\u2423"  # stands for a blank that nobody would see
BOXES = ("last resort", ".lastresort", "adobe blank")  # fonts that claim every character


def legible(name: str) -> str:
    """Return a name as figures can write it, in one line.

    A character that the usual font lacks is drawn by any font of the machine that has it. What no
    font has, and what nobody would see, such as a line break, is written as Python escapes it.
    Dollars are escaped, which matplotlib does not draw: `$x$` is no formula.
    """
    return _without_math(_visible(name))


def short_names(names: Iterable[str], longest: int = LONGEST) -> dict[str, str]:
    """Return different short texts for different names, by name; most are the names themselves.

    Where one is too long, all lose the modules that they have in common in front, and those that
    still are too long more: in whole modules where that leaves them different.

    Arguments:
        names: Of layers, or of classes.
        longest: Characters of a text, about.
    """
    whole = {name: _visible(name) for name in names}
    if any(len(text) > longest for text in whole.values()):
        whole = _without_prefix(whole)
    for shorten in (_last_modules, _trimmed_modules, _ends):
        texts = {name: _shortened(text, longest, shorten) for name, text in whole.items()}
        if len(set(texts.values())) == len(set(whole.values())):
            break
    counts: Counter[str] = Counter()
    for name, text in texts.items():  # alike but for their middle, or for what nobody sees
        counts[text] += 1
        texts[name] = f"{text} #{counts[text]}" if counts[text] > 1 else text
    return {name: _without_math(text) for name, text in texts.items()}


def _without_math(text: str) -> str:
    return text.replace("$", r"\$")


def _visible(name: str) -> str:
    composed = unicodedata.normalize("NFC", name)
    middle = composed.strip(" ")
    before = len(composed) - len(composed.lstrip(" "))
    after = len(composed) - len(middle) - before if middle else 0
    written = "".join(one if _can_be_drawn(one) else _escape(one) for one in middle)
    return BLANK * before + written + BLANK * after


def _without_prefix(texts: dict[str, str]) -> dict[str, str]:
    modules = [text.split(".")[:-1] for text in texts.values() if "." in text]
    alike = takewhile(lambda level: len(set(level)) == 1, zip(*modules, strict=False))
    common = "".join(f"{level[0]}." for level in alike)
    if len(modules) < 2 or not common:
        return texts
    return {
        name: ELLIPSIS + text.removeprefix(common) if text.startswith(common) else text
        for name, text in texts.items()
    }


def _shortened(text: str, longest: int, shorten: Callable[[str, int], str]) -> str:
    return text if len(text) <= longest else shorten(text.removeprefix(ELLIPSIS), longest)


def _last_modules(text: str, longest: int) -> str:
    while len(text) >= longest and "." in text:
        text = text.partition(".")[2]
    return ELLIPSIS + text if len(text) < longest else _ends(text, longest)


def _trimmed_modules(text: str, longest: int) -> str:
    """Trim the words of all modules, but not their numbers: `denseb3.densel24.relu2`."""
    for letters in range(8, 1, -1):
        trimmed = re.sub(rf"([^\W\d_]{{{letters}}})[^\W\d_]+", r"\1", text)
        if "." in text and len(trimmed) <= longest:
            return trimmed
    return _ends(text, longest)


def _ends(text: str, longest: int) -> str:
    """Keep both ends of a text, more of the last one: layers differ there."""
    head = longest // 3
    return text[:head] + ELLIPSIS + text[head + 1 - longest :]


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


@cache
def _can_be_drawn(character: str) -> bool:
    """Tell whether a font has a character; texts that are made later fall back to that font."""
    if character != " " and unicodedata.category(character)[0] in "CZ":
        return False
    families = mpl.rcParams["font.family"]
    usual = (findfont(FontProperties(family=[family])) for family in families)
    if any(_has(path, character) for path in usual):
        return True
    for family, path in _fonts():
        if _has(path, character):
            mpl.rcParams["font.family"] = [*families, family]
            return True
    return False


@cache
def _fonts() -> list[tuple[str, str]]:
    """List the upright fonts of the machine, in an order that is the same on every run."""
    return sorted(
        (font.name, font.fname)
        for font in fontManager.ttflist
        if font.style == "normal"
        and font.weight in (400, "normal", "regular")
        and not font.name.lower().startswith(BOXES)
    )


@cache
def _has(path: str, character: str) -> bool:
    try:
        font = get_font(path)
    except (RuntimeError, OSError):  # a damaged one, or gone since the list was made
        return False
    return FaceFlags.SCALABLE in font.face_flags and font.get_char_index(ord(character)) > 0
