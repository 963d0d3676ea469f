"""A dry run of the published study: what it takes before anything is done."""

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
PUBLISHED = REPOSITORY / "workflow/studies/published.yaml"
MORE_SHARDS = 10


def measurements() -> Iterator[Measurement]:
    """Measure time and memory, as published and with more shards."""
    for shards in (1, MORE_SHARDS):
        jobs, taken, memory = dry_run(shards)
        suffix, how = ("", "") if shards == 1 else ("_more_shards", f", shards: {shards}")
        how = f"snakemake -n on workflow/studies/published.yaml{how}: {jobs} jobs"
        yield Measurement(f"dry_run_time{suffix}", taken, 60, 20, "seconds", how)
        yield Measurement(f"dry_run_memory{suffix}", memory / 2**20, 2.0, 1.0, "GiB", how)


def dry_run(shards: int) -> tuple[int, float, int]:
    """Return jobs, seconds and the peak memory in KiB of a dry run in an empty folder."""
    settings = yaml.safe_load(PUBLISHED.read_text())
    for design in settings["designs"].values():
        design["shards"] = shards
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "printed").open("w+") as printed:
        (Path(folder) / "config.yaml").write_text(yaml.safe_dump(settings))
        command = [
            str(Path(sys.executable).with_name("snakemake")),
            *("--snakefile", str(REPOSITORY / "Snakefile"), "--directory", folder),
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
    return int(total.split()[1]), taken, usage.ru_maxrss
