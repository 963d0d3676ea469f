"""Figures show what the stores hold, at the limits they claim."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

from actsense.figures.augmentations import contact_sheet
from actsense.figures.contrasts import contrast_bars
from actsense.figures.maps import LIMITS, channel_bars, layer_maps
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


def texts(figure: Figure, folder: Path) -> str:
    save(figure, folder / "figure.png", dpi=50)
    assert (folder / "figure.png").stat().st_size > 1000
    return (folder / "figure.svg").read_text()


def test_the_depth_profile_names_every_layer_factor_and_index(tmp_path: Path) -> None:
    text = texts(depth_profile(totals(), title="small, color"), tmp_path)
    for word in (*LAYERS, *FACTORS, "S1: alone", "ST: with", "Shapley", "95 % intervals"):
        assert word in text


def test_the_depth_profile_draws_the_values_it_was_given() -> None:
    axis = depth_profile(totals(), title="t").axes[0]
    lines: dict[object, object] = {}
    for line in axis.lines:  # the first line of a color is the factor's, caps of its bars follow
        lines.setdefault(line.get_color(), line.get_ydata())
    for factor, share in zip(FACTORS, np.linspace(0.05, 0.3, len(FACTORS)), strict=True):
        np.testing.assert_allclose(np.asarray(lines[FACTOR_COLORS[factor]], float), share)


def test_pairs_are_percentages_and_uncertain_ones_gray(tmp_path: Path) -> None:
    data = totals()
    data["S2_ci"].loc[{"factor": "hue"}] = 1.0
    figure = pair_maps(data, title="t")
    cells = figure.axes[0].texts
    assert {cell.get_text() for cell in cells} == {"2.0"}
    gray = [cell for cell in cells if cell.get_color() == "0.6"]
    assert len(gray) == len(FACTORS) - 1
    assert "probabilities" in texts(figure, tmp_path)


def test_maps_share_fixed_limits_and_name_the_strongest_channels(tmp_path: Path) -> None:
    units, channels = dataset(channel=3, row=4, col=4), dataset(channel=3)
    channels["variance"][:] = [1, 3, 2]
    figure = layer_maps(units, channels, title="t", shown=2)
    blocks = figure.axes[:3]
    images = [image for block in blocks for image in block.images]
    assert len(images) == 3 * 2 * len(FACTORS)
    assert all(image.norm is LIMITS for image in images)
    assert (LIMITS.vmin, LIMITS.vmax) == (0, 1)
    assert {text.get_text() for block in blocks for text in block.texts} == {"1", "2"}
    extents = {tuple(image.get_extent()) for image in blocks[0].images}
    assert len(extents) == 2 * len(FACTORS)  # every map has its own place
    assert "clipped to [0, 1] in this picture only" in texts(figure, tmp_path)


def test_dead_units_are_counted_and_break_nothing(tmp_path: Path) -> None:
    units, channels = dataset(channel=2, row=3, col=3), dataset(channel=2)
    units["dead"][0, 0, 0] = True
    for name in INDICES:
        units[name][:, 0, 0, 0] = np.nan
        channels[name][:, 0] = np.nan
    figure = layer_maps(units, channels, title="t", shown=2)
    assert "dead units (1 of 18)" in texts(figure, tmp_path)


def test_vector_layers_become_bars(tmp_path: Path) -> None:
    units = dataset(unit=5)
    units["variance"][:] = [1, 5, 2, 4, 3]
    figure = layer_maps(units, None, title="t", shown=3)
    labels = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert labels == ["1", "3", "4"]
    assert "Dead units: 0 of 5" in texts(figure, tmp_path).replace("\n", " ")


def test_channel_bars_show_augmentations_only() -> None:
    figure = channel_bars({"features.2": dataset(channel=4)}, title="t", shown=3)
    assert figure is not None
    assert [axis.get_title() for axis in figure.axes] == ["hue", "rolling"]
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    np.testing.assert_allclose(heights, 0.1)
    assert channel_bars({}, title="t", shown=3) is None


def test_contrast_bars_draw_every_layer_and_augmentation(tmp_path: Path) -> None:
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
    text = texts(figure, tmp_path)
    assert "40 images" in text
    assert "rolling" in text


def test_the_contact_sheet_shows_every_augmentation(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    text = texts(contact_sheet(image), tmp_path)
    for word in ("elliptic_local_blur", "sharpness_const", "log_ratio", "2.5"):
        assert word in text


def test_files_do_not_differ_from_run_to_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(depth_profile(totals(), title="t"), tmp_path / f"{name}.png", dpi=50)
    for suffix in (".png", ".svg"):
        first, second = ((tmp_path / name).with_suffix(suffix).read_bytes() for name in "ab")
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
    assert all(path.exists() for path in outputs.values())
    made = {path.name for path in (tmp_path / "maps").iterdir()}
    assert made == {f"{n}.{e}" for n in ("features.2", "probabilities") for e in ("png", "svg")}
