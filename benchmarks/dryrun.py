"""Dry runs of the published study and of the demo: what it takes before anything is done."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from benchmarks.measure import Measurement

REPOSITORY = Path(__file__).parents[1]
DEMO = REPOSITORY / "config.yaml"
PUBLISHED = REPOSITORY / "workflow/studies/published.yaml"
MORE_SHARDS = 10


def measurements() -> Iterator[Measurement]:
    """Measure time and memory: the demo, the published study, and that with more shards."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("_first", ""):
            jobs, _, processor, _ = dry_run(DEMO, Path(folder))
            how = f"snakemake -n on config.yaml: {jobs} jobs"
            how += ", in an empty folder" if suffix else ", once more"
            yield Measurement(f"dry_run_of_demo{suffix}", processor, 4, 2.5, "processor s", how)
    for shards in (1, MORE_SHARDS):
        with tempfile.TemporaryDirectory() as folder:
            jobs, taken, _, memory = dry_run(PUBLISHED, Path(folder), shards)
        suffix, how = ("", "") if shards == 1 else ("_more_shards", f", shards: {shards}")
        how = f"snakemake -n on workflow/studies/published.yaml{how}: {jobs} jobs"
        yield Measurement(f"dry_run_time{suffix}", taken, 60, 20, "seconds", how)
        yield Measurement(f"dry_run_memory{suffix}", memory / 2**20, 2.0, 1.0, "GiB", how)


def dry_run(study: Path, folder: Path, shards: int | None = None) -> tuple[int, float, float, int]:
    """Return jobs, seconds, processor seconds and the peak memory in KiB of a dry run."""
    settings = yaml.safe_load(study.read_text())
    for design in settings["designs"].values() if shards else ():
        design["shards"] = shards
    with (folder / "printed").open("w+") as printed:
        (folder / "config.yaml").write_text(yaml.safe_dump(settings))
        command = [
            str(Path(sys.executable).with_name("snakemake")),
            *("--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(folder)),
            *("--cores", "2", "-n"),
        ]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        taken = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        text = printed.read()
    if process.returncode:
        raise RuntimeError(text)
    total = next(line for line in text.splitlines() if line.startswith("total "))
    processor = usage.ru_utime + usage.ru_stime
    return int(total.split()[1]), taken, processor, usage.ru_maxrss
