"""The demo from scratch, as a newcomer runs it."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Measurement, seconds

REPOSITORY = Path(__file__).parents[1]


def measurements() -> Iterator[Measurement]:
    """Run the default study in an empty folder on two cores."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            str(Path(sys.executable).with_name("snakemake")),
            *("--snakefile", str(REPOSITORY / "Snakefile"), "--directory", folder),
            *("--configfile", str(REPOSITORY / "config.yaml"), "--cores", "2", "--quiet"),
        ]
        taken = seconds(lambda: subprocess.run(command, check=True, capture_output=True))
    yield Measurement(
        "demo_from_scratch",
        taken / 60,
        5,
        2,
        "minutes",
        "snakemake --cores 2 on the default study in an empty folder, environment in place",
    )
