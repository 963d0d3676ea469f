"""Figures of shuffled and saturated images show their tables, a line per network."""

from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from figure_texts import words
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from actsense.augment.patches import patch_shuffle, shuffle_keys
from actsense.augment.saturation import saturate
from actsense.data.cache import Sample, write_cache
from actsense.drawing.lines import network_styles
from actsense.drawing.style import save
from actsense.spatial.transforms.figures import plot_transforms, saturation_panels, shuffle_panels
from actsense.spatial.transforms.score_figures import score_panels
from actsense.spatial.transforms.settings import Transforms
from actsense.spatial.transforms.shuffled_images import plot_shuffled_images, shuffled_sheet
from actsense.store import read_table

NETWORKS, MODES, DIVISIONS = ("18", "NA"), ("grid", "bands"), (1, 2, 4, 8)
LEVELS = (0.5, 2.0, 1024.0)
SETTINGS = Transforms(divisions=(1, 2, 4), saturations=(1, 2, 64))


def measured(rows: list[dict[str, object]], label: str = "class") -> pd.DataFrame:
    """Return metrics that differ in every row, with intervals of different arms."""
    table = pd.DataFrame(rows).assign(images=100, labelled=100, label=label, chance=0.25)
    for number, metric in enumerate(("top1", "relative")):
        table[metric] = np.linspace(0.95 - 0.05 * number, 0.3, len(table))
        table[f"{metric}_low"] = table[metric] - 0.04
        table[f"{metric}_high"] = table[metric] + 0.02
    return table


def shuffles(networks: Sequence[str] = NETWORKS, label: str = "class") -> pd.DataFrame:
    cases = product(networks, MODES, DIVISIONS)
    rows = [{"network": name, "mode": mode, "k": k, "repeats": 3} for name, mode, k in cases]
    return measured(rows, label)


def saturations() -> pd.DataFrame:
    return measured([{"network": name, "level": p} for name, p in product(NETWORKS, LEVELS)])


def scores(networks: Sequence[str] = NETWORKS) -> pd.DataFrame:
    table = pd.DataFrame(product(networks, MODES), columns=["network", "mode"])
    steps = np.linspace(0, 1, len(table))
    table = table.assign(area=0.3 + 0.5 * steps, k50=2 + 3 * steps, censored=False)
    for score in ("area", "k50"):
        table[f"{score}_low"] = table[score] - 0.04
        table[f"{score}_high"] = table[score] + 0.02
    return table


def differences(networks: Sequence[str] = NETWORKS) -> pd.DataFrame:
    rows = [
        {"first": first, "second": second, "mode": mode, "k": k, "metric": metric}
        for (first, second), mode, k, metric in product(
            combinations(networks, 2), MODES, DIVISIONS, ("top1", "relative")
        )
    ]
    columns = ["first", "second", "mode", "k", "metric", "difference", "low", "high"]
    table = pd.DataFrame(rows, columns=columns)
    difference = np.linspace(-0.2, 0.3, len(table))
    return table.assign(difference=difference, low=difference - 0.1, high=difference + 0.05)


def lines(axis: Axes) -> dict[str, ErrorbarContainer]:
    return {str(line.get_label()): line for line in axis.containers}


def bars(line: ErrorbarContainer) -> np.ndarray:
    """Return the ends of all intervals, (points, 2)."""
    (collection,) = line.lines[2]
    return np.array([segment[:, 1] for segment in collection.get_segments()])


def text(figure: Figure) -> str:
    return "\n".join(words(figure))


@pytest.mark.parametrize(("row", "mode"), [*enumerate(MODES)])
@pytest.mark.parametrize(("column", "metric"), [(0, "top1"), (1, "relative")])
def test_lines_are_the_curves_of_the_table(row: int, mode: str, column: int, metric: str) -> None:
    table = shuffles()
    drawn = lines(shuffle_panels(table, title="t").axes[2 * row + column])
    assert list(drawn) == list(NETWORKS)
    for network, line in drawn.items():
        own = table[(table["network"] == network) & (table["mode"] == mode)]
        np.testing.assert_allclose(line.lines[0].get_ydata().astype(float), own[metric])
        np.testing.assert_allclose(bars(line), own[[f"{metric}_low", f"{metric}_high"]])
        places = line.lines[0].get_xdata().astype(float)
        np.testing.assert_allclose(places, DIVISIONS, atol=0.3)


def test_no_two_networks_look_the_same() -> None:
    styles = network_styles(map(str, range(56)))
    assert len({tuple(style.values()) for style in styles.values()}) == 56


def test_guessing_is_drawn_once_per_number_of_classes() -> None:
    table = shuffles()
    table.loc[table["network"] == "NA", "chance"] = 0.001
    axis = shuffle_panels(table, title="t").axes[0]
    level = [line.get_ydata()[0] for line in axis.lines if len(set(line.get_ydata())) == 1]
    assert level == [0.25, 0.001]


@pytest.mark.parametrize("label", ["class", "prediction"])
def test_labels_that_are_predictions_are_starred(label: str) -> None:
    words = text(shuffle_panels(shuffles(label=label), title="t"))
    assert ("18*" in words) == (label == "prediction")
    assert ("the network itself says" in words) == (label == "prediction")


def test_saturation_is_drawn_over_doublings_and_marks_what_is_untouched() -> None:
    table = saturations()
    figure = saturation_panels(table, title="t")
    for axis, metric in zip(figure.axes, ("top1", "relative"), strict=True):
        for network, line in lines(axis).items():
            own = table[table["network"] == network]
            np.testing.assert_allclose(line.lines[0].get_ydata().astype(float), own[metric])
            places = line.lines[0].get_xdata().astype(float)
            np.testing.assert_allclose(places, [-1, 1, 10], atol=0.3)
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == ["0.5", "2\nuntouched", "1024"]


def test_scores_are_those_of_the_table_in_the_order_of_the_study() -> None:
    table = scores()
    figure = score_panels(table, differences(), largest=8, title="t")
    for axis, score in zip(figure.axes, ("area", "k50"), strict=False):
        names = [tick.get_text() for tick in axis.get_yticklabels()]
        assert names == list(NETWORKS)
        for mode in MODES:
            own = table[table["mode"] == mode]
            (line,) = [line for line in axis.lines if line.get_label() == mode]
            np.testing.assert_allclose(line.get_xdata().astype(float), own[score])
            np.testing.assert_allclose(line.get_ydata().astype(float), [0, 1], atol=0.2)
        assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the first network above


def test_a_division_that_is_not_reached_is_a_triangle_behind_the_last() -> None:
    table = scores().assign(censored=[True, False, False, False])
    table.loc[0, ["k50", "k50_high"]] = np.nan
    axis = score_panels(table, differences(), largest=8, title="t").axes[1]
    triangles = [line for line in axis.lines if line.get_marker() == ">"]
    assert [len(line.get_xdata()) for line in triangles] == [1, 0]
    assert 8 < triangles[0].get_xdata()[0] < axis.get_xlim()[1]
    low, high = axis.collections[0].get_segments()[0][:, 0]
    assert (low, high) == (table["k50_low"][0], triangles[0].get_xdata()[0])


def test_every_two_networks_have_a_row_of_differences() -> None:
    networks = ("a", "b", "c")
    table = differences(networks)
    figure = score_panels(scores(networks), table, largest=8, title="t")
    panels = figure.axes[2:]
    titles = [axis.get_title(loc="left") for axis in panels[::2]]
    assert titles == ["a \u2212 b", "a \u2212 c", "b \u2212 c"]
    own = table.query("first == 'a' and second == 'c' and metric == 'relative'")
    for mode, line in lines(panels[3]).items():
        expected = own[own["mode"] == mode]
        np.testing.assert_allclose(line.lines[0].get_ydata().astype(float), expected["difference"])
        np.testing.assert_allclose(bars(line), expected[["low", "high"]])
    assert len({axis.get_ylim() for axis in panels}) == 1
    bottom, top = panels[0].get_ylim()
    assert bottom < table["low"].min() < table["high"].max() < top


def test_one_network_has_no_differences() -> None:
    figure = score_panels(scores(["a"]), differences(["a"]), largest=8, title="t")
    assert len(figure.axes) == 2
    assert "differences" not in text(figure)


def test_figures_are_drawn_from_tables_alone_and_twice_the_same(
    tmp_path: Path, drawn: dict[str, Figure]
) -> None:
    tables = {
        "shuffle_curves": shuffles(),
        "shuffle_scores": scores(),
        "shuffle_differences": differences(),
        "saturation_curves": saturations(),
    }
    paths = {name: tmp_path / f"{name}.csv" for name in tables}
    for name, table in tables.items():
        table.to_csv(paths[name], index=False)
    for run in "ab":
        outputs = {name: tmp_path / f"{name}_{run}.png" for name in ("curves", "scores")}
        outputs["saturation"] = tmp_path / f"saturation_{run}.png"
        plot_transforms(paths, outputs, title="t", dpi=50)
    for name in ("curves", "scores", "saturation"):
        first, second = ((tmp_path / f"{name}_{run}.png").read_bytes() for run in "ab")
        assert first == second
        assert "NA" in words(drawn[f"{name}_a"]) or name == "scores"
    assert "18 \u2212 NA" in words(drawn["scores_a"])
    assert list(read_table(paths["shuffle_scores"])["network"].unique()) == list(NETWORKS)


def images(count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(count, 3, 9, 9), dtype=np.uint8)


def pictures(figure: Figure, columns: int) -> dict[str, list[np.ndarray]]:
    """Return what every column shows, from top to bottom, by its title."""
    shown = np.array([axis.images[0].get_array() for axis in figure.axes])
    titles = [axis.get_title() for axis in figure.axes[:columns]]
    return {title: list(shown[place::columns]) for place, title in enumerate(titles)}


def test_the_sheet_shows_what_networks_saw() -> None:
    rows = np.array([7, 30])
    figure = shuffled_sheet(images(), rows, ["ant", "bee"], settings=SETTINGS, seed=5)
    shown = pictures(figure, columns=7)
    original = torch.from_numpy(images()).float() / 255
    keys = shuffle_keys(5, torch.tensor(rows), 4, 0)
    expected = {"intact": original, "saturation\nlevel 64": saturate(original, 64)} | {
        f"{mode}\nk = 4": patch_shuffle(original, 4, mode, keys=keys)[0] for mode in MODES
    }
    for title, pixels in expected.items():
        np.testing.assert_array_equal(shown[title], pixels.permute(0, 2, 3, 1))
    assert list(shown) == [
        "intact",
        *(f"{mode}\nk = {k}" for mode in MODES for k in (2, 4)),
        *(f"saturation\nlevel {p}" for p in (1, 64)),
    ]


def test_many_levels_are_shown_from_the_first_to_the_last() -> None:
    many = Transforms(modes=("grid",), divisions=(*range(1, 10),), saturations=(*range(2, 20),))
    figure = shuffled_sheet(images(1), np.array([0]), ["ant"], settings=many, seed=0)
    titles = [axis.get_title() for axis in figure.axes]
    assert len(titles) == 9
    assert (titles[1], titles[4]) == ("grid\nk = 2", "grid\nk = 9")
    assert (titles[5], titles[8]) == ("saturation\nlevel 3", "saturation\nlevel 19")


def test_the_sheet_shows_validation_images_of_different_classes(tmp_path: Path) -> None:
    pixels = images(12)
    partitions = ["train"] * 6 + ["validation"] * 6
    samples = [
        Sample(f"{n}.png", n // 2 % 3, partition, pixels[n])
        for n, partition in enumerate(partitions)
    ]
    cache, manifest, drawn = (tmp_path / name for name in ("i.zarr", "m.csv", "drawn.png"))
    names = ["ant", "bee", "cow"]
    write_cache(samples, cache, manifest, capacity=12, side=9, class_names=names, provenance={})
    plot_shuffled_images(cache, manifest, drawn, settings=SETTINGS, seed=3, dpi=50)
    expected = tmp_path / "expected.png"
    rows = np.array([6, 8, 10])
    save(shuffled_sheet(pixels[rows], rows, names, settings=SETTINGS, seed=3), expected, dpi=50)
    assert drawn.read_bytes() == expected.read_bytes()
