"""Figures of masks show what store and tables hold, at limits that never change."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from figure_texts import cells, words
from masking_store import listed, masking, stored
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from actsense.drawing.style import FACTOR_COLORS, FACTOR_MARKERS
from actsense.errors import OutdatedResultError
from actsense.masking.figures import (
    class_images,
    control_dots,
    first_place,
    masking_curves,
    plot_masking,
    recall_maps,
)
from actsense.masking.profile_figures import (
    CORRELATIONS,
    EFFECTS,
    correlation_maps,
    effect_maps,
    place_maps,
    trees,
)
from actsense.masking.profiles import profile_masks

AUGMENTATIONS = ["hue", "rolling"]
FACTORS = ["hue", "rolling", "order"]
GRAY = "0.45"


def accuracy(factor: str, rule: str, fraction: float, draw: int, **others: object) -> float:
    if rule == "none":
        return 0.9
    if rule == "random":
        return 0.8 - 0.2 * fraction + 0.01 * draw
    return 0.7 - 0.3 * fraction - 0.05 * len(factor)


def study(**settings: object) -> xr.Dataset:
    return masking(listed(AUGMENTATIONS, FACTORS, **settings), accuracy)


def originals(**settings: object) -> xr.Dataset:
    return first_place(study(**settings))


def effects() -> pd.DataFrame:
    """Return effects of two scales and three places, a different number in every row."""
    rows = [
        {"value": "S1", "level": level, "layers": layers, "first_place": layers == "together"}
        | {"input": name, "factor": factor, "scale": scale}
        for level, layers in (("activation", "together"), ("activation", "a"), ("channel", "a"))
        for scale in (0.0, 1.5)
        for name in (["original", *AUGMENTATIONS] if layers == "together" else ["original"])
        for factor in FACTORS
    ]
    table = pd.DataFrame(rows)
    effect = np.linspace(-0.3, 0.1, len(table))
    return table.assign(
        effect=effect, low=effect - 0.02, high=effect + 0.02, fractions=3, random_masks=5,
        images=80, resamples=100,
    )  # fmt: skip


def correlations() -> pd.DataFrame:
    rows = [
        {"value": value, "input": name, "factor": factor}
        for value in ("S1", "ST")
        for name in AUGMENTATIONS
        for factor in FACTORS
    ]
    rho = np.linspace(-0.2, 1, len(rows))
    table = pd.DataFrame(rows).assign(rho=rho, low=rho - 0.25, high=rho + 0.05)
    return table.assign(layers="together", configurations=6, images=80, resamples=100)


def tree(**changes: object) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the tables of a tree of two clusters, {0, 1} and {2, 3}."""
    clusters = pd.DataFrame(
        {"value": "S1", "input": [*"abcd"], "factor": "hue", "item": range(4)}
        | {"cluster": [1, 1, 2, 2], "leaf": range(4), "silhouette": 0.8, "stability": 0.75}
    )
    linkage = pd.DataFrame(
        [[0, 1, 0.1, 2], [2, 3, 0.2, 2], [4, 5, 0.9, 4]],
        columns=["left", "right", "height", "count"],
    ).assign(value="S1")
    summary = {"value": "S1", "items": 4, "constant": 0, "clusters": 2, "silhouette": 0.8}
    summary |= {"cut": 0.55, "cophenetic": 0.93, "images": 80, "resamples": 100} | changes
    tables = clusters, linkage, pd.DataFrame([summary])
    one, other, last = (table.assign(layers="together") for table in tables)
    return one, other, last


def texts(figure: Figure) -> str:
    return " ".join(words(figure)).replace("\n", " ")


def test_effects_are_written_in_percentage_points() -> None:
    table = effects().query("layers == 'together' and scale == 0")
    figure = effect_maps(effects(), title="t")
    said, colors = zip(*cells(figure.axes[0]).values(), strict=True)
    written = [float(text) for text in said]
    # One decimal below ten.
    np.testing.assert_allclose(written, 100 * table["effect"], atol=0.5)
    uncertain = (abs(table["effect"]) < 0.02).to_list()
    assert [color == GRAY for color in colors] == uncertain
    text = texts(figure)
    assert "n = 80 images, 5 random masks, 100 resamples" in text
    assert "activations, all layers" in text


def test_uncertain_effects_are_pale() -> None:
    table = effects()
    table.loc[1, ["low", "high"]] = [-0.4, 0.4]
    opacity = np.ravel(effect_maps(table, title="t").axes[0].images[0].get_alpha())
    assert opacity[1] < 0.5
    np.testing.assert_array_equal(np.delete(opacity, 1), 1)


def test_effects_have_the_same_limits_in_all_figures() -> None:
    for figure in (effect_maps(effects(), title="t"), place_maps(effects(), title="t")):
        images = [axis.images[0] for axis in figure.axes if axis.images]
        assert len(images) == 2
        assert all(image.norm is EFFECTS for image in images)
    assert (EFFECTS.vmin, EFFECTS.vmax) == (-50, 50)
    np.testing.assert_allclose(EFFECTS(0.0), 0.5)


def test_the_input_that_is_the_masked_factor_is_framed() -> None:
    axis = effect_maps(effects(), title="t").axes[0]
    frames = {tuple(np.add(frame.get_xy(), 0.5)) for frame in axis.patches}
    assert frames == {(0, 1), (1, 2)}  # column, row below `original`
    assert [label.get_text() for label in axis.get_yticklabels()] == ["original", *AUGMENTATIONS]


def test_places_are_rows_of_effects_on_original_images() -> None:
    axis = place_maps(effects(), title="t").axes[0]
    rows = [label.get_text() for label in axis.get_yticklabels()]
    assert rows == ["activations, all layers", "activations, a", "channels, a"]
    assert len(cells(axis)) == 3 * len(FACTORS)


def test_correlations_are_drawn_between_minus_one_and_one() -> None:
    table = correlations()
    figure = correlation_maps(table, title="t")
    assert all(axis.images[0].norm is CORRELATIONS for axis in figure.axes[:2])
    assert (CORRELATIONS.vmin, CORRELATIONS.vmax) == (-1, 1)
    for axis, value in zip(figure.axes, ("S1", "ST"), strict=False):
        own = table[table["value"] == value]
        said, colors = zip(*cells(axis).values(), strict=True)
        written = [float(text) for text in said]
        np.testing.assert_allclose(written, own["rho"], atol=0.0051)
        gray = [color == GRAY for color in colors]
        assert gray == [bool(low <= 0 <= high) for low, high in own[["low", "high"]].to_numpy()]
    assert "6 scales and fractions" in texts(figure)


def test_undefined_correlations_are_crossed_and_counted() -> None:
    table = correlations()
    table.loc[[1, 3], ["rho", "low", "high"]] = np.nan
    figure = correlation_maps(table, title="t")
    assert [text for text, _ in cells(figure.axes[0]).values()].count("\u00d7") == 2
    assert "a profile is constant (2)" in texts(figure)


def test_a_tree_names_its_leaves_in_order_and_colors_them_by_cluster() -> None:
    figure = trees(*tree(), title="t")
    labels = figure.axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == [f"{name}--hue" for name in "abcd"]
    colors = [to_hex(label.get_color()) for label in labels]
    assert colors[0] == colors[1] != colors[2] == colors[3]
    (links,) = figure.axes[0].collections
    assert [to_hex(color) for color in links.get_colors()] == [colors[0], colors[2], "#999999"]
    text = texts(figure)
    assert "cophenetic correlation 0.93" in text
    assert "2 clusters, silhouette 0.80, stability 0.75" in text


def test_the_cut_of_a_tree_is_drawn_where_it_is() -> None:
    lines = trees(*tree(), title="t").axes[0].lines
    assert [line.get_xdata()[0] for line in lines] == [0.55]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"silhouette": 0.49}, "a silhouette of 0.49, below 0.50"),
        ({"silhouette": 0.0, "clusters": 1, "cut": np.nan}, "no cut is better than one cluster"),
        (
            {"items": 0, "constant": 4, "clusters": 0, "cut": np.nan, "silhouette": np.nan},
            "fewer than two profiles vary (4 constant left out)",
        ),
    ],
)
def test_trees_without_clear_clusters_are_not_drawn(
    changes: dict[str, float], reason: str
) -> None:
    figure = trees(*tree(**changes), title="t")
    assert not any(axis.axison for axis in figure.axes)
    assert reason in texts(figure)
    clusters, linkage, clear = tree()
    both = pd.concat([clear, tree(**changes)[2].assign(value="ST")])
    beside = trees(clusters, linkage, both, title="t")
    assert len(beside.axes) == 1
    assert f"Masks from ST: {'the best cut has ' * ('0.49' in reason)}{reason}" in texts(
        beside
    ).replace("\n", " ")


def test_curves_draw_the_accuracy_of_every_factor_and_all_random_masks() -> None:
    data = originals(random_masks=4)
    axis = masking_curves(data, "S1", title="t").axes[0]
    table = data["top1"].to_dataframe().query("scale == 0").sort_values("fraction")
    drawn = {line.get_color(): np.asarray(line.get_ydata(), float) for line in axis.lines}
    marks = {line.get_color(): line.get_marker() for line in axis.lines}
    for factor in FACTORS:
        assert marks[FACTOR_COLORS[factor]] == FACTOR_MARKERS[factor]
        expected = table.query("rule == 'top' and factor == @factor")["top1"]
        np.testing.assert_allclose(drawn[FACTOR_COLORS[factor]], expected)
    random = table[table["rule"] == "random"].groupby("fraction")["top1"]
    band = axis.collections[0].get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose([band.min(), band.max()], [random.min().min(), random.max().max()])
    assert axis.get_ylim() == (0, 1)


def test_controls_are_shown_at_the_largest_fraction() -> None:
    data = originals()
    axis = control_dots(data, title="t").axes[0]
    table = data["top1"].to_dataframe().query("fraction == 0.5")
    labelled = {line.get_label(): line.get_xdata() for line in axis.lines}
    least = table.query("rule == 'least' and scale == 0")["top1"]
    np.testing.assert_allclose(labelled["least sensitive"], least)
    mean = table.query("rule == 'mean'")["top1"]
    np.testing.assert_allclose(labelled["most sensitive, but replaced by their mean"], mean)
    (top,) = axis.containers
    expected = table.query("rule == 'top' and scale == 0")["top1"]
    np.testing.assert_allclose(np.asarray(top.lines[0].get_xdata(), float), expected)


def test_recall_is_shown_under_the_mask_with_the_lowest_accuracy() -> None:
    data = originals()
    axis = recall_maps(data, title="t").axes[0]
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names == ["no mask", *(f"{factor} (\u00d70, 50 %)" for factor in FACTORS)]
    chosen = (data["rule"] == "top") & (data["fraction"] == 0.5) & (data["scale"] == 0)
    expected = data["recall"].isel(condition=np.flatnonzero(chosen)).to_numpy()
    np.testing.assert_allclose(axis.images[0].get_array()[1:], expected)


def test_classes_say_how_many_images_they_have() -> None:
    data = originals()
    names = [str(name) for name in data["class"].to_numpy()]
    labels = np.repeat(np.arange(len(names)), np.arange(1, len(names) + 1))
    kept = xr.Dataset({"label": ("image", labels.astype(np.int16))})
    whole = xr.DataTree.from_dict({"/": data, "/predictions": kept})
    images = class_images(whole)
    assert images == {name: number for number, name in enumerate(names, 1)}
    axis = recall_maps(data, title="t", images=images).axes[0]
    shown = [label.get_text() for label in axis.get_xticklabels()]
    assert shown == [f"{name} ({number})" for number, name in enumerate(names, 1)]
    assert class_images(xr.DataTree(data)) == {}


def test_masks_that_harm_more_than_all_random_ones_are_filled_and_sorted() -> None:
    data = originals()
    data["top1_high"][data["factor"].to_numpy() == "hue"] = 1.0  # not told from random masks
    axis = control_dots(data, title="t").axes[0]
    table = data[["top1", "top1_high"]].to_dataframe().query("fraction == 0.5")
    rows = [label.get_text() for label in axis.get_yticklabels()]
    top = table.query("rule == 'top'").groupby("factor", sort=False)["top1"].mean()
    assert rows == list(top.sort_values(kind="stable").index)
    least = table.query("rule == 'random' and scale == 0")["top1"].min()
    own = table.query("rule == 'top' and scale == 0 and value == 'S1'")
    expected = own[own["top1_high"] < least]["top1"]
    assert 0 < len(expected) < len(own)
    (filled,) = [line for line in axis.lines if line.get_zorder() == 4]
    np.testing.assert_allclose(np.asarray(filled.get_xdata(), float), expected)


def test_recall_that_may_be_unchanged_stands_in_parentheses() -> None:
    data = originals()
    data["recall_high"][:] = 1
    axis = recall_maps(data, title="t").axes[0]
    unmasked, *rest = np.array([cell.get_text() for cell in axis.texts]).reshape(4, -1)
    assert not any(cell.startswith("(") for cell in unmasked)
    assert all(cell.startswith("(") for cell in np.ravel(rest))


def test_of_many_classes_those_that_differ_most_are_shown() -> None:
    data = first_place(masking(listed(AUGMENTATIONS, FACTORS), accuracy, classes=30))
    data["recall"][:] = 0.5
    moved = np.arange(5, 25)
    top = np.flatnonzero(data["rule"] == "top")
    data["recall"][{"condition": top, "class": moved}] = 0.1
    figure = recall_maps(data, title="t")
    shown = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert shown == [f"class {number}" for number in moved]
    assert "the 20 of 30 that differ most" in texts(figure)


def test_of_layers_masked_alone_the_first_is_drawn_and_named(tmp_path: Path) -> None:
    each = study(layers=["each", "together"])
    one, named = first_place(each), "conv1 (first of 2 layers masked alone)"
    assert set(one["layers"].to_numpy()) == {"", "conv1"}
    assert one.sizes["condition"] == originals().sizes["condition"]
    tables = profile_masks(stored(tmp_path, each), seed=0)
    figures = [
        masking_curves(one, "S1", title="t"),
        control_dots(one, title="t"),
        recall_maps(one, title="t"),
        effect_maps(tables["effects"], title="t"),
        correlation_maps(tables["profiles"], title="t"),
        trees(tables["clusters"], tables["linkage"], tables["trees"], title="t"),
    ]
    assert all(named in texts(figure) for figure in figures)


def test_a_store_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    store = stored(tmp_path, study().drop_vars("first_place"))
    with pytest.raises(
        OutdatedResultError, match="snakemake masking --cores all --forcerun evaluate_masks"
    ):
        plot_masking(store, {}, {}, title="t", dpi=50)


@pytest.mark.parametrize("label", ["class", "prediction"])
def test_a_small_store_becomes_its_files(
    tmp_path: Path, drawn: dict[str, Figure], label: str
) -> None:
    data = study(scales=[0.0], fractions=[0.5, 0.2]).assign_attrs(label=label)
    store = stored(tmp_path, data)
    tables = {}
    for name, table in profile_masks(store, seed=0).items():
        tables[name] = tmp_path / f"{name}.csv"
        table.to_csv(tables[name], index=False)
    names = ("controls", "recall", "effects", "layers", "profiles", "trees")
    outputs = {name: tmp_path / f"{name}.png" for name in names}
    plot_masking(store, tables, outputs | {"curves": tmp_path / "curves"}, title="t", dpi=50)
    assert all(path.stat().st_size > 1000 for path in outputs.values())
    assert {path.name for path in (tmp_path / "curves").iterdir()} == {"S1.png"}
    assert ("own unmasked predictions" in texts(drawn["recall"])) == (label == "prediction")
