"""What analyses of maps found, from planted rows: the surest is named, the undecided left out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from found_study import said, table

from actsense.findings.finding import Amount


def variants(rows: list[dict[str, Any]], **other: Any) -> list[dict[str, Any]]:
    """Put rows of another kind, each better than any, before those that count."""
    return [{**row, **other} for row in rows] + rows


def pair(one: str, other: str, layer: str, value: float, width: float) -> dict[str, Any]:
    named = {"factor": one, "factor_2": other, "layer": layer, "index": "S2"}
    return named | {"value": value, "ci": width}


def test_the_surest_pair_is_that_of_the_highest_lower_end(folder: Path) -> None:
    rows = [
        pair("hue", "hflip", "head", 0.2, 0.19),
        pair("hue", "hflip", "stem", 0.05, 0.02),
        pair("hue", "order", "stem", 0.5, 0.01),
        pair("order", "hflip", "stem", 0.5, 0.01),
        pair("hue", "hflip", "network", 0.9, 0.01),
        pair("hue", "hflip", "head", 0.9, 0.01) | {"index": "total"},
    ]
    table(folder / "net/colour", "pairs", rows)
    assert said(folder, "indices")[1:] == [
        "Most surely `hue` and `hflip` do: beyond what each does alone, they explain 0.050 "
        "(0.030 to 0.070) of the variance of stem."
    ]
    table(folder / "net/colour", "pairs", [pair("hue", "hflip", "head", 0.02, 0.02)])
    assert len(said(folder, "indices")) == 1


def lda(layer: str, accuracy: float, wide: float, adjusted: float) -> dict[str, Any]:
    ends = {"accuracy": accuracy, "low": accuracy - wide, "high": accuracy + wide}
    chosen = {"design": "colour", "value": "shapley", "variant": "raw", "chance": 0.111}
    return {"layer": layer, "p_adjusted": adjusted, **ends, **chosen}


def test_layers_whose_maps_tell_their_factor_are_counted(folder: Path) -> None:
    rows = [
        lda("stem", 0.7, 0.3, 0.01),
        lda("head", 0.6, 0.1, 0.049),
        lda("last", 0.9, 0.05, 0.05),
    ]
    further = [row | {"variant": "normalized", "accuracy": 1.0, "low": 0.99} for row in rows]
    table(folder / "net/analysis", "lda", [*variants(rows, value="S1", low=0.98), *further])
    assert said(folder, "lda") == [
        "In 2 of 3 layers they do, better than shuffled labels. Most surely in head: 60 % (50 to "
        "70) right, where chance is 11 %."
    ]
    table(folder / "net/analysis", "lda", [row | {"p_adjusted": 0.06} for row in rows])
    assert said(folder, "lda") == []


def rank(one: str, other: str, rho: float, wide: float, adjusted: float = 0.01) -> dict[str, Any]:
    named = {"layer": "stem", "variable_1": one, "variable_2": other, "value": "ST"}
    ends = {"low": rho - wide, "high": rho + wide}
    return named | {"rho": rho, **ends, "p_adjusted": adjusted}


def test_augmentations_that_the_same_units_feel_are_named_if_any(folder: Path) -> None:
    rows = [
        rank("hue", "hflip", 0.5, 0.4),
        rank("hue", "hflip", 0.4, 0.1) | {"layer": "head"},
        rank("hflip", "hue", -0.6, 0.5),
        rank("hflip", "hue", -0.3, 0.1) | {"layer": "head"},
        rank("hue", "class", 0.9, 0.01),
        rank("order", "hue", -0.9, 0.01),
        rank("hue", "hflip", 0.8, 0.01, 0.06),
    ]
    path = folder / "net/analysis"
    table(path, "correlation_within", variants(rows, value="S1", rho=0.95, low=0.94))
    alike = (
        "Units of head tend to feel both of `hue` and `hflip` (rank correlation 0.40 (0.30 to "
        "0.50))."
    )
    apart = (
        "Units of head tend to feel one and not the other of `hflip` and `hue` (rank correlation "
        "-0.30 (-0.40 to -0.20))."
    )
    assert said(folder, "correlation") == [f"{alike} {apart}"]
    table(path, "correlation_within", [rows[3], rank("hue", "hflip", 0.1, 0.2)])
    assert said(folder, "correlation") == [apart]
    table(path, "correlation_within", rows[4:])
    assert said(folder, "correlation") == []


def test_classes_that_match_are_counted_design_by_design(folder: Path) -> None:
    common = {"low": 0.1, "high": 0.5, "null_mean": 0.128}
    rows = [
        {"design": design, "factor": name, "jaccard": overlap, "p_adjusted": adjusted, **common}
        for design, name, overlap, adjusted in (
            ("colour", "hue", 0.3, 0.04),
            ("colour", "hflip", 0.2, 0.01),
            ("colour", "class", 0.9, 0.05),
            ("shape", "hue", 0.9, 0.2),
        )
    ]
    table(folder / "net/analysis", "single_class_matches", rows)
    found, nothing = said(folder, "single_class")
    assert found == (
        "In 2 of 3 comparisons the classes that feel a factor most are those that the masked "
        "network predicts, beyond chance; most for `hue` (overlap 0.30 (0.10 to 0.50), by chance "
        "0.13)."
    )
    assert nothing.startswith("In none of 1 comparison do the classes that feel")


def part(colour: str, factor: str, value: float, layer: str = "stem") -> dict[str, Any]:
    named = {"layer": layer, "colour": colour, "factor": factor, "index": "shapley"}
    return named | {"value": value, "ci": 0.1}


def test_the_surest_change_behind_a_colour_channel_is_told(folder: Path) -> None:
    rows = [
        *(part("in place", "hue", 0.6), part("in place", "hflip", 0.5)),
        *(part("hue", "hue", 0.1), part("value", "hflip", 0.9)),
        *(part("in place", "order", 0.0), part("hue", "order", 1.0)),
        part("hue", "hue", 5.0, "head"),  # which is not there in place
    ]
    path = folder / "net/colour"
    table(path, "segments", variants(rows, index="S1", ci=0.0))
    assert said(folder, "segments") == [
        "The largest change: `hue` explains 0.10 (0.00 to 0.20) of the variance of the chosen "
        "channels of stem behind hue alone, and 0.60 (0.50 to 0.70) in place."
    ]
    table(path, "segments", [part("in place", "hue", 0.6), part("hue", "hue", 0.75)])
    assert said(folder, "segments") == []


@pytest.mark.parametrize("low", [0.1, np.nan])
def test_an_amount_is_above_another_beyond_both_intervals(low: float) -> None:
    amount = Amount(0.5, low, 0.6)
    assert amount.above(Amount(0.0, -0.1, 0.09)) == np.isfinite(low)
    assert not amount.above(Amount(0.0, -0.1, 0.1))
    assert not amount.above(Amount(0.0, np.nan, 0.05))
    assert amount.differs_from_zero == (-amount).differs_from_zero == np.isfinite(low)
    assert str(-Amount(0.5, 0.1, 0.6)) == "-0.50 (-0.60 to -0.10)"
