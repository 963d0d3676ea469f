"""Findings about parts of a network behind one colour channel."""

__all__ = ["segment_findings"]

from collections.abc import Iterator

import pandas as pd

from actsense.findings.finding import Amount, Finding
from actsense.inspection.study_results import StudyResults

IN_PLACE = "in place"  # channels where they are, with the whole network before them


def segment_findings(study: StudyResults) -> Iterator[Finding]:
    """Which augmentation segments feel more behind one colour channel than in place."""
    for network in study.networks:
        for design in study.designs(network):
            run = study[network, design]
            if not ("segments" in run.tables and run.has("indices")):
                continue
            table = run.table("segments")
            table = table[(table["index"] == "shapley") & table["factor"].isin(run.augmentations)]
            if best := _largest(table):
                behind, inside, row = best
                yield Finding(
                    f"What do channels of {network} feel behind one colour channel ({design})?",
                    f"The largest change: `{row['factor']}` explains {behind} of the variance of "
                    f"the chosen channels of {row['layer']} behind {row['colour']} alone, and "
                    f"{inside} in place.",
                    "segments",
                    (f"{network}/{design}/tables/segments.csv",),
                    f"{network}/{design}/figures/segment_profile.png",
                )


def _largest(table: pd.DataFrame) -> tuple[Amount, Amount, dict[str, object]] | None:
    """Return the surest difference between a segment and its channels in place."""
    placed = {
        (row["layer"], row["factor"]): Amount.around(row["value"], row["ci"])
        for row in table[table["colour"] == IN_PLACE].to_dict("records")
    }
    best: tuple[float, tuple[Amount, Amount, dict[str, object]]] | None = None
    for row in table[table["colour"] != IN_PLACE].to_dict("records"):
        behind = Amount.around(row["value"], row["ci"])
        inside = placed.get((row["layer"], row["factor"]))
        if inside is None:
            continue
        gap = max(behind.low - inside.high, inside.low - behind.high)
        if gap > 0 and (best is None or gap > best[0]):
            best = gap, (behind, inside, {str(k): v for k, v in row.items()})
    return best[1] if best else None
