"""Figures of one network's invariances: where pictures of the store stand, and hatching."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from figure_texts import words
from invariance_study import CLASSES, INVERTED, LAYERS, invariance_groups, make_invariances
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from numpy.typing import NDArray

from actsense.invariance.choices import RANDOM, TRAINED
from actsense.invariance.figures import plot
from actsense.invariance.figures.flows import flow_curves
from actsense.invariance.figures.inversion import inverted_rows
from actsense.invariance.figures.layers import COLORS, LIMITED, OTHER_CLASS
from actsense.invariance.figures.plot import plot_network
from actsense.invariance.figures.samples import ANCHORS, SAMPLES, sample_rows
from actsense.invariance.figures.variance import variance_maps
from actsense.invariance.kept.estimates import anchor_draws, anchor_mean
from actsense.invariance.stored import StoredInvariances

FIGURES = {
    "samples": sample_rows,
    "variance": variance_maps,
    "inversion": inverted_rows,
    "flows": flow_curves,
}
NINE = {f"layer{k}": (4,) for k in range(8)}
NINE["features.denseblock4.denselayer32.norm2.activation_of_a_long_name"] = (4,)
VARIANTS: dict[str, dict[str, Any]] = {
    "nine layers": {"layers": NINE, "anchors": 24, "samples": 8},
    "one layer": {
        **{"layers": {"logits": (4,)}, "random": False, "judge": False},
        **{"anchors": 4, "samples": 2},
    },
}
Placed = list[tuple[float, float, NDArray[Any]]]


def opened(**made: Any) -> StoredInvariances:
    groups, attributes = invariance_groups(**made)
    tree = xr.DataTree.from_dict(groups)
    tree.attrs |= attributes
    return StoredInvariances(tree)


@pytest.fixture(scope="module")
def stored() -> StoredInvariances:
    """Return a store in which one trained layer is limited, and no random one but the first."""
    groups, attributes = invariance_groups()
    for number, passes in enumerate((True, False, True, False, True, True)):
        groups[f"kept_{number}"].attrs["passes"] = passes
    tree = xr.DataTree.from_dict(groups)
    tree.attrs |= attributes
    return StoredInvariances(tree)


def shown(axis: Axes) -> list[Placed]:
    """Return pictures of a sheet in rows from above: left edge, upper edge and pixels of each."""
    rows: dict[float, Placed] = {}
    for image in axis.findobj(AxesImage):
        left, _, _, top = image.get_extent()
        rows.setdefault(round(top, 3), []).append((left, top, np.asarray(image.get_array())))
    return [sorted(rows[top], key=lambda one: one[0]) for top in sorted(rows)]


def pixels(row: Placed) -> list[NDArray[Any]]:
    return [one for _, _, one in row]


def planes(images: NDArray[Any]) -> NDArray[Any]:
    return np.moveaxis(images, -3, -1)


def rectangles(figure: Figure) -> list[Rectangle]:
    return [one for axis in figure.axes for one in axis.patches if isinstance(one, Rectangle)]


def hatched(figure: Figure) -> list[Rectangle]:
    return [one for one in rectangles(figure) if one.get_hatch()]


def framed(figure: Figure) -> list[tuple[float, float]]:
    """Return the corners of frames, from the left."""
    color = to_hex(OTHER_CLASS)
    frames = [one for one in rectangles(figure) if to_hex(one.get_edgecolor()) == color]
    return sorted(one.get_xy() for one in frames)


def test_samples_stand_below_their_anchor_and_its_reconstruction(
    stored: StoredInvariances,
) -> None:
    figure = sample_rows(stored, title="made")
    axis = figure.axes[0]
    first, *rows = shown(axis)
    pairs = np.stack([stored.images, stored.reconstructions], axis=1)[:ANCHORS]
    np.testing.assert_array_equal(pixels(first), planes(pairs.reshape(-1, *pairs.shape[2:])))
    assert len(rows) == len(stored.groups)
    for row, group in zip(rows, stored.groups, strict=True):
        samples = group.sample_images[:ANCHORS, :SAMPLES]
        wanted = planes(samples.reshape(-1, *samples.shape[2:]))
        np.testing.assert_array_equal(pixels(row), wanted)
        lefts = [left for left, _, _ in row][::SAMPLES]
        assert lefts == pytest.approx([left for left, _, _ in first][::2])
    said = [text.get_text() for text in axis.texts]
    for group in stored.groups:
        likeness = group.kept.samples
        kept, floor = likeness.agreement.mean(), likeness.agreement_floor.mean()
        assert f"{group.layer}\nsame class: {kept:.0%}\nby chance: {floor:.0%}" in said
    assert [text for text in said if text in CLASSES] == [*CLASSES[:ANCHORS]]


def test_samples_of_another_class_are_framed(stored: StoredInvariances) -> None:
    figure = sample_rows(stored, title="made")
    wanted = [
        (left, top)
        for row, group in zip(shown(figure.axes[0])[1:], stored.groups, strict=True)
        for number, (left, top, _) in enumerate(row)
        if group.sample_predicted[number // SAMPLES, number % SAMPLES]
        != group.predicted[number // SAMPLES]
    ]
    assert len(wanted) == ANCHORS * len(stored.groups)
    np.testing.assert_allclose(framed(figure), sorted(wanted))


def test_rows_of_limited_layers_are_hatched(stored: StoredInvariances) -> None:
    figure = sample_rows(stored, title="made")
    tops = [row[0][1] for row in shown(figure.axes[0])[1:]]
    inside = [
        [number for number, top in enumerate(tops) if one.get_y() < top < one.get_y() + 0.8]
        for one in hatched(figure)
    ]
    assert inside == [[1], [3]]
    assert LIMITED in [text.get_text() for text in figure.legends[0].get_texts()]


def test_maps_are_means_and_variances_of_samples(stored: StoredInvariances) -> None:
    figure = variance_maps(stored, title="made")
    rows = shown(figure.axes[0])
    for anchor in range(3):
        means, variances = rows[2 * anchor], rows[2 * anchor + 1]
        np.testing.assert_array_equal(means[0][2], planes(stored.images[anchor]))
        for number, group in enumerate(stored.groups):
            drawn = planes(group.maps.mean[anchor])
            np.testing.assert_allclose(means[number + 1][2] / 255, drawn, atol=0.5 / 255)
            variance = group.maps.variance[anchor].mean(axis=0)
            np.testing.assert_allclose(variances[number][2], variance)
            assert means[number + 1][0] == variances[number][0]
    norms = {id(one.norm) for one in figure.axes[0].images if one.get_array().ndim == 2}
    assert len(norms) == 1


def test_bars_below_are_mean_variances_with_intervals(stored: StoredInvariances) -> None:
    figure = variance_maps(stored, title="made")
    sheet, axis, _ = figure.axes
    own = [one for one in axis.patches if isinstance(one, Rectangle)]
    for bar, stroke, group in zip(own, axis.collections, stored.groups, strict=True):
        strength = group.maps.variance.mean(axis=(1, 2, 3), dtype=float)
        assert bar.get_height() == pytest.approx(strength.mean())
        draws = anchor_draws(len(strength), 2000, seed=stored.seed)
        ends = stroke.get_segments()[0][:, 1]
        assert ends == pytest.approx(anchor_mean(strength, draws).interval)
        assert to_hex(bar.get_facecolor()) == to_hex(COLORS[group.state])
        assert bool(bar.get_hatch()) == (not group.passes)
    behind = [one.get_x() for one in sheet.patches if one.get_hatch()]
    columns = [left for left, _, _ in shown(sheet)[1]]
    assert behind == pytest.approx([columns[1] - 0.04, columns[3] - 0.04])


def test_a_sample_stands_above_the_optimised_image_with_distances(
    stored: StoredInvariances,
) -> None:
    figure = inverted_rows(stored, title="made")
    first, *rows = shown(figure.axes[0])
    np.testing.assert_array_equal(pixels(first), planes(stored.images[:INVERTED]))
    said = [text.get_text() for text in figure.axes[0].texts]
    assert len(rows) == 2 * len(LAYERS)
    for number, group in enumerate(stored.of(TRAINED)):
        above, below = rows[2 * number], rows[2 * number + 1]
        np.testing.assert_array_equal(pixels(above), planes(group.sample_images[:INVERTED, 0]))
        assert group.inverted is not None
        assert group.inverted_distance is not None
        np.testing.assert_array_equal(pixels(below), planes(group.inverted))
        for away in (group.kept.samples.distance, group.inverted_distance):
            assert all(f"{value:.2g}" in said for value in away[:INVERTED])
    assert not framed(figure)
    (field,) = hatched(figure)
    assert field.get_y() < rows[2][0][1] < rows[3][0][1] < field.get_y() + field.get_height()


def test_optimised_images_of_another_class_are_framed() -> None:
    groups, attributes = invariance_groups()
    other = groups["kept_0"]["inverted_predicted"].copy(deep=True)
    other[1] = 3
    groups["kept_0"] = groups["kept_0"].assign(inverted_predicted=other)
    tree = xr.DataTree.from_dict(groups)
    tree.attrs |= attributes
    figure = inverted_rows(StoredInvariances(tree), title="made")
    _, _, below, *_ = shown(figure.axes[0])
    assert framed(figure) == [pytest.approx(below[1][:2])]


def test_curves_are_those_of_the_cards(stored: StoredInvariances) -> None:
    figure = flow_curves(stored, title="made")
    for axis, group in zip(figure.axes, stored.groups, strict=True):
        history = group.flow["history"]
        train, validation, best = axis.lines
        for line, name in ((train, "train"), (validation, "validation")):
            np.testing.assert_allclose(line.get_data(), [history["steps"], history[name]])
        assert np.concatenate(best.get_data()).tolist() == [200, 8.25]
        assert [text.get_text() for text in axis.texts] == ["another image: 21\nnoise: 1.02"]
        assert axis.get_title(loc="left").startswith(f"{group.layer}, {group.state} ")
        assert bool([one for one in axis.patches if one.get_hatch()]) == (not group.passes)


def test_a_flow_that_was_told_nothing_has_nothing_to_exchange() -> None:
    groups, attributes = invariance_groups(random=False)
    card = groups["kept_0"].attrs["flow"].replace('"shuffled_nats": 21.0', '"shuffled_nats": null')
    groups["kept_0"].attrs["flow"] = card
    tree = xr.DataTree.from_dict(groups)
    tree.attrs |= attributes
    figure = flow_curves(StoredInvariances(tree), title="made")
    assert [text.get_text() for text in figure.axes[0].texts] == ["noise: 1.02"]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_few_and_many_layers_stay_on_the_page(variant: str, name: str) -> None:
    figure = FIGURES[name](opened(**VARIANTS[variant]), title="made")
    said, title = words(figure), figure.texts[0].get_text()
    assert title.startswith("made: ")
    assert title.endswith("?")
    random = any("random weights" in text for text in said)
    assert random == (name != "inversion" and variant == "nine layers")
    assert bool(hatched(figure)) == (LIMITED in said) == random
    labels = [text for axis in figure.axes for text in axis.texts if text.get_text()]
    boxes = [text.get_window_extent().padded(-1) for text in labels]
    apart = [one for k, one in enumerate(boxes) if not one.count_overlaps(boxes[k + 1 :])]
    assert len(apart) == len(boxes)


def test_likenesses_that_are_undefined_are_left_out() -> None:
    groups, attributes = invariance_groups(random=False)
    groups["kept_0"] = groups["kept_0"].copy(deep=True)
    for name in ("agreement", "distance"):
        groups["kept_0"][name][:2] = np.nan
    tree = xr.DataTree.from_dict(groups)
    tree.attrs |= attributes
    stored = StoredInvariances(tree)
    for draw in (sample_rows, inverted_rows):
        said = [text.get_text() for text in draw(stored, title="made").findobj(Text)]
        assert not any("nan" in text for text in said)


def test_figures_are_those_that_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: dict[str, Figure] = {}
    monkeypatch.setattr(plot, "save", lambda figure, png, *, dpi: figures.update({png: figure}))
    path = make_invariances(tmp_path / "kept.zarr", network="a $x$", inversion=False)
    names = ["samples", "variance", "flows"]
    plot_network(path, {name: tmp_path / name for name in names}, title="digits", dpi=70)
    assert [*figures] == [tmp_path / name for name in names]
    for figure in figures.values():
        assert figure.texts[0].get_text().startswith(r"digits, a \$x\$: ")


def test_states_are_named_as_weights() -> None:
    assert [*COLORS] == [TRAINED, RANDOM]
