"""What makes clicks quick: libraries before the first page, stores once, no search for garbage."""

import os
import runpy
import sys
from pathlib import Path

import pytest

from actsense.explorer import launch, page, serve
from actsense.explorer.shelf import run_shelf, whole_shelf
from actsense.inspection import open_study


def test_what_is_loaded_beside_streamlit_does_not_import_it() -> None:
    source = Path(serve.__file__).parents[1]
    using = {path for path in source.rglob("*.py") if "import streamlit" in path.read_text()}
    assert {path.relative_to(source).parts[0] for path in using} == {"explorer"}
    assert not [name for name in serve.NEEDED if name.startswith("actsense.explorer")]


def test_every_page_is_shown_before_the_collector_is_spared_once(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    serve.spare_collection.cache_clear()
    monkeypatch.setattr(page, "show", lambda path: done.append(str(path)))
    monkeypatch.setattr(serve.gc, "freeze", lambda: done.append("spared"))
    monkeypatch.setattr(sys, "argv", ["app.py", str(made)])
    for _ in range(2):
        runpy.run_path(str(launch.APP))
    assert done == [str(made), "spared", str(made)]
    serve.spare_collection.cache_clear()


def test_all_pages_share_the_stores_that_were_opened(copy: Path) -> None:
    tree = run_shelf(copy, "made", "mixed").held.indices
    assert whole_shelf(copy).held["made", "mixed"].indices is tree
    assert run_shelf(copy, "made", "other").held.indices is not tree
    os.utime(copy / "made/mixed/indices.zarr/zarr.json")
    assert run_shelf(copy, "made", "mixed").held.indices is not tree


def test_a_study_opens_a_run_once(made: Path) -> None:
    study = open_study(made)
    assert study["made", "mixed"] is study["made", "mixed"]
    assert study["made", "mixed"].indices is study["made", "mixed"].indices
    assert study["made", "mixed"] is not study["made", "other"]
