"""`make photographs` from scratch: time, and the memory of its jobs beside what they ask for."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import yaml

from actsense.planning.work import SNAKEMAKE, WorkTable
from actsense.study.study import Study
from benchmarks.measure import Measurement

REPOSITORY = Path(__file__).parents[1]
CONFIGURATION = REPOSITORY / "workflow/studies/photographs.yaml"
# They ask for memory of their own; others take what the profile gives to every job.
ASKING = {
    *("sample_activations", "accumulate", "stream_moments", "merge_moments"),
    *("estimate_indices", "plot_indices", "contrast_part", "estimate_contrast"),
    *("mask_part", "evaluate_masks"),
    *("sample_segments", "evaluate_transforms", "evaluate_cells", "evaluate_interaction"),
    "map_saliency",
}


def measurements() -> Iterator[Measurement]:
    """Run the study of a pretrained network in an empty folder on two cores."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [
            str(Path(sys.executable).with_name("snakemake")),
            *("--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(folder)),
            *("--configfile", str(CONFIGURATION), "--cores", "2"),
        ]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken = time.perf_counter() - start
        how = "snakemake --cores 2 on photographs.yaml in an empty folder, environment in place"
        busy = f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        yield Measurement(
            "photographs_from_scratch", taken / 60, 5, 4, "minutes", f"{how}; {busy}"
        )
        yield from _memory(folder / "results/photographs")


def _memory(results: Path) -> Iterator[Measurement]:
    """Compare what every job held at most with what its rule asks for on a processor."""
    study = Study.load({**yaml.safe_load(CONFIGURATION.read_text()), "device": "cpu"})
    table = WorkTable(study.facts)
    places = [work for works in table.studies.values() for work in works]
    asked = {work.rule: 0.0 for work in places}
    for work in places:
        needed = table.megabytes(work.rule, work.network, work.design) - SNAKEMAKE
        asked[work.rule] = max(asked[work.rule], needed)
    used = _used(results / "benchmarks")
    ratios = {rule: asked[rule] / used[rule] for rule in ASKING & used.keys() & asked.keys()}
    listed = ", ".join(
        f"{rule} {asked[rule]:.0f}/{used[rule]:.0f}"
        for rule in sorted(ratios, key=lambda rule: -used[rule])
    )
    how = f"MB asked for (without Snakemake around the script) / held at most: {listed}"
    yield Measurement("asked_over_used_memory_most", max(ratios.values()), 1.3, 1.2, "", how)
    least = min(ratios.values())
    yield Measurement("asked_over_used_memory_least", least, 1, 1.05, "", how, more_is_better=True)
    largest = max(used, key=lambda rule: used[rule])
    yield Measurement("largest_job_memory", used[largest] / 1e3, 4, 3, "GB", largest)


def _used(benchmarks: Path) -> dict[str, float]:
    """Return the megabytes that jobs of every rule held at most, as Snakemake noted."""
    used: dict[str, float] = {}
    for file in benchmarks.rglob("*.tsv"):
        rule = file.relative_to(benchmarks).parts[0].removesuffix(".tsv")
        held = pd.read_csv(file, sep="\t")["max_rss"].max()
        used[rule] = max(used.get(rule, 0.0), float(held))
    return used
