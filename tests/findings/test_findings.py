"""Findings from planted tables: what is beyond the intervals is said, the rest is not."""

import re
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pandas as pd
import pytest
from found_study import said, table

from actsense.__main__ import main
from actsense.findings.collection import find_findings, headlines
from actsense.findings.finding import Amount, Finding, joined
from actsense.findings.page import study_page, write_page
from actsense.inspection import open_study


def masks(*effects: tuple[str, float, float, float]) -> list[dict[str, Any]]:
    common = {"value": "shapley", "input": "original", "first_place": True, "scale": 0.0}
    rows = [
        {"factor": name, "effect": effect, "low": low, "high": high, **common}
        for name, effect, low, high in effects
    ]
    halved = {**rows[0], "scale": 0.5, "effect": -0.9, "low": -0.9, "high": -0.9}
    other = {**rows[0], "input": "hue", "effect": -0.8, "low": -0.8, "high": -0.8}
    second = {**rows[0], "first_place": False, "effect": -0.7, "low": -0.7, "high": -0.7}
    return [*rows, halved, other, second]


def test_what_rises_and_falls_beyond_its_interval_is_told(folder: Path) -> None:
    (text,) = said(folder, "indices")
    assert "the share of `class` in the variance of a layer rises from 0.05 (0.03 to 0.07)" in text
    assert "to 0.50 (0.48 to 0.52)" in text
    assert "`content`" not in text  # whose parts are told of
    assert "`image`" not in text  # 0.40 and 0.38, each +- 0.02
    fall = "the Shapley effect of `hue` falls from 0.20 (0.18 to 0.22) to 0.10 (0.08 to 0.12)"
    rise = "that of `rotation` rises from 0.06 (0.04 to 0.08) to 0.12 (0.10 to 0.14)."
    assert (
        f"From stem to head, {fall} and {rise}" in text
    )  # hflip by 0.01, order is no augmentation


def test_the_largest_effect_is_named_with_those_that_may_be_as_large(folder: Path) -> None:
    (text,) = said(folder, "indices")
    assert "`hue` has the largest Shapley effect: 0.20 (0.18 to 0.22) in stem." in text
    assert "`hflip` may be as strong there." in text


def test_without_intervals_nothing_is_said_to_rise(folder: Path) -> None:
    path = folder / "net/colour/tables/layers.csv"
    pd.read_csv(path).assign(ci=np.nan).to_csv(path, index=False)
    (text,) = said(folder, "indices")
    assert "rises" not in text
    assert "`hue` has the largest Shapley effect: 0.20 in stem." in text
    assert not re.search("nan|may be", text)


def test_of_effects_that_may_be_none_nothing_is_said(folder: Path) -> None:
    path = folder / "net/colour/tables/layers.csv"
    pd.read_csv(path).assign(ci=0.4).to_csv(path, index=False)
    assert said(folder, "indices") == []


def test_masks_are_told_apart_by_their_intervals(folder: Path) -> None:
    effects = (
        ("hue", -0.10, -0.15, -0.05),
        ("hflip", -0.30, -0.35, -0.25),
        ("rolling", -0.02, -0.06, 0.02),
        ("erasing", 0.05, 0.01, 0.09),
    )
    table(folder / "net/colour", "mask_effects", masks(*effects))
    assert said(folder, "masking") == [
        "Switching off the activations most sensitive to a factor costs more accuracy than as "
        "many at random, in percentage points: 30 (25 to 35) for `hflip` and 10 (5 to 15) for "
        "`hue`. For `erasing` it costs less. For `rolling` the interval covers 0."
    ]


def test_masks_whose_intervals_all_cover_zero_are_no_finding(folder: Path) -> None:
    table(folder / "net/colour", "mask_effects", masks(("hue", -0.02, -0.06, 0.02)))
    assert said(folder, "masking") == []


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (0.1, "`hue` shifts 95 % (85 to 100) of the units and `hflip` 4 % (0 to 14)"),
        (np.nan, "`hue` shifts 95 % of the units and `hflip` 4 %"),
        (0.5, ""),
    ],
)
def test_units_that_shift_are_counted_where_images_tell(
    folder: Path, width: float, words: str
) -> None:
    rows = [
        {"layer": layer, "augmentation": name, "significant_share": share}
        for layer, shares in (("stem", (0.2, 0.9)), ("head", (0.95, 0.04)))
        for name, share in zip(("hue", "hflip"), shares, strict=True)
    ]
    told = [{**row, "significant_share_ci": width, "partition": "validation"} for row in rows]
    train = [{**row, "partition": "train", "significant_share": 0.0} for row in told]
    table(
        folder / "net/colour",
        "contrast",
        [*train[:3], train[3] | {"significant_share": 1.0}, *told],
    )
    texts = said(folder, "contrast")
    assert [text.removeprefix("In head, ").split(" (false")[0] for text in texts] == [
        words
    ] * bool(words)


@pytest.mark.parametrize(("cut", "told"), [((0.2, 0.3), True), ((0.2, 0.95), False)])
def test_shuffled_patches_are_told_where_they_cost(
    folder: Path, cut: tuple[float, float], told: bool
) -> None:
    rows = [
        {
            "network": "net",
            "mode": "grid",
            "k": k,
            "top1": sum(e) / 2,
            "top1_low": e[0],
            "top1_high": e[1],
        }
        for k, e in ((1, (0.9, 1.0)), (2, cut), (4, (0.0, 0.1)))
    ]
    rows += [
        row | {"mode": "rows", "top1": 0.5, "top1_low": 0.5, "top1_high": 0.5} for row in rows
    ]
    table(folder / "spatial", "shuffle_curves", rows)
    texts = said(folder, "spatial")
    assert bool(texts) == told
    if told:
        assert "net falls from 95 % (90 to 100) right to 25 % (20 to 30)" in texts[0]
        assert "2 x 2" in texts[0]


def test_what_has_not_been_made_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/card.json").write_text("{}")
    assert find_findings(open_study(tmp_path)) == []
    assert "There are no findings yet" in study_page(open_study(tmp_path))


def test_tables_of_a_run_without_indices_are_left_out(folder: Path) -> None:
    copytree(folder / "net/colour/tables", folder / "net/late/tables")
    (folder / "net/late/contrast.zarr").mkdir()
    assert len(said(folder, "indices")) == 1


def test_headlines_take_turns_among_targets_and_keep_their_order() -> None:
    findings = [
        Finding(f"{target}{k}", "", target, (), figure and f"{figure}{k}.png")
        for target, figure in (("a", "a"), ("b", "b"), ("c", ""))
        for k in range(3)
    ]
    assert [f.question for f in headlines(findings, 4)] == ["a0", "a1", "b0", "b1"]
    assert [f.question for f in headlines(findings, 3)] == ["a0", "a1", "b0"]
    assert len(headlines(findings)) == 6  # what shows nothing is none
    again = [*findings, Finding("d", "", "d", (), "a1.png")]  # a figure that is there already
    assert headlines(again) == headlines(findings)


@pytest.mark.parametrize(
    ("amount", "text", "percent"),
    [
        (Amount(0.5, 0.25, 0.754), "0.50 (0.25 to 0.75)", "50 % (25 to 75)"),
        (Amount(-0.001, -0.002, 0.0), "0.00 (0.00 to 0.00)", "0 % (0 to 0)"),
        (Amount.around(0.3, float("nan")), "0.30", "30 %"),
    ],
)
def test_numbers_are_written_with_their_intervals(amount: Amount, text: str, percent: str) -> None:
    assert (str(amount), amount.percent) == (text, percent)


def test_names_are_joined() -> None:
    assert joined(["a"]) == "a"
    assert joined(["a", "b", "c"]) == "a, b and c"


def test_the_page_holds_everything_and_escapes_names(folder: Path) -> None:
    (folder / "net/colour/figures").mkdir()
    (folder / "net/colour/figures/depth_profile.png").write_bytes(b"\x89PNG")
    (folder / "net").rename(folder / "n<b>")
    page = folder / "index.html"
    write_page(folder, page)
    text = page.read_text()
    assert "<b>" not in text
    assert "n&lt;b&gt;" in text
    assert 'src="data:image/png;base64,iVBORw=="' in text
    assert "data:text/csv;base64," in text
    assert "90.0 %" in text
    assert (
        "<td>colour</td><td>rotation, hue, hflip</td><td>4 replicates of 64 base points</td>"
        in text
    )
    assert text.count("<figure>") == 1  # figures that are not there are not named
    assert "masking_effects.png" not in text
    assert not re.findall(r'(?:src|href)="(?!data:|notebooks/|\.\./|report)', text)


def test_the_command_prints_questions_and_answers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["findings", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "What do the layers of net feel under colour?"
    assert "net/colour/tables/layers.csv" in "".join(lines)
    assert max(map(len, lines)) <= 100


def test_the_command_keeps_what_holds_in_another_study_too(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again"
    copytree(folder, again)
    path = again / "net/colour/tables/layers.csv"
    rows = pd.read_csv(path)
    rows.loc[rows["factor"] == "hue", "value"] = 0.15
    rows.to_csv(path, index=False)
    assert main(["findings", str(folder), "--also", str(again)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the share of `class` in the variance of a layer rises from 0.05" in said
    assert "`hue`" not in said
