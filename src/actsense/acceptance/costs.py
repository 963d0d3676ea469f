"""What a study took beside what the published one did."""

__all__ = ["compare_costs"]

import csv
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path

import pandas as pd

from actsense.acceptance.published import Recognised, published_table
from actsense.errors import MissingResultError
from actsense.inspection import RunResults

INDICES, CONTRAST = ("variance", "sobol", "variance_shapley", "shapley"), ("contrast",)
SAMPLING = ("sample_activations", "stream_moments", "stream_part")
COMPUTING = ("accumulate", "accumulate_part", "merge_moments", "estimate_indices")


def compare_costs(runs: Sequence[RunResults], found: Recognised) -> pd.DataFrame:
    """Set what indices and contrasts of a network took beside the published costs.

    Arguments:
        runs: The network under its designs.
        found: Which published network it is.

    Returns:
        Rows `what`, `unit`, `published` (all its experiments together) and `ours` (of all
        designs that are there; NaN where nothing is recorded).
    """
    known = found.of(published_table("costs"))

    def total(quantity: str, experiments: Sequence[str]) -> float:
        chosen = known["experiment"].isin([*experiments, "all"]) & (known["quantity"] == quantity)
        return float(known.loc[chosen, "value"].sum()) if chosen.any() else float("nan")

    passes = [_passes(run) for run in runs]
    units = [_units(run) for run in runs]
    written = [4 * p * n / 1e9 for p, n in zip(passes, units, strict=True)]
    kept = [_size(run.path / "moments") / 1e9 for run in runs]
    rows = [
        ("forward passes, indices", "passes", total("forward_passes", INDICES), sum(passes)),
        ("their activations, float32", "GB", total("activations", INDICES), sum(written)),
        ("stored, and here kept", "GB", total("stored", INDICES), sum(kept) or float("nan")),
        ("sampling, all jobs", "days", total("sampling", (*INDICES, *CONTRAST)),
         _days(runs, (*SAMPLING, "contrast_part", "estimate_contrast"))),
        ("computing, all jobs", "days", total("computing", (*INDICES, *CONTRAST)),
         _days(runs, COMPUTING)),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["what", "unit", "published", "ours"])
    return table.dropna().reset_index(drop=True)


def _passes(run: RunResults) -> float:
    try:
        return float(run.indices.attrs.get("forward_passes", "nan"))
    except MissingResultError:
        return float("nan")


def _units(run: RunResults) -> int:
    try:
        return sum(prod(run.layer(name)["mean"].shape) for name in run.layers)
    except MissingResultError:
        return 0


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*") if path.is_file())


def _days(runs: Sequence[RunResults], rules: Sequence[str]) -> float:
    """Sum up the wall clock of the jobs of some rules, days; NaN where none is recorded."""
    seconds = [own for run in runs for rule in rules for own in _seconds(run, rule)]
    return sum(seconds) / 86400 if seconds else float("nan")


def _seconds(run: RunResults, rule: str) -> Iterator[float]:
    folder = run.path.parents[1] / "benchmarks" / rule / run.network
    for path in (*folder.glob(f"{run.design}.tsv"), *folder.glob(f"{run.design}/**/*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            yield float([*csv.DictReader(file, delimiter="\t")][-1]["s"])
