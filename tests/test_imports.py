"""What every job imports before its script starts must stay light."""

import subprocess
import sys

HEAVY = ("torch", "torchvision", "pandas", "scipy", "zarr", "xarray", "sklearn", "matplotlib")


def test_reading_the_workflow_imports_nothing_heavy() -> None:
    program = (
        "import sys, actsense.errors, actsense.resources, actsense.study; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    run = [sys.executable, "-c", program]
    assert subprocess.check_output(run, text=True).strip() == "[]"
