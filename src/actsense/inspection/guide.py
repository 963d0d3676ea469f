"""Where to look when a run has ended: what a study's folder holds, and what opens it."""

__all__ = ["guide"]

import sys
from collections.abc import Iterable
from pathlib import Path

# A pattern of what is looked for, and how the place is named.
PLACES = {
    "indices of every unit": ("*/*/indices.zarr", "<network>/<design>/indices.zarr"),
    "figures, tables": ("*/*/tables/layers.csv", "<network>/<design>/{figures,tables}"),
    "analyses": ("*/analysis/tables/*.csv", "<network>/analysis/{figures,tables}"),
    "spatial study": ("spatial/tables/*.csv", "spatial/{figures,tables}"),
    "notebooks": ("notebooks/*.html", "notebooks"),
}
WAYS = {
    "{bin}actsense explore {results}": "every unit, in a browser",
    "{bin}snakemake --report {results}/report.html{study}": "all figures with captions",
    "{bin}snakemake --cores 2 notebooks{study}": "the questions of the study, answered one by one",
    "{bin}actsense describe {store}": "a store as text",
}


def guide(results: Path, configurations: Iterable[Path] = ()) -> str:
    """Say where the results of a study are and how to look at them; nothing if there are none.

    Arguments:
        results: Folder of the study.
        configurations: What the run was given with `--configfile`.
    """
    stores = sorted(results.glob("*/*/indices.zarr"))
    if not stores:
        return ""
    places = {
        name: f"{results}/{place}"
        for name, (pattern, place) in PLACES.items()
        if next(results.glob(pattern), None)
    }
    given = list(map(str, configurations))
    ways = {
        way.format(
            bin=_bin_folder(),
            results=results,
            store=stores[0],
            study=" --configfile " + " ".join(given) if given else "",
        ): what
        for way, what in WAYS.items()
    }
    width = max(map(len, ways))
    return "\n".join(
        [
            f"\nDone. Study {results.name!r} has",
            *(f"  {name:22} {place}" for name, place in places.items()),
            "Look at it with",
            *(f"  {way:{width}}  {what}" for way, what in ways.items()),
            "",
        ]
    )


def _bin_folder() -> str:
    """Return the folder of this environment's programs as the user wrote it, if he did."""
    program = Path(sys.argv[0])
    return "" if program.is_absolute() or program.parent == Path() else f"{program.parent}/"
