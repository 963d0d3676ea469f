"""Figures show what the stores hold, at the limits they claim."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from figure_texts import cells, words
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from actsense.figures.augmentations import contact_sheet
from actsense.figures.bars import channel_bars
from actsense.figures.contrasts import contrast_bars
from actsense.figures.maps import layer_maps
from actsense.figures.mosaic import COLORS, LIMITS, Mosaic
from actsense.figures.pages import plot_indices
from actsense.figures.profiles import depth_profile, pair_maps
from actsense.figures.style import FACTOR_COLORS, save
from actsense.store import write_results

FACTORS = ["hue", "rolling", "order", "class", "image", "partition"]
LAYERS = ["features.2", "probabilities", "network"]
INDICES = ("S1", "ST", "shapley")


def dataset(**dimensions: int) -> xr.Dataset:
    """Return indices with a different known value for every factor."""
    shape = tuple(dimensions.values())
    share = np.linspace(0.05, 0.3, len(FACTORS)).reshape(-1, *[1] * len(shape))
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
    data["dead"] = (tuple(dimensions), np.zeros(shape, dtype=bool))
    return xr.Dataset(data, coords={"factor": FACTORS, "factor_2": FACTORS})


def totals() -> xr.Dataset:
    data = dataset(layer=len(LAYERS)).drop_vars("dead")
    counts = {"units": ("layer", [48, 10, 58]), "dead_units": ("layer", [1, 0, 1])}
    return data.assign(counts).assign_coords(layer=LAYERS)


def texts(figure: Figure) -> str:
    return "\n".join(words(figure))


def test_the_depth_profile_names_every_layer_factor_and_index() -> None:
    text = texts(depth_profile(totals(), title="small, color"))
    for word in (*LAYERS, *FACTORS, "S1: alone", "ST: with", "Shapley", "95 % intervals"):
        assert word in text


def test_the_depth_profile_draws_the_values_it_was_given() -> None:
    axis = depth_profile(totals(), title="t").axes[0]
    lines: dict[object, object] = {}
    for line in axis.lines:  # the first line of a color is the factor's, caps of its bars follow
        lines.setdefault(line.get_color(), line.get_ydata())
    for factor, share in zip(FACTORS, np.linspace(0.05, 0.3, len(FACTORS)), strict=True):
        np.testing.assert_allclose(np.asarray(lines[FACTOR_COLORS[factor]], float), share)


def test_pairs_are_percentages_and_uncertain_ones_gray() -> None:
    data = totals()
    data["S2_ci"].loc[{"factor": "hue"}] = 1.0
    figure = pair_maps(data, title="t")
    numbers = cells(figure.axes[0]).values()
    assert {written for written, _ in numbers} == {"2.0"}
    gray = [color for _, color in numbers if color == "0.6"]
    assert len(gray) == len(FACTORS) - 1
    assert "probabilities" in texts(figure)


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
        plane = units["ST"][row, int(text.get_text())].to_numpy()
        step = (x - column * wide) / 2  # pixels of a unit: the number stands above the middle
        places = (np.arange(4) * step + step / 2).astype(int)
        shown = picture[np.ix_(round(row * high) + places, round(column * wide) + places)]
        np.testing.assert_array_equal(shown, COLORS(LIMITS(plane), bytes=True))
    assert (LIMITS.vmin, LIMITS.vmax) == (0, 1)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == FACTORS
    assert "clipped to [0, 1] in this picture only" in texts(figure)


@pytest.mark.parametrize(("high", "wide"), [(3, 5), (200, 120), (1, 1)])
def test_maps_of_any_shape_stand_in_the_middle_of_equal_squares(high: int, wide: int) -> None:
    planes = np.full((2, 3, high, wide), 0.25, np.float32)
    planes[1, 2] = np.nan
    maps = Mosaic(planes, gap=(0.5, 0.1))
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


def test_dead_units_are_counted_and_break_nothing() -> None:
    units, channels = dataset(channel=2, row=3, col=3), dataset(channel=2)
    units["dead"][0, 0, 0] = True
    for name in INDICES:
        units[name][:, 0, 0, 0] = np.nan
        channels[name][:, 0] = np.nan
    figure = layer_maps(units, channels, title="t", shown=2)
    assert "dead units (1 of 18)" in texts(figure)


def test_vector_layers_become_bars() -> None:
    units = dataset(unit=5)
    units["variance"][:] = [1, 5, 2, 4, 3]
    figure = layer_maps(units, None, title="t", shown=3)
    assert len(figure.axes) == len(INDICES)
    first = {place: text for place, (text, _) in cells(figure.axes[0]).items() if place[0] < 1}
    assert [first[place] for place in sorted(first)] == ["1", "3", "4"]
    rows = [text.get_text() for text in figure.axes[0].texts]
    assert rows == FACTORS
    assert "Dead units: 0 of 5" in texts(figure).replace("\n", " ")


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
    figure = contrast_bars(pd.DataFrame(rows), title="t")
    assert len(figure.axes[0].patches) == 4
    text = texts(figure)
    assert "40 images" in text
    assert "rolling" in text


def test_the_contact_sheet_shows_every_augmentation() -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    text = texts(contact_sheet(image))
    for word in ("elliptic_local_blur", "sharpness_const", "log_ratio", "2.5"):
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
