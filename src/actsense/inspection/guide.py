"""Where to look when a run has ended: what a study's folder holds, and what opens it."""

__all__ = ["guide"]

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from shlex import quote

from actsense.layout import (
    LEVELS,
    PLACES,
    Level,
    Place,
    make_command,
    program,
    report_command,
)

ABOVE: dict[Level, str] = {"study": "", "network": "<network>/", "run": "<network>/<design>/"}
WAYS = {
    "{results}/index.html": "what was found, on one page to open in a browser or to mail",
    "{actsense} explore {results}": "all of it, in a browser",
    "{actsense} describe {results}": "layers of every network, what there is, what is lacking",
    "{report}": "all figures with captions, once made",
    "{notebooks}": "the questions of the study, answered one by one",
    "{actsense} describe {store}": "a store as text",
}


def guide(results: Path) -> str:
    """Say where the results of a study are and how to look at them; nothing if there are none.

    Arguments:
        results: Folder of the study.
    """
    folders: dict[str, list[str]] = {}
    for place in PLACES:
        if next(_found(results, place, place.paths), None):
            folder = f"{results}/{ABOVE[place.level]}{place.folder}".rstrip("/")
            folders.setdefault(folder, []).append(place.what)
    if not folders:
        return ""
    store = _first_store(results)
    lacking = {"{store}": store is None, "index.html": not (results / "index.html").is_file()}
    ways = {
        way.format(
            actsense=program("actsense"),
            results=quote(str(results)),
            store=quote(str(store)),
            report=report_command(results),
            notebooks=make_command("notebooks", results),
        ): what
        for way, what in WAYS.items()
        if not any(word in way for word, missing in lacking.items() if missing)
    }
    held = {folder: ", ".join(dict.fromkeys(words)) for folder, words in folders.items()}
    return "\n".join(
        [
            f"\nDone. Study {results.name!r} has",
            *_columns(held),
            f"Look at it{_elsewhere()} with",
            *_columns(ways),
            "",
        ]
    )


def _found(results: Path, place: Place, paths: Iterable[str]) -> Iterator[Path]:
    """Yield what there is of some paths of a place, in all networks and runs."""
    above = "*/" * LEVELS.index(place.level)
    return (found for path in paths for found in sorted(results.glob(above + path)))


def _first_store(results: Path) -> Path | None:
    """Return a store to begin with: indices, or else one of the next studies."""
    stores = (
        found
        for place in PLACES
        for found in _found(results, place, map(place.store_path, place.stores))
    )
    return next(stores, None)


def _columns(rows: Mapping[str, str]) -> list[str]:
    width = max(map(len, rows))
    return [f"  {first:{width}}  {second}" for first, second in rows.items()]


def _elsewhere() -> str:
    """Say where, if `--directory` led away from where the shell is."""
    shell = Path(os.environ.get("PWD") or Path.cwd())
    here = Path.cwd()
    return "" if shell.resolve() == here.resolve() else f" in {quote(str(here))}"
