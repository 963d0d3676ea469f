"""Figures of two studies beside each other say what their tables say; and the command."""

from pathlib import Path

import numpy as np
import pytest
from beside import AUGMENTATIONS, NESTED, write_study
from figure_texts import cells, words

from actsense import open_study
from actsense.__main__ import main
from actsense.comparison import Comparison, compare
from actsense.comparison.figures import (
    layer_profiles,
    map_correlations,
    pair_correlations,
    unit_clouds,
)
from actsense.inspection import StudyResults

SHAPES = {"maps": (12, 2, 2), "vector": (25,)}
PLAIN = [*AUGMENTATIONS, "order", "class"]
LAW = {"law": "published"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("figures")
    factors = [*AUGMENTATIONS, *NESTED]
    first = write_study(folder / "ours", 1, rho=0.3, factors=factors, shapes=SHAPES)
    second = write_study(folder / "theirs", 2, rho=0.3, factors=PLAIN, shapes=SHAPES,
                         intervals=False, settings=LAW)  # fmt: skip
    return first, second


@pytest.fixture(scope="module")
def found(folders: tuple[Path, Path]) -> Comparison:
    return compare(*map(open_study, folders), resamples=100)


def test_correlations_are_written_into_cells_and_the_uncertain_in_gray(found: Comparison) -> None:
    figure = map_correlations(found, found.pairs[0])
    texts = words(figure)
    assert {"S1", "ST", "shapley", "contrast", "variance", "hue", "class*", "maps"} <= {*texts}
    assert any("A: ours. B: theirs." in text for text in texts)
    notes = "\n".join(texts)
    assert "law: A switched, B published" in notes
    assert "* class is not the same in both: part of content, within partition, in A;" in notes
    table = found.tables["maps"]
    table = table[table["value"] == "ST"]
    (axes,) = (axis for axis in figure.axes if axis.get_title(loc="left") == "ST")
    names = [label.get_text().removesuffix("*") for label in axes.get_xticklabels()]
    assert names == PLAIN
    written = cells(axes)
    (image,) = axes.images
    for row in table.itertuples():
        place = ["maps", "vector"].index(row.layer), names.index(row.factor)
        text, color = written[place]
        assert float(text) == pytest.approx(row.rho, abs=0.0051)
        certain = row.low * row.high > 0
        assert (color == "0.5") == (not certain)
        assert image.get_array()[place] == pytest.approx(row.rho if certain else 0)
    assert {color for _, color in written.values()} > {"0.5"}  # both kinds are there


def test_pairs_stand_below_the_diagonal(found: Comparison) -> None:
    figure = pair_correlations(found, found.pairs[0])
    assert {"maps", "vector", "rolling"} <= {*words(figure)}
    (axes,) = (axis for axis in figure.axes if axis.get_title(loc="left") == "vector")
    table = found.tables["maps"]
    table = table[(table["value"] == "S2") & (table["layer"] == "vector")]
    places = {(PLAIN.index(two), PLAIN.index(one)): rho
              for one, two, rho in table[["factor", "factor_2", "rho"]].to_numpy()}  # fmt: skip
    written = cells(axes)
    assert len(written) == len(places) == 6
    for place, (text, _) in written.items():
        assert place[0] > place[1]
        assert float(text) == pytest.approx(places[place], abs=0.0051)


def test_profiles_draw_both_and_bars_where_intervals_are_known(found: Comparison) -> None:
    figure = layer_profiles(found, found.pairs[0])
    texts = words(figure)
    assert {"hue", "class*", "network", "A", "B", "contrast"} <= {*texts}
    assert any("Bars are 95 % intervals of A; the other side has none." in text for text in texts)
    (axes,) = (axis for axis in figure.axes if axis.get_title(loc="left") == "rolling")
    solid = [line for line in axes.lines if line.get_color() == "#0072B2"]
    table = found.tables["layers"]
    table = table[(table["value"] == "S1") & (table["factor"] == "rolling")]
    for line, side in zip(solid, "ab", strict=True):
        drawn = np.asarray(line.get_ydata(), dtype=float)
        np.testing.assert_allclose(drawn[np.isfinite(drawn)], table[side], rtol=1e-6)
    bars = [len(one.get_segments()) for one in axes.collections]
    assert sum(bars) == 3 * 3  # of A alone: three indices, two layers and the network


def test_units_stand_against_each_other(found: Comparison) -> None:
    figure = unit_clouds(found, found.pairs[0], "maps")
    texts = words(figure)
    assert {"S1", "contrast"} <= {*texts}
    table = found.tables["maps"].set_index(["layer", "value", "factor"])
    row = table.loc[("maps", "ST", "rolling")].squeeze()
    assert any(text.startswith("rolling\nrho ") for text in texts)
    axes = next(a for a in figure.axes if a.get_ylabel() == "ST")
    panels = [a for a in figure.axes if a.get_position().y0 == axes.get_position().y0]
    (drawn,) = [one for one in panels[1].collections if one.get_array() is not None]
    counts = drawn.get_array()
    shades = drawn.get_facecolors()[:, 0]
    assert shades[counts == 1].max() < 0.9  # a single unit is seen
    assert 0.95 * row["n_units"] <= counts.sum() <= row["n_units"]


def test_the_command_writes_tables_and_figures(
    folders: tuple[Path, Path],
    found: Comparison,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def compared(a: StudyResults, b: StudyResults, **stated: dict[str, str | None]) -> Comparison:
        assert (a.name, b.name) == ("ours", "theirs")
        assert stated == {"networks": {"net": "net"}, "designs": {"all": "all", "one": None}}
        return found

    monkeypatch.setattr("actsense.comparison.compare", compared)
    out = tmp_path / "out"
    stated = ["--network", "net=net", "--design", "all=all", "--design", "one"]
    stated += ["--layer", "vector", "-o", str(out)]
    assert main(["compare", *map(str, folders), *stated]) == 0
    told = capsys.readouterr().out
    assert "Not compared: net, all: content, partition, image, in A alone" in told
    pictures = [f"{kind}_net_all.png" for kind in ("correlations", "layers", "pairs", "units")]
    tables = ["maps.csv", "layers.csv", "settings.csv", "left_out.csv"]
    assert {path.name for path in out.glob("[!.]*")} == {*pictures, *tables}
    assert all(str(out / name) in told for name in (*pictures, *tables))
    (tmp_path / "file").write_text("kept")
    assert main(["compare", *map(str, folders), *stated[:-1], str(tmp_path / "file")]) == 1
    assert "/file: File exists. Give another name." in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "kept"


def test_the_command_refuses_what_it_cannot_use(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["compare", *map(str, folders), "--network", "net="])
    assert "write the name in A and that in B as A=B" in capsys.readouterr().err
    out = tmp_path / "out"
    assert main(["compare", *map(str, folders), "--layer", "vectr", "-o", str(out)]) == 1
    assert "'vectr' is not known. Nearest: vector" in capsys.readouterr().err
    assert not out.exists()
