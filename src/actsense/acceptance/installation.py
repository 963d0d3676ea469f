"""Does an installation come to the numbers that it must? The study `install`, stage by stage.

`make check-install` runs the study; the references ship with the package, and

    python -m actsense.acceptance.installation results/install

makes them again from a run whose numbers are meant to be others.
"""

__all__ = ["check_installation", "differences", "write_references"]

import platform
import sys
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from actsense.acceptance.stages import DEVICE, STAGES
from actsense.device.choice import use_device
from actsense.errors import ConfigError
from actsense.inspection import StudyResults, open_study
from actsense.store.tables import read_shipped

WIDTH = 100
REFERENCE = "reference"


def check_installation(study: StudyResults) -> tuple[bool, str]:
    """Compare a run of the study `install` with the references that ship.

    Arguments:
        study: Its results.

    Returns:
        Whether all stages agree, and a line for each of them.

    Raises:
        ConfigError: If it is another study.
    """
    if study.name != "install":
        raise ConfigError(
            f"{study.path}: an installation is checked by the study `install`: "
            "workflow/studies/install.yaml, which make check-install runs."
        )
    device = use_device(DEVICE)
    lines = [f"actsense {version('actsense')} {_surroundings(device)}"]
    doubted = ""
    for name, stage in STAGES.items():
        known = _read(name)
        told = differences(stage.table(study, device), known, *stage.tolerance)
        lines += _wrapped(f"  {name:14}{told or f'agrees, {known.size} cells'}")
        if told and not doubted:
            doubted = f"The first stage that differs is `{name}`: look at {stage.doubt}."
    agreed = "Every stage comes to what it must: the installation works."
    return not doubted, "\n".join([*lines, *_wrapped(doubted or agreed)])


def differences(found: pd.DataFrame, known: pd.DataFrame, relative: float, fixed: float) -> str:
    """Say how a table differs from its reference, or nothing.

    Arguments:
        found: The table.
        known: Its reference, as it was written.
        relative: By how much numbers may differ, as a share of them.
        fixed: By how much they may differ whatever their size.
    """
    if [*found.columns] != [*known.columns]:
        return f"has columns {', '.join(found.columns)} instead of {', '.join(known.columns)}"
    if len(found) != len(known):
        return f"has {len(found)} rows instead of {len(known)}"
    unlike = pd.DataFrame(
        {name: ~_alike(found[name], known[name], relative, fixed) for name in known.columns}
    )
    if not unlike.to_numpy().any():
        return ""
    row, column = (int(k) for k in np.argwhere(unlike.to_numpy())[0])
    name = known.columns[column]
    texts = [f"{key} {known[key].iloc[row]}" for key in known.select_dtypes(exclude="number")]
    where = f" ({', '.join(texts[:4])})" if texts else ""
    return (
        f"differs in {int(unlike.to_numpy().sum())} of {unlike.size} cells, the first of them in "
        f"row {row}{where}: {name} is {found[name].iloc[row]} instead of {known[name].iloc[row]}"
    )


def write_references(study: StudyResults, folder: Path) -> list[Path]:
    """Write what every stage of a run of the study `install` comes to.

    Arguments:
        study: Its results, of a machine that is known to be right.
        folder: Where to.
    """
    device = use_device(DEVICE)
    paths = [folder / f"{name}.csv" for name in STAGES]
    for path, stage in zip(paths, STAGES.values(), strict=True):
        # Nine digits hold a number in single precision.
        stage.table(study, device).to_csv(path, index=False, float_format="%.9g")
    return paths


def _read(name: str) -> pd.DataFrame:
    with as_file(files("actsense.acceptance") / f"{REFERENCE}/{name}.csv") as path:
        return read_shipped(path)


def _alike(
    found: "pd.Series[Any]", known: "pd.Series[Any]", relative: float, fixed: float
) -> NDArray[np.bool_]:
    """Compare a column: numbers within the tolerance, all else as text, empty with empty."""
    if any(map(pd.api.types.is_float_dtype, (found, known))):
        one, other = (pd.to_numeric(column, errors="coerce") for column in (found, known))
        return np.isclose(one, other, rtol=relative, atol=fixed, equal_nan=True)
    texts = (
        column.astype(object).where(column.notna(), "").astype(str) for column in (found, known)
    )
    first, second = (text.to_numpy() for text in texts)
    return np.asarray(first == second)


def _surroundings(device: torch.device) -> str:
    named = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return (
        f"with Python {platform.python_version()}, PyTorch {version('torch')}, NumPy "
        f"{version('numpy')}, SciPy {version('scipy')} on {device.type} ({named})"
    )


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, subsequent_indent=" " * 16, drop_whitespace=True) if text else []


if __name__ == "__main__":
    place = Path(__file__).with_name(REFERENCE)
    for written in write_references(open_study(sys.argv[1]), place):
        print(written)
