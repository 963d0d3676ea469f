"""Figures of pictures: what stands where, what is hatched, and which numbers are said."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import featvis_study
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from featvis_study import (
    CEILING,
    CHANNELS,
    CLASSES,
    EACH,
    INDICES,
    LAYER,
    make_featvis,
)
from figure_texts import cells, words
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from actsense.data.cache import ImageCache
from actsense.featvis.figures import plot
from actsense.featvis.figures.channels import channel_mosaic
from actsense.featvis.figures.curves import SETS, curve_lines
from actsense.featvis.figures.drive import MEASURES, SHIFT, STYLES, drive_dots
from actsense.featvis.figures.embedding import CHOSEN, FRAMED, facet_maps
from actsense.featvis.figures.facets import MOMENTS, ROWS, facet_rows
from actsense.featvis.figures.plot import plot_network
from actsense.featvis.figures.sheet import FAILED
from actsense.featvis.figures.shifts import ROLES, shift_lines
from actsense.featvis.figures.units import Row, unit_rows
from actsense.featvis.stored import RANDOM, TRAINED, StoredPictures
from actsense.store import read_results, read_table, write_tables

OF_FACETS = {"facets", "embedding", "curves", "drive"}
EVERY = OF_FACETS | {"units", "channels", "shifts"}
LONG = "features.denseblock4.denselayer32.norm2.activation_of_a_long_name"
Drawn = list[tuple[float, float, NDArray[Any]]]


@pytest.fixture(scope="module")
def stored(study: Path) -> StoredPictures:
    return StoredPictures(read_results(study / "net/featvis/pictures.zarr"))


@pytest.fixture(scope="module")
def images(study: Path) -> ImageCache:
    return ImageCache.open(study / "data/images.zarr", study / "data/manifest.csv")


@pytest.fixture(scope="module")
def judged(study: Path) -> pd.DataFrame:
    return table(study, "pictures")


@pytest.fixture(scope="module")
def rows(stored: StoredPictures, judged: pd.DataFrame, images: ImageCache) -> Figure:
    return facet_rows(stored, judged, images, title="made")


@pytest.fixture(scope="module")
def lines(stored: StoredPictures, judged: pd.DataFrame) -> Figure:
    return curve_lines(stored, judged, title="made")


@pytest.fixture(scope="module")
def unit_sheet(stored: StoredPictures, judged: pd.DataFrame, images: ImageCache) -> Figure:
    return unit_rows(stored, judged, images, title="made")


@pytest.fixture(scope="module")
def drive(study: Path, judged: pd.DataFrame) -> Figure:
    return drawn_drive(study, judged)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """Return the figures that would be saved, by name; the files stay empty."""
    figures: dict[str, Figure] = {}

    def keep(figure: Figure, png: Path, *, dpi: int) -> None:
        figures[png.stem] = figure
        png.touch()

    monkeypatch.setattr(plot, "save", keep)
    return figures


def table(study: Path, name: str, network: str = "net") -> pd.DataFrame:
    found = read_table(study / f"featvis/tables/{name}.csv")
    return found[found["network"] == network]


def plotted(study: Path, names: Iterable[str], folder: Path, network: str = "net") -> None:
    folder.mkdir(exist_ok=True)
    plot_network(
        study / network / "featvis/pictures.zarr",
        {path.stem: path for path in (study / "featvis/tables").glob("*.csv")},
        ImageCache.open(study / "data/images.zarr", study / "data/manifest.csv"),
        {name: folder / f"{name}.png" for name in names},
        title="a study",
        dpi=50,
    )


def shown(axis: Axes) -> list[list[tuple[float, NDArray[Any]]]]:
    """Return the pictures of a sheet in rows from above: left edge and pixels of each."""
    rows: dict[float, list[tuple[float, NDArray[Any]]]] = {}
    for image in axis.findobj(AxesImage):
        left, _, _, top = image.get_extent()
        rows.setdefault(round(top, 3), []).append((left, np.asarray(image.get_array())))
    return [sorted(rows[top], key=lambda one: one[0]) for top in sorted(rows)]


def hatched(figure: Figure) -> list[Rectangle]:
    return [one for one in figure.findobj(Rectangle) if one.get_hatch()]


def planes(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.moveaxis(pixels, -3, -1)


def texts(axis: Axes | Figure) -> list[str]:
    return [one.get_text() for one in axis.findobj(Text) if one.get_text()]


def colored(axis: Axes, color: str, **wanted: Any) -> list[NDArray[Any]]:
    """Return the heights of lines of a colour, with what else is wanted of them."""
    return [
        np.asarray(line.get_ydata())
        for line in axis.lines
        if to_hex(line.get_color()) == to_hex(color)
        and all(getattr(line, f"get_{name}")() == value for name, value in wanted.items())
    ]


def test_a_row_is_real_images_then_the_way_to_the_result_then_the_control(
    stored: StoredPictures, images: ImageCache, rows: Figure
) -> None:
    facets = stored.groups[0]
    for facet, row in enumerate(shown(rows.axes[0])[:2]):
        film, control = facets.film(facets.of_target(facet)[0]), facets.shown(facet, RANDOM)
        assert control is not None
        real = images.read(facets.best_rows(facet, 3))
        wanted = np.concatenate([real, film, facets.image(control)[None]])
        np.testing.assert_array_equal([pixels for _, pixels in row], planes(wanted))
    said = texts(rows)
    heads = ["start", "iteration 4", "iteration 16", "iteration 32", "result (64)"]
    assert [text for text in said if text in heads] == heads
    assert f"{LAYER}: 3 facets of 24 images" in said
    assert {"nearest real images", "random weights"} < set(said)
    assert [f"facet {k}\n{EACH} images" in said for k in (1, 2, 3)] == [True] * 3


def test_numbers_of_a_row_are_those_of_the_table(judged: pd.DataFrame, rows: Figure) -> None:
    said = texts(rows.axes[0])
    first = judged[(judged["kind"] == "facets") & (judged["seed"] == 0)]
    made = first[(first["weights"] == TRAINED) & ~first["grey"]]
    for _, own in made.iterrows():
        line = f"percentile {own['percentile']:.3g},  {own['ratio']:.2f} times the best image"
        assert f"{line},  cosine {own['cosine']:.2f}" in said
    for _, own in first[first["weights"] == RANDOM].iterrows():
        assert f"percentile {own['percentile']:.3g}" in said


def test_a_picture_that_ended_grey_is_a_hatched_field_and_never_shown(rows: Figure) -> None:
    (field,) = hatched(rows)
    pictures = shown(rows.axes[0])
    results = [row[7][0] for row in pictures[:2]]
    assert [field.get_x()] * 2 == pytest.approx(results)
    assert len(pictures[2]) == len(pictures[0]) - 1
    assert not any((pixels == 128).all() for row in pictures for _, pixels in row)
    said = texts(rows.axes[0])
    assert said.count(FAILED.replace(" ", "\n")) == 1
    assert sum("grey" in text for text in said) == 1


def test_points_have_the_colour_of_their_facet_and_frames_show_the_nearest_image(
    stored: StoredPictures, images: ImageCache
) -> None:
    figure = facet_maps(stored, images, title="made")
    plane, scores = figure.axes
    facets = stored.groups[0]
    clouds = [one for one in plane.collections if isinstance(one, PathCollection)]
    framed = plane.findobj(AnnotationBbox)
    assert len(clouds) == len(framed) == len(CLASSES)
    for facet, (cloud, frame) in enumerate(zip(clouds, framed, strict=True)):
        own = facets.points[facets.facet == facet]
        np.testing.assert_allclose(cloud.get_offsets(), own)
        np.testing.assert_allclose(frame.xy, own.mean(axis=0))
        assert to_rgba(frame.patch.get_edgecolor()) == to_rgba(cloud.get_facecolor()[0][:3])
        (small,) = frame.findobj(OffsetImage)
        nearest = images.read(facets.best_rows(facet, 1))[0]
        np.testing.assert_array_equal(small.get_data(), planes(nearest))
    (line,) = colored(scores, "0.4")
    np.testing.assert_allclose(line, [0.5, 0.6, 0.5, 0.4, 0.3])
    np.testing.assert_allclose(colored(scores, CHOSEN), [[0.6]])
    assert {"taken", "number of facets"} < set(texts(figure))


def test_where_no_count_was_tried_the_figure_says_so_or_leaves_it_out(
    stored: StoredPictures, images: ImageCache
) -> None:
    tried, given = stored.tree["facets_0"].to_dataset(), stored.groups[0].data.drop_dims("count")
    for layers, panels in (((given,), 1), ((tried, given), 4)):
        groups = {f"facets_{k}": one for k, one in enumerate(layers)}
        tree = xr.DataTree.from_dict({"/": stored.tree.to_dataset()} | groups)
        figure = facet_maps(StoredPictures(tree), images, title="made")
        assert len(figure.axes) == panels
    assert texts(figure.axes[3]) == ["The number of facets\nwas given."]


def test_no_median_counts_grey_pictures_which_are_dotted(
    stored: StoredPictures, lines: Figure
) -> None:
    axis, facets = lines.axes[0], stored.groups[0]
    color = SETS["facet"][1]
    own = [k for k in range(3) for k in facets.of_target(k)]
    every = facets.curve("activation", own)
    whole = np.delete(every, own.index(facets.of_target(2)[0]), axis=0)
    (median,) = colored(axis, color, linewidth=2.2)
    np.testing.assert_allclose(median, np.median(whole, axis=0))
    (dotted,) = colored(axis, color, linestyle=":")
    np.testing.assert_allclose(dotted, 0)
    assert len(colored(axis, color, linewidth=0.8, linestyle="-")) == len(whole)
    (control,) = colored(axis, SETS[RANDOM][1], linewidth=2.2)
    np.testing.assert_allclose(control[-1], -0.5)
    (natural,) = colored(axis, "#D55E00", linestyle="--")
    np.testing.assert_allclose(natural, CEILING)


def test_units_and_channels_have_panels_of_activations_alone(
    stored: StoredPictures, lines: Figure
) -> None:
    drawn = [axis for axis in lines.axes if axis.axison]
    titles = [axis.get_title(loc="left") for axis in drawn]
    kinds = [title.rpartition(" ")[2] for title in titles]
    assert kinds == ["facets", "facets", "facets", "units", "channels"]
    labels = [axis.get_ylabel() for axis in drawn]
    assert [label.split(",")[0].split(" ")[0] for label in labels] == [
        *("activation", "cosine", "distance", "activation", "activation"),
    ]
    for role in ("most", "least"):
        own = [k for k, one in enumerate(stored.groups[1].roles) if one == role]
        pictures = [p for k in own for p in stored.groups[1].of_target(k)]
        (median,) = colored(drawn[3], SETS[role][1], linewidth=2.2)
        curves = stored.groups[1].curve("activation", pictures)
        np.testing.assert_allclose(median, np.median(curves, axis=0))
    assert "units that feel hue most" in texts(lines)


def test_units_stand_from_the_most_to_the_less_and_from_the_least_to_the_more(
    stored: StoredPictures, images: ImageCache, unit_sheet: Figure
) -> None:
    units = stored.groups[1]
    for axis, order in zip(unit_sheet.axes[:2], ((0, 1, 2), (5, 4, 3)), strict=True):
        rows = shown(axis)
        for row, target in zip(rows, order, strict=True):
            np.testing.assert_array_equal(row[0][1], units.index_map(target))
            wanted = [
                *images.read(units.best_rows(target, 3)),
                *(units.image(k) for k in units.of_target(target)),
            ]
            np.testing.assert_array_equal([p for _, p in row[1:]], planes(np.stack(wanted)))
        said = [text for text in texts(axis) if "\nShapley effect " in text]
        assert all(f" {INDICES[k]:.2f}" in one for one, k in zip(said, order, strict=True))
    assert any("Shapley effect of hue" in text for text in texts(unit_sheet))


def test_a_grey_picture_of_a_unit_is_hatched_and_has_no_percentile(
    stored: StoredPictures, judged: pd.DataFrame, images: ImageCache
) -> None:
    own = (judged["role"] == "most") & (judged["target"] == 0) & (judged["seed"] == 1)
    figure = unit_rows(stored, judged.assign(grey=own), images, title="made")
    assert len(hatched(figure)) == 1
    said = [text for axis in figure.axes for text in texts(axis)]
    assert sum(text.startswith("percentile") for text in said) == 2 * len(INDICES) - 1


def test_the_frame_stands_where_the_unit_is_in_its_map(unit_sheet: Figure) -> None:
    axis = unit_sheet.axes[0]
    maps = [one for one in axis.findobj(AxesImage) if np.ndim(one.get_array()) == 2]
    frames = [one for one in axis.findobj(Rectangle) if one.get_width() < 0.5]
    assert len(maps) == len(frames) == 3
    for drawn, frame, index in zip(maps, frames, INDICES, strict=False):
        left, right, bottom, top = drawn.get_extent()
        values = np.asarray(drawn.get_array())
        x = (frame.get_x() + frame.get_width() / 2 - left) / (right - left) * values.shape[1]
        y = (frame.get_y() + frame.get_height() / 2 - top) / (bottom - top) * values.shape[0]
        assert values[int(y), int(x)] == pytest.approx(index) == pytest.approx(values.max())


def test_units_of_a_vector_have_no_map(
    stored: StoredPictures, judged: pd.DataFrame, images: ImageCache
) -> None:
    nowhere = ("target", np.full(len(INDICES), -1))
    units = stored.tree["units_0"].to_dataset().assign(unit_row=nowhere, unit_col=nowhere)
    units = units.assign(channel=("target", np.arange(len(INDICES))))
    groups = {"/": stored.tree.to_dataset(), "units_0": units}
    vector = StoredPictures(xr.DataTree.from_dict(groups))
    figure = unit_rows(vector, judged, images, title="made")
    said = texts(figure)
    assert sum("no map" in text for text in said) == 6
    assert any("\nunit 3\n" in text for text in said)
    assert not hatched(figure)
    assert len(figure.axes) == 2  # no scale of maps either


def test_channels_stand_by_number_with_percentiles_and_grey_ones_hatched(
    stored: StoredPictures, judged: pd.DataFrame
) -> None:
    own = (judged["kind"] == "channels") & (judged["seed"] == 0)
    changed = judged.copy()
    changed.loc[own, "percentile"] = 90.5 + changed.loc[own, "target"]
    changed.loc[own & (changed["target"] == 3), "grey"] = True
    figure = channel_mosaic(stored, changed, title="made")
    (axis,), channels = figure.axes, stored.groups[2]
    order = [k for k in range(CHANNELS) if k != 3]
    pixels = [p for row in shown(axis) for _, p in row]
    results = [channels.image(channels.of_target(k)[0]) for k in order]
    np.testing.assert_array_equal(pixels, planes(np.stack(results)))
    assert len(hatched(figure)) == 1
    written = [text for _, (text, _) in sorted(cells(axis).items())]
    assert written[:CHANNELS] == [str(k) for k in range(CHANNELS)]
    assert written[CHANNELS:] == [f"{90.5 + k:.3g}" for k in order]


def test_points_are_medians_over_pictures_that_did_not_end_grey(
    study: Path, judged: pd.DataFrame
) -> None:
    own = judged.assign(percentile=np.random.default_rng(0).uniform(0, 100, len(judged)))
    figure = drawn_drive(study, own)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert [name.split("\n")[1] for name in names] == [
        *("facets", "units, most", "units, least", "channels"),
    ]
    for place, role in enumerate(("facet", "most", "least", "channel")):
        for weights in (TRAINED, RANDOM):
            chosen = own[(own["role"] == role) & (own["weights"] == weights) & ~own["grey"]]
            wanted = chosen.groupby("target")["percentile"].median().tolist()
            found = dots(figure.axes[0], place + SHIFT[weights], STYLES[weights]["color"])
            assert found == pytest.approx(wanted)
    assert "Left out: 1 of 40 pictures" in figure.texts[1].get_text()


def test_transfers_of_grey_pictures_are_left_out(
    study: Path, judged: pd.DataFrame, drive: Figure
) -> None:
    place = SHIFT[TRAINED]
    found = dots(drive.axes[6], place, STYLES[TRAINED]["color"])
    assert found == pytest.approx([90, 89, 88])  # a second seed of the third is whole
    grey = judged["grey"] | (judged["role"] == "facet") & (judged["target"] == 2)
    figure = drawn_drive(study, judged.assign(grey=grey))
    assert dots(figure.axes[6], place, STYLES[TRAINED]["color"]) == pytest.approx([90, 89])
    assert dots(figure.axes[0], place, STYLES[TRAINED]["color"]) == pytest.approx([100, 100])


def test_yardsticks_are_those_of_natural_images(drive: Figure) -> None:
    for axis, measure in zip(drive.axes, MEASURES, strict=False):
        dashed = [line.get_xdata()[0] for line in axis.lines if line.get_linestyle() == "--"]
        assert dashed == ([] if measure.yardstick is None else [measure.yardstick[0]])


def test_likeness_of_seeds_and_targets_is_that_of_the_table(
    study: Path, judged: pd.DataFrame
) -> None:
    likeness = table(study, "picture_likeness")
    likeness.loc[likeness["weights"] == RANDOM, "responses"] = 0.5  # which is not shown
    axis = drive_dots(judged, table(study, "picture_transfers"), likeness, title="made").axes[7]
    places = sorted({float(x) for line in axis.lines[:-1] for x in line.get_xdata()})
    assert places == pytest.approx([0.1, 0.95])
    assert axis.get_legend() is not None
    named = [text.get_text() for text in axis.get_legend().get_texts()]
    assert named == ["seeds", "targets"]


def drawn_drive(study: Path, pictures: pd.DataFrame) -> Figure:
    others = (table(study, f"picture_{name}") for name in ("transfers", "likeness"))
    return drive_dots(pictures, *others, title="made")


def dots(axis: Axes, place: float, color: str) -> list[float]:
    """Return where the points of a row and colour are, by target."""
    return [
        float(x)
        for cloud in axis.collections
        if isinstance(cloud, PathCollection)
        and to_hex(cloud.get_facecolor()[0][:3]) == to_hex(color)
        for x, y in np.asarray(cloud.get_offsets())
        if abs(y - place) < 0.1
    ]


def test_shifts_are_medians_over_units_and_losses_have_intervals(study: Path) -> None:
    shifts = table(study, "picture_shifts")
    figure = shift_lines(shifts, table(study, "picture_losses"), factor="hue", title="made")
    (axis,) = figure.axes
    for role, color in ROLES.items():
        own = shifts[shifts["role"] == role].pivot_table("kept", "value", "target")
        (median,) = colored(axis, color, linewidth=2.4)
        np.testing.assert_allclose(median, own.median(axis=1))
        singles = colored(axis, color, linewidth=0.8)
        np.testing.assert_allclose(np.sort(singles, axis=0), np.sort(own.T, axis=0))
    assert axis.get_xlabel() == "hue: shift"
    said = figure.texts[1].get_text()
    assert "most 60% (50% to 70%)" in said
    assert "least 10% (0% to 20%)" in said
    assert "difference 50% (40% to 60%)" in said
    assert "3 units that feel it least" in texts(figure)


def test_a_single_unit_without_controls_has_no_interval(study: Path) -> None:
    shifts, losses = table(study, "picture_shifts"), table(study, "picture_losses")
    losses = losses[losses["role"] == "most"].assign(low=np.nan, high=np.nan)
    figure = shift_lines(shifts[shifts["target"] == 0], losses, factor="hue", title="made")
    assert "Lost, mean over changes: by units that feel it most 60%" in figure.texts[1].get_text()
    assert not any("nan" in text or "least" in text for text in texts(figure))


def test_a_factor_that_changes_no_picture_is_said_to_be_such(study: Path) -> None:
    shifts, losses = table(study, "picture_shifts"), table(study, "picture_losses")
    figure = shift_lines(shifts.head(0), losses.head(0), factor="order", title="made")
    assert "order is no augmentation" in words(figure)[1]
    once = shifts[shifts["value"] == 0.5].assign(parameter="", factor="hflip")
    figure = shift_lines(once, losses, factor="hflip", title="made")
    assert figure.axes[0].get_xlabel() == "hflip"


def test_an_index_that_is_nearly_none_has_no_sign(
    stored: StoredPictures, judged: pd.DataFrame, images: ImageCache, monkeypatch: Any
) -> None:
    monkeypatch.setattr(Row, "index", -0.001)
    figure = unit_rows(stored, judged, images, title="made")
    assert sum("Shapley effect 0.00" in text for text in texts(figure)) == len(INDICES)


def test_figures_are_those_that_are_asked_for(
    study: Path, tmp_path: Path, kept: dict[str, Figure]
) -> None:
    plotted(study, OF_FACETS, tmp_path / "twin", "twin")
    assert kept.keys() == OF_FACETS
    assert {path.stem for path in (tmp_path / "twin").iterdir()} == OF_FACETS
    assert not hatched(kept["facets"])
    for figure in kept.values():
        assert figure.texts[0].get_text().startswith("a study, twin: ")
    plotted(study, ["shifts"], tmp_path / "net")
    assert kept.keys() == OF_FACETS | {"shifts"}


STUDIES: dict[str, dict[str, Any]] = {
    "many facets": {
        "classes": [f"class {k} of many, which has a name, and one more $x$" for k in range(26)],
        **{"layer": LONG, "side": 8, "kept": range(1, 65, 3)},
    },
    "one picture": {"classes": ["one"], "side": 8, "kept": (64,)},
    "large": {"side": 224, "classes": ["one"], "kept": (0, 64)},
}

NAMES = {
    **{"many facets": OF_FACETS, "one picture": EVERY},
    "large": {"facets", "embedding"},
}


@pytest.mark.parametrize("name", STUDIES)
def test_few_and_many_of_all_sizes_stay_apart_and_on_the_page(
    name: str, tmp_path: Path, kept: dict[str, Figure]
) -> None:
    folder = make_featvis(tmp_path / "results", networks=("net",), **STUDIES[name])
    plotted(folder, NAMES[name], tmp_path / "drawn")
    for figure in kept.values():
        _apart(figure)
    (plane, *_), rows = kept["embedding"].axes, shown(kept["facets"].axes[0])
    facets = len(STUDIES[name]["classes"])
    framed = [one.patch.get_window_extent() for one in plane.findobj(AnnotationBbox)]
    assert len(framed) == min(facets, FRAMED)
    points = [plane.transData.transform(one.get_offsets()) for one in plane.collections]
    assert not any(box.padded(-1).count_contains(np.concatenate(points)) for box in framed)
    _disjoint(framed, "thumbnails")
    assert len(rows) == min(facets, ROWS)
    moments = min(MOMENTS, len(STUDIES[name].get("kept", featvis_study.KEPT)))
    assert len(rows[0]) == 3 + moments + 1


def _apart(figure: Figure) -> None:
    """Check that the figure asks a question, and that neither texts nor legends overlap."""
    said = words(figure)
    assert figure.texts[0].get_text().endswith("?")
    sheets = [axis for axis in figure.axes if not axis.axison and axis.texts]
    written = [one for axis in sheets for one in axis.texts if one.get_text()]
    titles = [axis.title for axis in figure.axes] + [axis._left_title for axis in figure.axes]
    some = [*figure.texts, *written, *(one for one in titles if one.get_text())]
    boxes = [one.get_window_extent() for one in [*some, *figure.legends]]
    boxes += [one.get_window_extent() for axis in sheets for one in axis.images]
    _disjoint(boxes, said)


def _disjoint(boxes: list[Bbox], said: object) -> None:
    inner = [box.padded(-1) for box in boxes]
    low, high = (np.array([getattr(box, end) for box in inner]) for end in ("min", "max"))
    meet = ((low[:, None] < high) & (high[:, None] > low)).all(axis=2)
    both = np.argwhere(np.triu(meet, 1))
    assert not len(both), ([boxes[k] for k in both[0]], said)


def test_one_network_without_control_and_second_seed_has_nothing_to_compare(
    study: Path, judged: pd.DataFrame, tmp_path: Path
) -> None:
    names = ("picture_transfers", "picture_likeness")
    paths = {name: tmp_path / f"{name}.csv" for name in names}
    write_tables({name: table(study, name).head(0) for name in names}, paths)
    own = judged[(judged["weights"] == TRAINED) & (judged["seed"] == 0)]
    figure = drive_dots(own, *(read_table(paths[name]) for name in names), title="made")
    assert texts(figure.axes[6]).count("not measured") == 1
    assert texts(figure.axes[7]).count("not measured") == 1
    assert "of random weights" not in texts(figure)
