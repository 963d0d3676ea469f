"""Streamlit's command with what pages need loaded beside it, before somebody waits for it."""

__all__ = ["main", "spare_collection"]

import gc
import importlib
import runpy
from functools import cache
from threading import Thread

# None of them imports Streamlit, which the command itself is loading meanwhile. In the order in
# which pages need them: at last what draws pictures, which takes longest.
NEEDED = (
    "actsense.findings.collection",
    "actsense.inspection.search",
    "actsense.drawing.style",
    "actsense.inspection.pictures",
)


def main() -> None:
    """Run the command `streamlit` with the arguments of this process."""
    Thread(target=_load, daemon=True).start()
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


@cache
def spare_collection() -> None:
    """Let the collector of garbage pass over all that is there once a first page has been shown.

    Streamlit collects after every page, and holds back the page until it has looked at every
    object of every library: 0.2 s of each click.
    """
    gc.freeze()


def _load() -> None:
    for name in NEEDED:
        importlib.import_module(name)
    gc.freeze()


if __name__ == "__main__":
    main()
