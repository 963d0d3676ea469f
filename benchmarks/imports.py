"""What every script imports before it works, in processor time."""

import ast
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Measurement

REPOSITORY = Path(__file__).parents[1]
PREAMBLE = "from snakemake import script\n"  # of what Snakemake runs
ROUNDS = 3


def measurements() -> Iterator[Measurement]:
    """Measure the dearest script of those that need PyTorch, and of those that do not."""
    taken = {script.stem: _seconds(script) for script in sorted(REPOSITORY.glob("scripts/*.py"))}
    for name, needs_torch, target, aim in (
        ("imports_without_torch", False, 1.5, 1.0),
        ("imports_with_torch", True, 3.0, 2.5),
    ):
        chosen = {
            script: seconds for script, (seconds, torch) in taken.items() if torch == needs_torch
        }
        dearest = max(chosen, key=chosen.__getitem__)
        median = statistics.median(chosen.values())
        how = f"dearest of {len(chosen)} scripts, {dearest}; median of all {median:.2f}"
        yield Measurement(name, chosen[dearest], target, aim, "processor s", how)


def _seconds(script: Path) -> tuple[float, bool]:
    """Return what the imports of a script take, at the median, and whether PyTorch is one."""
    lines = ast.parse(script.read_text()).body
    imports = "\n".join(
        ast.unparse(n) for n in lines if isinstance(n, ast.Import | ast.ImportFrom)
    )
    told = "\nimport sys; print('torch' in sys.modules)"
    taken, found = [], ""
    for _ in range(ROUNDS):
        with subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + imports + told], stdout=subprocess.PIPE, text=True
        ) as process:
            found = process.stdout.read() if process.stdout else ""
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
        taken.append(usage.ru_utime + usage.ru_stime)
    return statistics.median(taken), found.strip() == "True"
