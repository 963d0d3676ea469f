"""Figures of single classes show the tables, rankings at scales of their own."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_texts import words
from matplotlib.figure import Figure

from actsense.single_class.figures import class_matches, class_ranking, plot_classes

VALUES, FACTORS, SCALES, FRACTIONS = ("S1", "shapley"), ("hue", "rolling"), (0.0, 1.5), (0.2, 0.5)
NAMES = ["NA", "tench", "a class with a name that is far too long", "7"]


def ranking() -> pd.DataFrame:
    return pd.DataFrame(
        {"design": "mixed", "value": value, "factor": factor, "rank": rank, "class": name}
        | {"weighted": 0.1 / rank, "weighted_low": 0.06 / rank, "ci": 0.04}
        for value, factor, (rank, name) in product(VALUES, FACTORS, enumerate(NAMES, 1))
    )


def matches() -> pd.DataFrame:
    rows = [
        {"value": value, "factor": factor, "input": name, "rule": rule}
        | {"layers": "" if rule == "none" else "together"}
        | {"scale": scale, "fraction": fraction, "jaccard": 0.2 + 0.1 * (fraction == 0.5)}
        for value, factor in product(VALUES, FACTORS)
        for name in ("original", factor)
        for rule, scale, fraction in [
            ("none", np.nan, np.nan),
            *(("top", *case) for case in product(SCALES, FRACTIONS)),
        ]
    ]
    shared = {"low": 0.15, "high": 0.35, "null_low": 0.0, "null_high": 0.25, "p_adjusted": 0.5}
    shared |= {"collapse_share": 0.2, "images": 300, "k": 2, "most_predicted_class": "tench"}
    return pd.DataFrame(rows).assign(design="mixed", **shared)


def text(figure: Figure) -> str:
    return "\n".join(words(figure))


def test_bars_are_the_ranked_variances_and_candidates_are_dark() -> None:
    axis = class_ranking(ranking(), candidates=2, title="t").axes[0]
    bars = axis.patches
    np.testing.assert_allclose([bar.get_width() for bar in bars], 0.1 / np.arange(1, 5))
    assert [bar.get_alpha() for bar in bars] == [1.0, 1.0, 0.35, 0.35]
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels == ["NA", "tench", "a class \u2026is far too long", "7"]
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the best class above


def test_panels_of_a_ranking_have_their_own_scales() -> None:
    table = ranking()
    table.loc[table["factor"] == "hue", ["weighted", "weighted_low"]] *= 10
    hue, rolling = class_ranking(table, candidates=2, title="t").axes[:2]
    assert rolling.get_xlim()[1] < 0.2 < hue.get_xlim()[1]


def test_matches_of_single_classes_are_not_drawn() -> None:
    figure = class_matches(matches().assign(k=1), title="t")
    assert "Not drawn at k = 1" in text(figure)
    assert not any(axis.axison for axis in figure.axes)


def test_overlaps_are_those_of_the_table_over_fractions() -> None:
    figure = class_matches(matches(), title="t")
    axis = figure.axes[0]
    lines = [
        line for line in axis.lines if line.get_linestyle() == "-" and line.get_marker() == "None"
    ]
    drawn = [np.asarray(line.get_xydata(), float) for line in lines]
    assert any(np.allclose(one, [[0.0, 0.2]]) for one in drawn)  # intact
    assert sum(len(one) == 2 and np.allclose(one, [[0.2, 0.2], [0.5, 0.3]]) for one in drawn) == 2
    assert len({axis.get_ylim() for axis in figure.axes[:8]}) == 1
    assert axis.get_ylim()[1] > 0.35


@pytest.mark.parametrize(
    ("p_value", "share", "marker", "filled"),
    [(0.5, 0.2, "o", False), (0.01, 0.2, "o", True),
     (0.5, 0.95, "X", False), (0.01, 0.95, "X", True)],
)  # fmt: skip
def test_marks_tell_significance_and_collapse(
    p_value: float, share: float, marker: str, filled: bool
) -> None:
    table = matches().assign(p_adjusted=p_value, collapse_share=share)
    marks = [
        line for line in class_matches(table, title="t").axes[0].lines
        if line.get_marker() not in ("None", "_", "|") and line.get_linestyle() == "None"
        and line.get_xydata().size
    ]  # fmt: skip
    assert {line.get_marker() for line in marks} == {marker}
    assert all((line.get_markerfacecolor() != "white") == filled for line in marks)


def test_of_layers_masked_alone_the_first_is_drawn_and_named() -> None:
    table = matches()
    masked = table["rule"] == "top"
    first, second = (table[masked].assign(layers=name) for name in ("conv1", "conv2"))
    second["jaccard"] += 0.01
    figure = class_matches(pd.concat([table[~masked], first, second]), title="t")
    drawn = [line.get_xydata() for line in figure.axes[0].lines]
    alone = [line.get_xydata() for line in class_matches(table, title="t").axes[0].lines]
    assert all(np.array_equal(a, b) for a, b in zip(drawn, alone, strict=True))
    assert "in conv1, the first of 2 layers" in text(figure)


def test_values_that_chose_no_masks_take_no_rows() -> None:
    table = matches()
    unmasked = table[(table["value"] == "shapley") | (table["rule"] == "none")]
    rows = {axis.get_ylabel() for axis in class_matches(unmasked, title="t").axes} - {""}
    assert len(rows) == 2
    assert all(row.startswith("Shapley") for row in rows)


def test_the_matches_name_scales_images_and_null() -> None:
    words = text(class_matches(matches(), title="net, mixed"))
    for word in (
        "intact",
        "scaled by 0",
        "scaled by 1.5",
        "300 images",
        "random classes",
        "k = 2",
    ):
        assert word in words


@pytest.mark.parametrize("empty", [False, True])
def test_every_design_has_its_pages(
    tmp_path: Path, drawn: dict[str, Figure], *, empty: bool
) -> None:
    skipped = pd.DataFrame([{"design": "mixed", "value": "all", "factor": "all", "reason": "r"}])
    read = {"ranking": ranking(), "matches": matches(), "skipped": skipped.head(int(empty))}
    if empty:
        read |= {name: read[name].head(0) for name in ("ranking", "matches")}
    for name, table in read.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    outputs = {name: tmp_path / f"{name} pages" for name in ("rankings", "matches")}
    plot_classes({name: tmp_path / f"{name}.csv" for name in read}, outputs, title="net", dpi=50)
    for folder in outputs.values():
        assert {path.name for path in folder.iterdir()} == {"mixed.png"}
        page = "\n".join(words(drawn[folder.name]))
        assert ("No class could be compared: r." in page) == empty
    assert empty or "NA" in words(drawn["rankings pages"])


def test_a_ranking_by_index_draws_the_index() -> None:
    table = ranking().assign(index=lambda own: own["weighted"] / 3, ci=0.01, ranked_by="index")
    figure = class_ranking(table, candidates=2, title="t")
    bars = [bar.get_width() for bar in figure.axes[0].patches]
    first = table[(table["value"] == table["value"].iloc[0])]
    own = first[first["factor"] == first["factor"].iloc[0]]
    np.testing.assert_allclose(sorted(bars), sorted(own["index"]))
    assert "the index alone" in text(figure)
