"""Findings of the analyses of maps: masks, discriminants, correlations, single classes."""

__all__ = [
    "correlation_findings",
    "masking_findings",
    "recognition_findings",
    "single_class_findings",
]

from collections.abc import Iterator

import pandas as pd

from actsense.findings.finding import UNDECIDED, Amount, Finding, joined, plural
from actsense.inspection.network_results import NetworkResults
from actsense.inspection.study_results import StudyResults

ALPHA = 0.05
ORIGINAL = "original"  # the input without augmentation
VALUE = "shapley"
PREFERRED = (VALUE, "ST", "S1")


def masking_findings(study: StudyResults) -> Iterator[Finding]:
    """What it costs to switch off the activations that feel a factor most."""
    for network in study.networks:
        for design in study.designs(network):
            run = study[network, design]
            if not run.has("mask_effects"):
                continue
            table = run.table("mask_effects")
            table = table[(table["input"] == ORIGINAL) & table["first_place"].astype(bool)]
            table = _first_value(table)
            table = table[table["scale"] == table["scale"].min()]
            if text := _masked(table):
                path = f"{network}/{design}"
                yield Finding(
                    f"Does {network} need the activations that feel a factor of {design}?",
                    text,
                    "masking",
                    (f"{path}/tables/mask_effects.csv",),
                    f"{path}/figures/masking_effects.png",
                )


def _masked(table: pd.DataFrame) -> str:
    """Say which masks cost more than random ones of equal size, the dearest first."""
    if table.empty:
        return ""
    effects = {
        str(row["factor"]): Amount(row["effect"], row["low"], row["high"])
        for row in table.sort_values("effect", kind="stable").to_dict("records")
    }
    scale = table["scale"].iloc[0]
    doing = "Switching off" if scale == 0 else f"Multiplying by {scale:g}"
    costs = [f"{(-own).percent.replace(' %', '')} for `{name}`" for name, own in effects.items()
             if own.high < 0]  # fmt: skip
    spares = [f"`{name}`" for name, own in effects.items() if own.low > 0]
    unsure = [f"`{name}`" for name, own in effects.items() if own.low <= 0 <= own.high]
    texts = []
    if costs:
        texts.append(
            f"{doing} the activations most sensitive to a factor costs more accuracy than as many "
            f"at random, in percentage points: {joined(costs)}."
        )
    if spares:
        texts.append(f"For {joined(spares)} it costs less.")
    if unsure and texts:
        texts.append(f"For {joined(unsure)} {UNDECIDED[1]}.")
    return " ".join(texts)


def recognition_findings(study: StudyResults) -> Iterator[Finding]:
    """Whether maps tell which factor they are of."""
    for own in _analysed(study, "lda"):
        table = own.table("lda")
        table = _first_value(table[table["variant"] == table["variant"].iloc[0]])
        for design, of_design in table.groupby("design", sort=False):
            told = of_design[of_design["p_adjusted"] < ALPHA]
            if told.empty:
                continue
            best = told.nlargest(1, "low").to_dict("records")[0]
            amount = Amount(best["accuracy"], best["low"], best["high"])
            yield Finding(
                f"Do maps of {own.network} under {design} tell which factor they are of?",
                f"In {len(told)} of {len(of_design)} layers they do, better than shuffled labels. "
                f"Most surely in {best['layer']}: {amount.percent} right, where chance is "
                f"{100 * best['chance']:.0f} %.",
                "lda",
                (f"{own.network}/analysis/tables/lda.csv",),
                f"{own.network}/analysis/figures/lda_accuracy.png",
            )


def correlation_findings(study: StudyResults) -> Iterator[Finding]:
    """Which augmentations the same units feel, and which other ones."""
    for own in _analysed(study, "correlation_within"):
        table = _first_value(own.table("correlation_within"))
        names = {name for design in own.designs for name in _augmentations(study, own, design)}
        both = table["variable_1"].isin(names) & table["variable_2"].isin(names)
        table = table[both & (table["p_adjusted"] < ALPHA)]
        texts = []
        alike = table[table["low"] > 0].nlargest(1, "low")
        apart = table[table["high"] < 0].nsmallest(1, "high")
        words = {"tend to feel both of": alike, "tend to feel one and not the other of": apart}
        for word, one in words.items():
            for row in one.to_dict("records"):
                rho = Amount(row["rho"], row["low"], row["high"])
                texts.append(
                    f"Units of {row['layer']} {word} `{row['variable_1']}` and "
                    f"`{row['variable_2']}` (rank correlation {rho})."
                )
        if texts:
            yield Finding(
                f"Do the same units of {own.network} feel several augmentations?",
                " ".join(texts),
                "correlation",
                (f"{own.network}/analysis/tables/correlation_within.csv",),
                f"{own.network}/analysis/figures/correlation_within.png",
            )


def single_class_findings(study: StudyResults) -> Iterator[Finding]:
    """Whether a damaged network predicts the classes that are sensitive."""
    for own in _analysed(study, "single_class_matches"):
        table = own.table("single_class_matches")
        for design, of_design in table.groupby("design", sort=False):
            sure = of_design[of_design["p_adjusted"] < ALPHA]
            count, tried = len(sure), len(of_design)
            comparisons = plural(tried, "comparison", "comparisons")
            if not count:
                text = (
                    f"In none of {tried} {comparisons} do the classes that feel a factor most "
                    "match those that the masked network predicts, beyond chance."
                )
            else:
                best = sure.nlargest(1, "jaccard").to_dict("records")[0]
                text = (
                    f"In {count} of {tried} {comparisons} the "
                    "classes that feel a factor most are those that the masked network predicts, "
                    f"beyond chance; most for `{best['factor']}` (overlap "
                    f"{Amount(best['jaccard'], best['low'], best['high'])}, by chance "
                    f"{best['null_mean']:.2f})."
                )
            yield Finding(
                f"Does masked {own.network} predict the classes that are sensitive ({design})?",
                text,
                "single_class",
                (f"{own.network}/analysis/tables/single_class_matches.csv",),
                f"{own.network}/analysis/figures/single_class_matches/{design}.png",
            )


def _analysed(study: StudyResults, table: str) -> Iterator[NetworkResults]:
    for network in study.networks:
        own = study[network]
        if own.has(table) and len(own.table(table)):
            yield own


def _augmentations(study: StudyResults, own: NetworkResults, design: str) -> tuple[str, ...]:
    run = study[own.network, design]
    return run.augmentations if run.has("indices") else ()


def _first_value(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of one kind of index: Shapley effects where they are there."""
    there = [name for name in PREFERRED if (table["value"] == name).any()]
    return table[table["value"] == there[0]] if there else table.iloc[:0]
