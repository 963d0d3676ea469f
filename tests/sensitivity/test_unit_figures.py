"""Maps of single channels and of whole layers show every value in its place, on its scale."""

import numpy as np
import pytest
import xarray as xr
from figure_texts import words
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.mosaic import COLORS, LIMITS
from actsense.sensitivity.figures.single_unit import PAIRS, channel_maps, channel_pairs
from actsense.sensitivity.figures.whole_layers import layer_page, moment_maps

FACTORS = {"one": ["hue", "order"], "two": ["rolling", "class", "partition"]}
INDICES = ("S1", "ST", "shapley")
ROWS = ["S1", "shapley", "ST", "shapley_ci"]


def units(factors: list[str], channels: int = 3, side: int = 2, seed: int = 0) -> xr.Dataset:
    """Return indices that are all different; one unit is dead, another rare."""
    rng, dims = np.random.default_rng(seed), ("channel", "row", "col")
    shape = (channels, side, side)
    data = {}
    for name in INDICES:
        data[name] = (("factor", *dims), rng.uniform(0.05, 0.95, (len(factors), *shape)))
        data[f"{name}_ci"] = (("factor", *dims), rng.uniform(0.05, 0.2, (len(factors), *shape)))
    pairs = (len(factors), len(factors), *shape)
    both = ("factor", "factor_2", *dims)
    half = rng.uniform(-0.1, 0.1, pairs)
    s2 = half + half.swapaxes(0, 1)
    s2[np.diag_indices(len(factors))] = np.nan
    data |= {"S2": (both, s2), "S2_ci": (both, np.abs(s2) / 4)}
    data |= {"mean": (dims, rng.normal(size=shape)), "variance": (dims, rng.uniform(1, 2, shape))}
    flags = np.zeros((2, *shape), dtype=bool)
    flags[0, -1, 0, 0] = flags[1, -1, -1, -1] = side > 1
    data |= {"dead": (dims, flags[0]), "rare": (dims, flags[1])}
    return xr.Dataset(data, coords={"factor": factors, "factor_2": factors})


def vector(factors: list[str], count: int) -> xr.Dataset:
    flat = units(factors, count, side=1)[["shapley", "dead", "rare"]].isel(row=0, col=0)
    return flat.rename(channel="unit")


def tile(axis: Axes, row: int, column: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the colors of a map of 2 x 2 units, (2, 2, 4), of a picture of so many maps."""
    picture = np.asarray(axis.images[0].get_array())
    high, wide = picture.shape[0] // shape[0], picture.shape[1] // shape[1]
    side = high / 1.08
    places = ((np.arange(2) + 0.5) * side / 2).astype(int)
    return picture[np.ix_(row * high + places, column * wide + places)]


def colors(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.asarray(COLORS(LIMITS(values), bytes=True))


def texts(figure: Figure) -> str:
    return "\n".join(words(figure))


def test_a_channel_stands_under_both_designs_side_by_side() -> None:
    designs = {name: units(factors, seed=len(name)) for name, factors in FACTORS.items()}
    designs["two"] = units(FACTORS["two"], seed=9).transpose("col", "row", ...)  # by name
    figure = channel_maps(designs, 1, title="t")
    for axis, (name, data) in zip(figure.axes, designs.items(), strict=False):
        ordered = data.transpose("factor", "channel", "row", "col", ...)
        shape = (len(ROWS), len(FACTORS[name]))
        for row, column in np.ndindex(shape):
            expected = colors(ordered[ROWS[row]][column, 1].to_numpy())
            np.testing.assert_array_equal(tile(axis, row, column, shape), expected)
        labels = [label.get_text() for label in axis.get_xticklabels()]
        assert labels == FACTORS[name]
        assert axis.get_xlabel() == f"design {name}"
    first, second = (axis.get_position() for axis in figure.axes[:2])
    assert first.x1 < second.x0
    assert first.y0 == second.y0
    assert "one: 0 dead, 0 rare of 4; two: 0 dead, 0 rare of 4" in texts(figure)


def test_designs_that_have_no_room_beside_stand_below() -> None:
    many = [f"factor {k}" for k in range(14)]
    figure = channel_maps({"a": units(many), "b": units(many)}, 0, title="t")
    first, second = (axis.get_position() for axis in figure.axes[:2])
    assert (first.x0, first.y0 > second.y1) == (second.x0, True)
    assert max(figure.get_size_inches()) < 14


@pytest.mark.parametrize("known", [True, False])
def test_values_without_intervals_lose_the_row_and_say_so(known: bool) -> None:
    data = units(FACTORS["one"])
    if not known:
        for name in ("shapley_ci", "S2_ci"):
            data[name] = data[name] * np.nan
    figure = channel_maps({"one": data}, 0, title="t")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == 3 + known
    assert ("Without intervals" in texts(figure)) == (not known)
    assert ("half-width" in texts(channel_pairs(data, 0, title="t"))) == known
    published = data.drop_vars([name for name in data if str(name).endswith("_ci")])
    assert "Without intervals" in texts(channel_maps({"one": published}, 0, title="t"))
    assert "Without intervals" in texts(channel_pairs(published, 0, title="t"))


def test_pairs_stand_below_the_diagonal_and_their_half_widths_above() -> None:
    data = units(FACTORS["two"], seed=3)
    figure = channel_pairs(data, 0, title="t")
    axis, bound = figure.axes[0], figure.axes[1].get_ylim()[1]
    assert np.isclose(bound, np.nanquantile(abs(data["S2"][:, :, 0]), 0.99))
    for row, column in np.ndindex(3, 3):
        name = "S2" if row > column else "S2_ci"
        values = data[name][row, column, 0].to_numpy()
        if row == column:
            values = values * np.nan
        scaled = (np.ma.masked_invalid(values).clip(-bound, bound) / bound + 1) / 2
        expected = PAIRS(scaled, bytes=True)
        drawn = tile(axis, row, column, (3, 3)).astype(int)
        assert abs(drawn - expected).max() <= 3, (row, column)


def test_dead_and_rare_units_keep_their_colors() -> None:
    axis = channel_maps({"one": units(FACTORS["one"])}, 2, title="t").axes[0]
    shown = tile(axis, 0, 0, (len(ROWS), 2))
    assert shown[0, 0, :3].tolist() == [178, 178, 178]
    assert shown[1, 1, :3].tolist() == [169, 193, 220]


def test_a_page_has_all_channels_row_by_row_in_a_block_per_factor() -> None:
    data = units(FACTORS["two"], channels=7)
    figure = layer_page(data, "ST", title="t")
    assert "all 7 channels" in texts(figure)
    assert "(1 dead, 1 rare of 28)" in texts(figure)
    for block, factor in zip(figure.axes, FACTORS["two"], strict=False):
        assert block.get_title(loc="left") == factor
        for channel in range(6):
            shown = tile(block, channel // 3, channel % 3, (3, 3))
            expected = colors(data["ST"].sel(factor=factor)[channel].to_numpy())
            np.testing.assert_array_equal(shown, expected)
        assert (tile(block, 2, 1, (3, 3)) == 255).all()  # behind the last one is nothing
        labels = [label.get_text() for label in block.get_yticklabels()]
        assert labels == ["0", "3", "6"]


def test_a_page_ends_with_the_most_and_takes_vectors() -> None:
    figure = layer_page(vector(FACTORS["one"], 30), "shapley", title="t", most=25)
    assert "the first 25 of 30 units" in texts(figure)
    picture = np.asarray(figure.axes[0].images[0].get_array())
    values = vector(FACTORS["one"], 30)["shapley"][0].to_numpy()
    step = picture.shape[0] // 5
    shown = picture[step // 2 :: step, step // 2 :: step].reshape(25, 4)
    np.testing.assert_array_equal(shown, colors(values[:25]))


def test_moments_are_of_the_strongest_channels_on_one_scale() -> None:
    data = units(FACTORS["one"], channels=4)
    data["variance"][:] = np.array([1.0, 4.0, 9.0, 2.0])[:, None, None]
    data["mean"][2] = [[3.0, -1.0], [0.0, 2.0]]
    data["mean"][[0, 1, 3]] = 6.0
    figure = moment_maps({"a": data, "b": data.assign(mean=-data["mean"])}, title="t", shown=2)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["channel 1", "channel 2"]
    mean, ratio = figure.axes[0], figure.axes[4]
    # Deviation 3 over 3, 1, nothing and 2: the darkest is the least, and 0 has no ratio.
    shown = tile(ratio, 1, 0, (2, 2)).astype(int)
    brightness = shown[..., :3].sum(axis=-1)
    assert brightness[0, 1] > brightness[1, 1] > brightness[0, 0]
    assert shown[1, 0, :3].tolist() == [178, 178, 178]
    np.testing.assert_array_equal(tile(ratio, 1, 0, (2, 2)), tile(ratio, 1, 1, (2, 2)))
    ratios = np.array([[1.0, 3.0], [np.nan, 1.5]])  # of channel 2; of channel 1 they are 2 / 6
    highest = np.nanquantile(2 * [*ratios.ravel(), *4 * [1 / 3]], 0.98)  # two designs
    assert np.isclose(figure.axes[5].get_ylim()[1], highest)  # the end of its scale
    root = np.sqrt(ratios / highest).clip(max=1)
    expected = COLORS(np.ma.masked_invalid(root), bytes=True)
    assert abs(shown - expected).max() <= 2
    red, blue = (tile(mean, 0, design, (2, 2))[0, 0].astype(int) for design in (0, 1))
    assert red[0] > red[2]
    assert blue[0] < blue[2]
    assert "deviation / |mean|" in texts(figure)
    wanted = moment_maps({"a": data}, title="t", shown=2, channel=0).axes[0].get_yticklabels()
    assert [label.get_text() for label in wanted] == ["channel 0", "channel 2"]
