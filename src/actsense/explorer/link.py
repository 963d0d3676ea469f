"""The state of the page as a link: every choice by its name, and what it falls back to."""

__all__ = ["Wishes"]

import math
from collections.abc import Mapping, Sequence


class Wishes:
    """What somebody wants to see, whether it was clicked or stands in a link.

    A wish is a text under a name, as in a query: `layer=stage2`. What can be had is known only
    when a control is drawn, because the layers depend on the network. So wishes are kept as they
    are, also those of controls that are not on the page now, and each is granted or replaced when
    its control asks. The page and its address both show what was granted.

    Arguments:
        given: The query of a link.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._wanted: dict[str, str] = {}
        self._linked: set[str] = set()
        self._granted: dict[str, str] = {}
        self._written: dict[str, str] | None = None
        self.notes: list[str] = []
        self.follow(given)

    def follow(self, given: Mapping[str, str]) -> None:
        """Take over a query, unless it is the one that the page itself wrote last."""
        if dict(given) == self._written:
            return
        self._wanted = dict(given)
        self._linked = set(given)
        self._written = dict(given)
        self.notes = []

    def begin(self) -> None:
        """Forget what was granted to the last page, not what is wanted."""
        self._granted = {}

    def want(self, name: str, value: object, *, instead_of: Sequence[str] = ()) -> None:
        """Wish for something.

        Arguments:
            name: Name of the control.
            value: What is chosen there.
            instead_of: Wishes that make no sense any more, such as the channel of another layer.
        """
        self.forget([name, *instead_of])
        self._wanted[name] = str(value)

    def about(self, names: Sequence[str]) -> bool:
        """Tell whether one of some things is wanted."""
        return any(name in self._wanted for name in names)

    def forget(self, names: Sequence[str]) -> None:
        """Go back to what is shown where nothing is wanted."""
        self.notes = []
        self._linked.difference_update(names)
        for name in names:
            self._wanted.pop(name, None)

    def choose(self, name: str, options: Sequence[str], default: str | None = None) -> str:
        """Grant one of some options.

        Arguments:
            name: Name of the control.
            options: What can be had, at least one.
            default: What is shown if nothing, or nothing possible, is wanted; else the first.
        """
        wanted = self._wanted.get(name)
        fallback = options[0] if default is None or default not in options else default
        granted = fallback if wanted is None or wanted not in options else wanted
        if wanted != granted:
            self._note(name, f"{wanted!r} is not here; showing {granted!r}.")
        return self._grant(name, granted)

    def number(self, name: str, count: int, default: int = 0) -> int:
        """Grant a number from 0 to below `count`.

        Arguments:
            name: Name of the control.
            count: How many there are.
            default: What is shown if nothing, or nothing possible, is wanted.
        """
        wanted = self._wanted.get(name, "")
        possible = wanted.isdecimal() and len(wanted) < 10 and int(wanted) < count
        granted = int(wanted) if possible else min(default, count - 1)
        if not possible:
            self._note(name, f"{wanted!r} is not from 0 to {count - 1}; showing {granted}.")
        return int(self._grant(name, str(granted)))

    def several(
        self, name: str, options: Sequence[str], default: Sequence[str], *, least: int, most: int
    ) -> list[str]:
        """Grant some of some options, in the order of the wish.

        Arguments:
            name: Name of the control.
            options: What can be had; none has a comma, which stands between them in a link.
            default: What is shown if nothing, or nothing possible, is wanted.
            least: How many at least; of none, a link says nothing.
            most: How many at most; of more, the first are granted.
        """
        wanted = self._wanted.get(name, "")
        known = [option for option in dict.fromkeys(wanted.split(",")) if option in options]
        granted = known[:most] if len(known) >= least else [*default]
        if ",".join(granted) != wanted:
            self._note(name, f"{wanted!r} is not here; showing {','.join(granted)!r}.")
        if granted:
            self._grant(name, ",".join(granted))
        self._linked.discard(name)
        return granted

    def amount(self, name: str, low: float, high: float, default: float) -> float:
        """Grant a number from `low` to `high`, six digits of it.

        Arguments:
            name: Name of the control.
            low: The least that can be had.
            high: The most.
            default: What is shown if nothing, or nothing possible, is wanted.
        """
        wanted = self._wanted.get(name, "")
        try:
            granted = float(wanted)
        except ValueError:
            granted = math.nan
        if not low <= granted <= high:
            granted = default
            self._note(name, f"{wanted!r} is not from {low:g} to {high:g}; showing {default:g}.")
        self._grant(name, f"{granted:.6g}")
        return granted

    def query(self) -> dict[str, str]:
        """Return what was granted since `begin`: the query of a link to this page."""
        self._written = dict(self._granted)
        return dict(self._granted)

    def _grant(self, name: str, granted: str) -> str:
        self._linked.discard(name)
        self._granted[name] = granted
        return granted

    def _note(self, name: str, text: str) -> None:
        """Say so once, and only if a link asked: after a click a fallback is what one expects."""
        if name in self._linked:
            self.notes.append(f"The link's {name} {text}")
