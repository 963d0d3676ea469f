"""A study of one network under one design, in the tables that findings are computed from."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from actsense.findings.collection import find_findings
from actsense.inspection import open_study
from actsense.store import write_results

FACTORS = ("rotation", "hue", "hflip", "order", "content", "class", "image")
LAYERS = ("stem", "head")
# Shapley effects of the first and the last layer; every half-width is 0.02.
EFFECTS = {
    "rotation": (0.06, 0.12),
    "hue": (0.20, 0.10),
    "hflip": (0.19, 0.20),
    "order": (0.3, 0.3),
    "class": (0.05, 0.50),
    "image": (0.40, 0.38),
    "content": (0.45, 0.88),
}


def table(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Write a table of a study, network or run."""
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / f"tables/{name}.csv", index=False)


def write_run(folder: Path) -> None:
    """Write indices, and their means over layers."""
    layers = {name: xr.Dataset({"dead": (("unit",), np.zeros(3, bool))}) for name in LAYERS}
    totals = xr.Dataset(
        {"units": ("layer", [3, 3, 6])},
        coords={"factor": list(FACTORS), "layer": [*LAYERS, "network"]},
    )
    effort = {"replicates": 4, "base_points": 256}
    write_results(folder / "indices.zarr", {"": totals, **layers}, attributes=effort)
    rows = [
        {"layer": layer, "factor": name, "index": index, "value": value, "ci": 0.02}
        for name, values in EFFECTS.items()
        for layer, effect in zip(LAYERS, values, strict=True)
        for index, value in (("S1", 1 - effect), ("shapley", effect))
    ]
    table(folder, "layers", [*rows, rows[1] | {"layer": "network", "value": 9.0}])


def said(folder: Path, target: str) -> list[str]:
    """Return what a study says about a target."""
    return [f.text for f in find_findings(open_study(folder)) if f.target == target]
