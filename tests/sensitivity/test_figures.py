"""Figures show what the stores hold, at the limits they claim."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from figure_texts import cells, words
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from actsense.drawing.mosaic import COLORS, LIMITS, Mosaic
from actsense.drawing.names import legible
from actsense.drawing.style import CONTEXT_LINES, FACTOR_COLORS, FACTOR_MARKERS, FLAGS, save
from actsense.sampling.figures.augmentations import contact_sheet
from actsense.sensitivity.figures.bars import channel_bars
from actsense.sensitivity.figures.contrasts import contrast_bars
from actsense.sensitivity.figures.depth import depth_profile
from actsense.sensitivity.figures.maps import layer_maps
from actsense.sensitivity.figures.pages import plot_indices
from actsense.sensitivity.figures.pairs import pair_maps
from actsense.store import write_results

FACTORS = ["hue", "rolling", "order", "content", "partition", "class", "image"]
PARTS = FACTORS[4:]
LABELS = [*FACTORS[:4], *(f"{part} (part of content)" for part in PARTS)]
LAYERS = ["features.2", "probabilities", "network"]
INDICES = ("S1", "ST", "shapley")
PAIR_BLOCKS = ("of augmentations", "with content")
SHARES = np.linspace(0.05, 0.35, len(FACTORS))


def dataset(**dimensions: int) -> xr.Dataset:
    """Return indices with a different known value for every factor."""
    shape = tuple(dimensions.values())
    share = SHARES.reshape(-1, *[1] * len(shape))
    single = np.broadcast_to(share, (len(FACTORS), *shape)).copy()
    pairs = np.full((len(FACTORS), len(FACTORS), *shape), 0.02)
    pairs[np.diag_indices(len(FACTORS))] = np.nan
    data = {}
    for suffix, scale in (("", 1.0), ("_ci", 0.1)):
        for name in INDICES:
            data[name + suffix] = (("factor", *dimensions), single * scale)
        data[f"S2{suffix}"] = (("factor", "factor_2", *dimensions), pairs * scale)
        for name in ("mean", "variance"):
            data[name + suffix] = (tuple(dimensions), np.full(shape, scale))
    for flag in ("dead", "rare"):
        data[flag] = (tuple(dimensions), np.zeros(shape, dtype=bool))
    return xr.Dataset(data, coords={"factor": FACTORS, "factor_2": FACTORS})


def totals() -> xr.Dataset:
    data = dataset(layer=len(LAYERS)).drop_vars(["dead", "rare"])
    counts = {"units": ("layer", [48, 10, 58]), "dead_units": ("layer", [1, 0, 1])}
    counts["rare_units"] = ("layer", [2, 3, 5])
    return data.assign(counts).assign_coords(layer=LAYERS)


def texts(figure: Figure) -> str:
    return "\n".join(words(figure))


def test_the_depth_profile_names_every_layer_factor_and_index() -> None:
    text = texts(depth_profile(totals(), title="small, color"))
    for word in (*LAYERS, *FACTORS, "S1: alone", "ST: with", "Shapley", "95 % intervals", *LABELS):
        assert word in text


def test_the_depth_profile_follows_the_factors_that_there_are() -> None:
    """Without content, class is no part of anything; without order, none is announced."""
    own = ["hue", "rolling", "class", "image"]
    data = totals().isel(factor=range(len(own))).assign_coords(factor=own)
    figure = depth_profile(data, title="t", note="Images of train alone.")
    assert len(figure.axes) == 6
    text = texts(figure)
    for word in ("content", "order", "part of"):
        assert word not in text
    for word in (*own, "Images of train alone."):
        assert word in text


def test_the_depth_profile_counts_dead_and_rare_units() -> None:
    assert "Units: 1 dead, 5 rare of 58" in texts(depth_profile(totals(), title="t"))


@pytest.mark.parametrize(
    ("row", "factors"), [(0, FACTORS[:4]), (1, FACTORS[:3]), (2, FACTORS[3:])]
)
def test_the_depth_profile_draws_content_or_its_parts(row: int, factors: list[str]) -> None:
    """Lines of one panel never hold the same variance twice, but the sum beside its parts."""
    axis = depth_profile(totals(), title="t").axes[3 * row]
    colors = {line.get_color() for line in axis.lines} - {"0.8"}
    assert colors == {FACTOR_COLORS[factor] for factor in factors}
    shares = dict(zip(FACTORS, SHARES, strict=True))
    lines: dict[object, object] = {}
    for line in axis.lines:  # the first line of a color is the factor's, caps of its bars follow
        lines.setdefault(line.get_color(), line.get_ydata())
    for factor in factors:
        drawn = np.asarray(lines[FACTOR_COLORS[factor]], float)
        np.testing.assert_allclose(drawn, shares[factor])
    styles = {line.get_color(): line.get_linestyle() for line in reversed(axis.lines)}
    assert all(styles[FACTOR_COLORS[part]] != "-" for part in PARTS if part in factors)


def pair_panels(figure: Figure, name: str) -> list[Axes]:
    return [axis for axis in figure.axes if axis.get_label() == name]


def test_pairs_are_percentages_and_uncertain_ones_gray_and_without_color() -> None:
    data = totals()
    data["S2_ci"].loc[{"factor": "class"}] = 1.0  # rows of the lower triangle
    figure = pair_maps(data, title="t")
    (panel, *others) = pair_panels(figure, "with content")
    assert len(others) == len(LAYERS) - 1
    numbers = cells(panel)
    assert {written for written, _ in numbers.values()} == {"2.0"}
    gray = {place for place, (_, color) in numbers.items() if color == "0.6"}
    assert gray == {(2, k) for k in range(5)}  # content, partition, class: before it
    drawn = np.ma.filled(np.ma.asarray(panel.images[0].get_array()), np.nan)
    assert {place for place in numbers if drawn[place] == 0} == gray
    assert "probabilities" in texts(figure)


def test_pairs_stand_once_and_never_within_content() -> None:
    data = totals()
    inside = ["content", *PARTS]
    data["S2"].loc[{"factor": inside, "factor_2": inside}] = np.nan
    figure = pair_maps(data, title="t")
    inner, outer = (cells(pair_panels(figure, name)[0]) for name in PAIR_BLOCKS)
    assert set(inner) == {(0, 0), (1, 0), (1, 1)}  # rolling and order, against hue and rolling
    assert set(outer) == {(row, column) for row in range(4) for column in range(3)}


def test_the_largest_pairs_have_names_in_order() -> None:
    data = totals()
    pairs = {("hue", "rolling"): -0.3, ("rolling", "image"): 0.2, ("hue", "content"): 0.9}
    pairs |= {("order", "class"): 0.6}
    for (one, other), value in pairs.items():
        for both in ((one, other), (other, one)):
            data["S2"].loc[{"factor": both[0], "factor_2": both[1], "layer": LAYERS[1]}] = value
    data["S2_ci"].loc[{"factor": ["class", "order"], "factor_2": ["class", "order"]}] = 1.0
    listed = pair_maps(data, title="t").axes[0]
    names = [label.get_text() for label in listed.get_yticklabels()]
    assert names[:2] == ["hue x rolling", "rolling x image"]  # content is told by its parts
    assert "order x class" not in names  # not told from zero
    assert len(names) == 10
    written = cells(listed)
    assert [written[0, k][0] for k in range(3)] == ["2.0", "-30.0", "2.0"]


def test_a_page_has_every_map_in_its_place_and_names_its_channel() -> None:
    units, channels = dataset(channel=3, row=4, col=4), dataset(channel=3)
    channels["variance"][:] = [1, 3, 2]
    units["ST"][:] = np.random.default_rng(0).uniform(-0.2, 1.2, units["ST"].shape)
    figure = layer_maps(units, channels, title="t", shown=2)
    assert len(figure.findobj(AxesImage)) == len(INDICES)  # a picture per index
    block = figure.axes[1]  # total indices
    picture = np.asarray(block.images[0].get_array())
    high, wide = picture.shape[0] / len(FACTORS), picture.shape[1] / 2
    assert tuple(block.images[0].get_extent()) == (0, picture.shape[1], picture.shape[0], 0)
    assert len(block.texts) == 2 * len(FACTORS)
    for text in block.texts:
        x, y = text.get_position()
        row, column = round(y / high), int(x / wide)
        assert text.get_text() == ("1", "2")[column]  # by variance
        plane = units["ST"][-1 - row, int(text.get_text())].to_numpy()  # the largest above
        step = (x - column * wide) / 2  # pixels of a unit: the number stands above the middle
        places = (np.arange(4) * step + step / 2).astype(int)
        shown = picture[np.ix_(round(row * high) + places, round(column * wide) + places)]
        np.testing.assert_array_equal(shown, COLORS(LIMITS(plane), bytes=True))
    assert (LIMITS.vmin, LIMITS.vmax) == (0, 1)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == LABELS[::-1]
    assert "clipped to [0, 1] in this picture only" in texts(figure)


def test_factors_that_a_layer_hardly_feels_have_one_line_together() -> None:
    units, channels = dataset(channel=2, row=3, col=3), dataset(channel=2)
    channels["variance"][:] = [1, 3]
    for name in INDICES:
        channels[name].loc[{"factor": "hue"}] = [0.02, 0.006]  # 0.0095, weighted
        channels[name].loc[{"factor": "order"}] = [0.02, 0.007]  # 0.01025
        channels[name].loc[{"factor": "class"}] = 0.9 if name == "S1" else 0.0
    figure = layer_maps(units, channels, title="t", shown=2)
    rows = [label.get_text().split(" ")[0] for label in figure.axes[0].get_yticklabels()]
    assert rows == ["class", "image", "partition", "content", "rolling", "order"]
    assert "not shown, as under 0.01 of its variance: hue." in texts(figure)
    assert "not shown" not in texts(layer_maps(units, dataset(channel=2), title="t", shown=2))


@pytest.mark.parametrize(("high", "wide"), [(3, 5), (200, 120), (1, 1)])
def test_maps_of_any_shape_stand_in_the_middle_of_equal_squares(high: int, wide: int) -> None:
    planes = np.full((2, 3, high, wide), 0.25, np.float32)
    planes[1, 2] = np.nan
    rare = np.zeros(planes.shape, dtype=bool)
    rare[1, 1] = True
    maps = Mosaic(planes, rare, gap=(0.5, 0.1))
    picture, (down, right) = maps.picture(), maps.pitch
    assert picture.shape == (2 * down, 3 * right, 4)
    assert (down, right) == (round(1.5 * maps.side), maps.side + round(0.1 * maps.side))
    own = [
        picture[row * down : (row + 1) * down, column * right : (column + 1) * right]
        for row, column in np.ndindex(2, 3)
    ]
    ink = [(tile[..., :3] != 255).any(axis=2) for tile in own]
    assert [int(one.sum()) for one in ink] == [high * wide * maps.magnified**2] * 6
    rows, columns = (np.flatnonzero(ink[0].any(axis=axis)) for axis in (1, 0))
    for places in (rows, columns):
        assert abs(places[0] + places[-1] + 1 - maps.side) <= 1
    np.testing.assert_array_equal(own[0][rows[0], columns[0]], COLORS(LIMITS(0.25), bytes=True))
    np.testing.assert_array_equal(own[5][rows[0], columns[0], :3], 178)  # undefined is gray
    assert to_hex(own[4][rows[0], columns[0], :3] / 255) == FLAGS["rare"].lower()


def test_dead_units_are_counted_and_break_nothing() -> None:
    units, channels = dataset(channel=2, row=3, col=3), dataset(channel=2)
    units["dead"][0, 0, 0] = True
    for name in INDICES:
        units[name][:, 0, 0, 0] = np.nan
        channels[name][:, 0] = np.nan
    figure = layer_maps(units, channels, title="t", shown=2)
    assert "Gray: dead units, pale blue: rare units (1 dead, 0 rare of 18)" in texts(figure)


def test_pages_of_values_without_intervals_say_so() -> None:
    units, channels = dataset(channel=2, row=3, col=3), dataset(channel=2)
    text = texts(layer_maps(units, channels, title="t", shown=2))
    assert "S1: alone  (median half-width 0.02)" in text
    for name in INDICES:
        units[f"{name}_ci"][:] = np.nan
    text = texts(layer_maps(units, channels, title="t", shown=2))
    assert text.count("(without intervals)") == 3
    assert "nan" not in text


def test_rare_units_are_counted_colored_and_never_first() -> None:
    units, channels = dataset(channel=2, row=3, col=3), dataset(channel=2)
    units["rare"][1] = True
    channels["rare"][1] = True
    channels["variance"][:] = [1, 2]
    figure = layer_maps(units, channels, title="t", shown=2)
    assert "(0 dead, 9 rare of 18)" in texts(figure)
    block = figure.axes[0]
    assert [text.get_text() for text in block.texts[:2]] == ["0", "1"]
    picture = np.asarray(block.images[0].get_array())
    blue = np.array([169, 193, 220])
    assert (picture[..., :3] == blue).all(axis=-1).any()
    bars = channel_bars({"features.2": channels}, title="t", shown=2)
    assert bars is not None
    assert "Left out: 0 dead, 1 rare of 2" in texts(bars)
    assert [text for text, _ in cells(bars.axes[0]).values()] == ["0"]
    (drawn,) = bars.axes[0].collections[0].get_paths()
    assert np.isfinite(drawn.vertices).all()


def test_rare_units_of_a_vector_come_last() -> None:
    units = dataset(unit=5)
    units["variance"][:] = [1, 5, 2, 4, 3]
    units["rare"][1] = True
    figure = layer_maps(units, None, title="t", shown=3)
    first = {place: text for place, (text, _) in cells(figure.axes[0]).items() if place[0] < 1}
    assert [first[place] for place in sorted(first)] == ["3", "4", "2"]
    assert "Left out: 0 dead, 1 rare of 5 units" in texts(figure).replace("\n", " ")


def test_a_vector_of_rare_units_has_no_panels() -> None:
    units = dataset(unit=5)
    units["rare"][:] = True
    figure = layer_maps(units, None, title="t", shown=3)
    assert not figure.axes
    assert "All units are left out: 0 dead, 5 rare of 5. More base points" in texts(figure)


@pytest.mark.parametrize("left", [1, 2])
def test_rare_units_of_a_vector_have_no_bars(left: int) -> None:
    units = dataset(unit=5)
    units["rare"][left:] = True
    figure = layer_maps(units, None, title="t", shown=3)
    assert {text for text, _ in cells(figure.axes[0]).values()} == {"0", "1", "2"} - {
        str(k) for k in range(left, 3)
    }
    assert f"Each row shows the {left} units" in texts(figure)


def test_vector_layers_become_bars() -> None:
    units = dataset(unit=5)
    units["variance"][:] = [1, 5, 2, 4, 3]
    figure = layer_maps(units, None, title="t", shown=3)
    assert len(figure.axes) == len(INDICES)
    first = {place: text for place, (text, _) in cells(figure.axes[0]).items() if place[0] < 1}
    assert [first[place] for place in sorted(first)] == ["1", "3", "4"]
    rows = [text.get_text() for text in figure.axes[0].texts]
    assert rows == LABELS
    assert "Left out: 0 dead, 0 rare of 5 units" in texts(figure).replace("\n", " ")


def test_channel_bars_show_augmentations_only() -> None:
    figure = channel_bars({"features.2": dataset(channel=4)}, title="t", shown=3)
    assert figure is not None
    assert [axis.get_title() for axis in figure.axes] == ["hue", "rolling"]
    ticks = figure.axes[0].get_yticks()
    values = [float(label.get_text()) for label in figure.axes[0].get_yticklabels()]
    assert values == [0, 0.1]
    bars, intervals = figure.axes[1].collections[:2]
    ends = np.array([path.vertices[[0, 1], 1] for path in bars.get_paths()])
    heights = np.interp(-ends, -ticks, values)
    np.testing.assert_allclose(heights, [[0, 0.1]] * 3)
    assert all(to_hex(color) == FACTOR_COLORS["rolling"].lower() for color in bars.get_facecolor())
    spans = np.array([line[:, 1] for line in intervals.get_segments()[::3]])
    unit = (ticks[0] - ticks[1]) / 0.1  # rows of a share of 1
    np.testing.assert_allclose(np.diff(spans) / unit, -0.02 * np.ones((3, 1)), rtol=1e-6)
    assert channel_bars({}, title="t", shown=3) is None


def test_contrast_bars_draw_every_layer_and_augmentation() -> None:
    rows = [
        {
            "layer": layer,
            "augmentation": augmentation,
            "images": 40,
            "mean_abs_rank_biserial": 0.3,
            "mean_abs_standardized_difference": 0.2,
            "significant_share": 0.9,
        }
        for layer in LAYERS[:2]
        for augmentation in FACTORS[:2]
    ]
    table = pd.DataFrame(rows)
    figure = contrast_bars(table, title="t")
    above = figure.axes[0]
    assert [line.get_marker() for line in above.lines] == [FACTOR_MARKERS[f] for f in FACTORS[:2]]
    assert [to_hex(line.get_color()) for line in above.lines] == [
        FACTOR_COLORS[factor].lower() for factor in FACTORS[:2]
    ]
    heights = np.array([line.get_ydata() for line in above.lines], float)
    np.testing.assert_allclose(heights, np.full((2, 2), 0.3))
    text = texts(figure)
    assert "40 images" in text
    assert "rolling" in text
    assert "intervals" not in text
    known = {"mean_abs_standardized_difference_ci": 0.05, "significant_share_ci": 0.1}
    wide = contrast_bars(table.assign(**known, mean_abs_rank_biserial_by_chance=0.07), title="t")
    assert "Lines: 95 % intervals over images. Gray: by chance" in texts(wide)
    for axis, value, half in zip(wide.axes, (0.3, 0.2, 0.9), (None, 0.05, 0.1), strict=True):
        bars = [one for one in axis.containers if isinstance(one, ErrorbarContainer)]
        ends = [path.vertices[:, 1] for one in bars for path in one.lines[2][0].get_paths()]
        expected = [] if half is None else [[value - half, value + half]] * 4
        np.testing.assert_allclose(ends, expected)
    lines = [path.vertices for one in wide.axes[0].collections for path in one.get_paths()]
    level = [one for one in lines if one[0, 1] == one[1, 1]]  # across the four marks
    np.testing.assert_allclose([one[:, 1] for one in level], [[0.07, 0.07]] * 4)
    middles = np.concatenate([line.get_xdata() for line in wide.axes[0].lines])
    np.testing.assert_allclose(sorted(one[:, 0].mean() for one in level), sorted(middles))
    np.testing.assert_allclose(sorted(middles), [-0.2, 0.2, 0.8, 1.2])


def test_factors_of_a_design_have_marks_of_their_own() -> None:
    context = list(CONTEXT_LINES)
    patches = [name for name in FACTOR_COLORS if name.startswith("patch")]
    usual = [name for name in FACTOR_COLORS if name not in patches]
    assert len({FACTOR_MARKERS[name] for name in usual}) == len(usual)
    assert not {FACTOR_MARKERS[n] for n in patches} & {FACTOR_MARKERS[n] for n in context}


def test_the_contact_sheet_shows_every_augmentation() -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    chosen = {"mild": {"brightness": {"factor": (0.61, 1.37)}}}
    text = texts(contact_sheet(image, chosen))
    own = ("brightness in mild", "0.61", "1.37")
    for word in ("elliptic_local_blur", "sharpness_const", "log_ratio", "2.5", *own):
        assert word in text


def test_files_do_not_differ_from_run_to_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(depth_profile(totals(), title="t"), tmp_path / f"{name}.png", dpi=50)
    first, second = ((tmp_path / f"{name}.png").read_bytes() for name in "ab")
    assert first == second


@pytest.mark.parametrize("vectors_only", [False, True])
def test_a_store_becomes_its_files(tmp_path: Path, vectors_only: bool) -> None:
    groups = {"": totals(), "probabilities": dataset(unit=4), "features.2": dataset(unit=6)}
    if not vectors_only:
        groups |= {
            "features.2": dataset(channel=3, row=2, col=2),
            "features.2/by_channel": dataset(channel=3),
        }
    write_results(tmp_path / "indices.zarr", groups, attributes={})
    outputs = {name: tmp_path / f"{name}.png" for name in ("profile", "pairs", "channels")}
    plot_indices(
        tmp_path / "indices.zarr",
        outputs | {"maps": tmp_path / "maps"},
        title="t",
        units=2,
        dpi=50,
    )
    assert all(path.stat().st_size > 1000 for path in outputs.values())
    made = {path.name for path in (tmp_path / "maps").iterdir()}
    assert made == {f"{name}.png" for name in ("features.2", "probabilities")}


def test_layers_of_any_name_have_maps_of_their_own(
    tmp_path: Path, drawn: dict[str, Figure]
) -> None:
    layers = ["1", "0.10", "Conv", "conv", "$x$", "\u732b"]
    every = [*layers, "network"]
    data = totals().isel(layer=[0] * len(every)).assign_coords(layer=every)
    write_results(
        tmp_path / "store", {"": data} | dict.fromkeys(layers, dataset(unit=2)), attributes={}
    )
    outputs = {name: tmp_path / f"{name}.png" for name in ("profile", "pairs", "channels")}
    plot_indices(
        tmp_path / "store", outputs | {"maps": tmp_path / "maps"}, title="t", units=2, dpi=50
    )
    made = {path.stem.lower() for path in (tmp_path / "maps").iterdir()}
    assert len(made) == len(layers)
    assert {"1", "0.10", "conv", "%24x%24", "%E7%8C%AB".lower()} <= made
    assert "t, \\$x\\$:" in texts(drawn["%24x%24"])
    assert {"0.10", "\\$x\\$", legible("\u732b")} <= set(words(drawn["profile"]))
