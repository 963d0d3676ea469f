"""The demo from scratch, as a newcomer runs it: time, processor time, jobs, a page of maps."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from actsense.sensitivity.figures.pages import plot_indices
from benchmarks.measure import Measurement, processor_seconds

REPOSITORY = Path(__file__).parents[1]


def measurements() -> Iterator[Measurement]:
    """Run the default study in an empty folder on two cores, and draw its maps once more."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _run(folder)
        yield _page(folder)


def _run(folder: Path) -> Iterator[Measurement]:
    command = [
        str(Path(sys.executable).with_name("snakemake")),
        *("--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(folder)),
        *("--configfile", str(REPOSITORY / "config.yaml"), "--cores", "2"),
    ]
    start, before = time.perf_counter(), os.times()
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    taken, after = time.perf_counter() - start, os.times()
    processors = sum(
        getattr(after, kind) - getattr(before, kind)
        for kind in ("children_user", "children_system")
    )
    jobs = re.findall(r"of (\d+) steps \(100", result.stdout + result.stderr)
    how = "snakemake --cores 2 on the default study in an empty folder, environment in place"
    yield Measurement("demo_from_scratch", taken / 60, 3, 2, "minutes", how)
    yield Measurement("demo_processor_time", processors / 60, 6, 4, "minutes", how)
    yield Measurement("demo_jobs", float(jobs[-1]), 60, 45, "jobs", how)


def _page(folder: Path) -> Measurement:
    """Draw everything of one design; its pages of maps are most of it."""
    run = folder / "results/digits/small/colour"
    drawn = folder / "drawn"
    outputs = {name: drawn / f"{name}.png" for name in ("profile", "pairs", "channels")}
    outputs["maps"] = drawn / "maps"
    taken = processor_seconds(
        lambda: plot_indices(run / "indices.zarr", outputs, title="small", units=6, dpi=150)
    )
    pages = len(list(outputs["maps"].glob("*.png")))
    how = f"{pages} pages of maps and three other figures of one design of the demo: {taken:.1f} s"
    return Measurement("page_of_maps", taken / pages, 3, 1, "processor seconds", how)
