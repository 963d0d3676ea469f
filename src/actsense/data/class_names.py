"""From folders to the names of classes: text that is the same on every system."""

__all__ = ["class_name", "named_classes", "readable"]

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from actsense.errors import ConfigError


def class_name(folder: str) -> str:
    """Return the name of a class as text, from the name of its folder.

    Accents are composed: some systems write them as two characters, some as one.
    """
    return unicodedata.normalize("NFC", readable(folder))


def readable(path: str) -> str:
    r"""Return a path as a line of text: bytes that are no UTF-8 as `\xe9`, breaks as `\n`."""
    text = os.fsencode(path).decode(errors="backslashreplace")
    return re.sub(
        r"[\x00-\x1f\x7f-\x9f]", lambda one: one[0].encode("unicode_escape").decode(), text
    )


def named_classes(folders: Iterable[Path]) -> dict[str, Path]:
    """Return the folder of every class, by its name, in the order of names.

    Raises:
        ConfigError: If two folders give the same name.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        name = class_name(folder.name)
        if name in found:
            raise ConfigError(
                f"dataset.path: {str(folder.parent)!r} has two folders that are called {name!r} "
                f"and differ in how that is encoded: {found[name].name!a} and {folder.name!a}. "
                "Join or rename them."
            )
        found[name] = folder
    return dict(sorted(found.items()))
