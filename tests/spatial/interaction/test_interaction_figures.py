"""Figures of interaction show the table over sizes, and the drops of every image."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_hex

from actsense.drawing.lines import network_styles
from actsense.drawing.style import save
from actsense.spatial.interaction.figures import (
    METRICS,
    interaction_curves,
    interaction_scatter,
    plot_interaction,
)
from actsense.store import write_results

NETWORKS, SIZES = ("net", "bag"), (4, 8, 16)


def table() -> pd.DataFrame:
    rows = [
        {"network": network, "size": size, "gap": size, "patches": 64 // size, "images": 30}
        for network, size in product(NETWORKS, SIZES)
    ]
    made = pd.DataFrame(rows)
    for number, metric in enumerate(METRICS):
        made[metric] = np.linspace(0.2, 0.9 - 0.1 * number, len(made))
        made[f"{metric}_low"] = made[metric] - 0.04
        made[f"{metric}_high"] = made[metric] + 0.02
    return made


def drops(sizes: tuple[int, ...] = SIZES, seed: int = 0) -> xr.Dataset:
    values = np.random.default_rng(seed).normal(size=(2, len(sizes), 30)) * 5
    return xr.Dataset(
        {"together": (("size", "image"), values[0]), "apart": (("size", "image"), values[1])},
        coords={"size": list(sizes), "patches": ("size", [64 // size for size in sizes])},
    )


def measured() -> dict[str, xr.Dataset]:
    return {name: drops(seed=number) for number, name in enumerate(NETWORKS)}


@pytest.mark.parametrize(("panel", "metric"), [*enumerate(METRICS)])
def test_lines_are_the_metrics_of_the_table(panel: int, metric: str) -> None:
    made = table()
    axis = interaction_curves(made, title="t").axes[panel]
    assert [str(line.get_label()) for line in axis.containers] == list(NETWORKS)
    for line, network in zip(axis.containers, NETWORKS, strict=True):
        own = made[made["network"] == network]
        places, values = np.asarray(line.lines[0].get_xydata(), float).T
        np.testing.assert_allclose(values, own[metric])
        np.testing.assert_allclose(places, np.log2(SIZES), atol=0.2)
        ends = [segment[:, 1] for segment in line.lines[2][0].get_segments()]
        np.testing.assert_allclose(ends, own[[f"{metric}_low", f"{metric}_high"]])
    additive = axis.lines[0].get_ydata()[0]
    assert additive == (0 if metric == "residual" else 1)


def test_what_is_undefined_has_no_mark() -> None:
    made = table()
    made.loc[1, ["correlation", "correlation_low", "correlation_high"]] = np.nan
    line = interaction_curves(made, title="t").axes[0].containers[0]
    values = np.asarray(line.lines[0].get_ydata(), float)
    np.testing.assert_array_equal(np.isnan(values), [False, True, False])


def test_marks_are_the_drops_of_images() -> None:
    data = measured()
    axes = np.reshape(interaction_scatter(table(), data, title="t").axes, (2, 3))
    for (row, network), (column, size) in product(enumerate(NETWORKS), enumerate(SIZES)):
        one = data[network].sel(size=size)
        places = np.asarray(axes[row, column].collections[0].get_offsets())
        np.testing.assert_allclose(places, np.stack([one["apart"], one["together"]], axis=1))
        color = axes[row, column].collections[0].get_facecolor()[0, :3]
        assert to_hex(color) == network_styles(NETWORKS)[network]["color"].lower()


def test_a_panel_holds_all_its_drops_at_one_scale() -> None:
    data = measured()
    axes = np.reshape(interaction_scatter(table(), data, title="t").axes, (2, 3))
    for row, one in zip(axes, data.values(), strict=True):
        for axis, size in zip(row, SIZES, strict=True):
            assert axis.get_xlim() == axis.get_ylim()
            values = one.sel(size=size)[["apart", "together"]].to_array()
            assert axis.get_xlim()[0] < values.min() < values.max() < axis.get_xlim()[1]


def test_correlations_of_the_table_stand_above_the_panels() -> None:
    made = table()
    made.loc[0, "correlation"] = np.nan
    figure = interaction_scatter(made, measured(), title="t")
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles[0] == "4 px, 16 patches: r = undefined"
    assert titles[5] == "16 px, 4 patches: r = 0.90"


def test_a_size_that_one_network_lacks_stays_empty() -> None:
    data = {"net": drops(), "bag": drops((8,))}
    made = table()
    made = made[(made["network"] == "net") | (made["size"] == 8)]
    axes = interaction_scatter(made, data, title="t").axes
    assert [axis.axison for axis in axes] == [True] * 3 + [False, True, False]
    line = interaction_curves(made, title="t").axes[0].containers[1]
    assert len(line.lines[0].get_xdata()) == 1


def test_one_network_becomes_its_files_from_table_and_store(tmp_path: Path) -> None:
    made, data = table(), measured()
    made = made[made["network"] == "net"]
    path, store, expected = (tmp_path / name for name in ("i.csv", "net.zarr", "expected.png"))
    made.to_csv(path, index=False)
    write_results(store, {"": data["net"]}, attributes={})
    outputs = {name: tmp_path / f"{name}.png" for name in ("curves", "patches")}
    plot_interaction(path, {"net": store}, outputs, title="t", dpi=50)
    for output, figure in zip(
        outputs.values(),
        (
            interaction_curves(made, title="t"),
            interaction_scatter(made, {"net": data["net"]}, title="t"),
        ),
        strict=True,
    ):
        save(figure, expected, dpi=50)
        assert output.read_bytes() == expected.read_bytes()
