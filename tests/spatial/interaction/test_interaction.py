"""Effects of edits, against networks that add up by construction and against a plain loop."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from scipy import stats
from spatial_study import CLASSES, convolutions, noise, subject
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.networks.bag import BagNetwork
from actsense.networks.subject import Subject
from actsense.spatial.interaction.evaluate import evaluate_interaction
from actsense.spatial.interaction.plan import count_passes, edited_patches, usable_sizes
from actsense.spatial.interaction.settings import Interaction
from actsense.spatial.interaction.tables import compare_interactions
from actsense.store import write_results

SIDE, IMAGES = 32, 24
FIELD = 9  # receptive field of the bag, pixels


def bag() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return BagNetwork(CLASSES, receptive_field=FIELD)


def linear() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, CLASSES))


class Product(nn.Module):
    """The first logit multiplies how much the four quarters vary; the others are zero."""

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        quarters = images.unflatten(2, (2, -1)).unflatten(4, (2, -1))
        product = quarters.var(dim=(1, 3, 5)).flatten(1).prod(dim=1)
        return nn.functional.pad(product[:, None], (0, CLASSES - 1))


def opened(module: nn.Module | None = None, *, batch_size: int = 64, side: int = SIDE) -> Subject:
    module = convolutions(side=side) if module is None else module
    return subject(module, noise(IMAGES, side=side), batch_size=batch_size)


def evaluated(own: Subject, *sizes: int) -> xr.Dataset:
    return evaluate_interaction(own, Interaction(images=IMAGES, sizes=sizes), seed=0)[""]


def correlation(data: xr.Dataset) -> float:
    (together,), (apart,) = data["together"].to_numpy(), data["apart"].to_numpy()
    return float(np.corrcoef(together, apart)[0, 1])


def compared(folder: Path, *datasets: xr.Dataset, bootstrap: int = 200) -> pd.DataFrame:
    stores = {}
    for number, data in enumerate(datasets):
        stores[f"net{number}"] = folder / f"{number}.zarr"
        write_results(stores[f"net{number}"], {"": data}, attributes={})
    return compare_interactions(stores, bootstrap=bootstrap, seed=0)["interaction"]


def effects(together: np.ndarray, apart: np.ndarray) -> xr.Dataset:
    """Return results of one size with these effects."""
    data = {
        "together": (("size", "image"), together[None]),
        "apart": (("size", "image"), apart[None]),
    }
    return xr.Dataset(data, {"size": [4], "gap": ("size", [4]), "patches": ("size", [16])})


@pytest.mark.parametrize(
    ("side", "size"), [(32, 4), (32, 5), (33, 4), (30, 10), (224, 32), (7, 1)]
)
def test_edited_patches_are_whole_apart_and_cover_about_a_quarter(side: int, size: int) -> None:
    corners = np.array(edited_patches(side, size))
    assert corners.min() >= 0
    assert corners.max() + size <= side
    distance = abs(corners[:, None] - corners).max(axis=2)
    assert distance[distance > 0].min() == 2 * size
    whole = side // size * size
    assert len(corners) * size**2 >= whole**2 / 4
    assert len(corners) * size**2 <= (whole + size) ** 2 / 4


def test_what_is_left_over_surrounds_the_patches() -> None:
    assert edited_patches(13, 4) == [(0, 0), (0, 8), (8, 0), (8, 8)]
    assert edited_patches(15, 4) == [(1, 1), (1, 9), (9, 1), (9, 9)]


@pytest.mark.parametrize("size", [3, 4, 5, 7, 10])
def test_effects_are_those_of_edits_one_by_one(size: int) -> None:
    own = opened()
    data = evaluated(own, size)
    corners = edited_patches(SIDE, size)
    for image in range(4):
        intact = own.read(data["row"].to_numpy()[[image]])[0]
        versions = [intact.clone() for _ in range(len(corners) + 1)]
        for number, (row, column) in enumerate(corners):
            for channel in range(3):
                place = (channel, slice(row, row + size), slice(column, column + size))
                for version in (versions[number], versions[-1]):
                    version[place] = intact[place].mean()
        logits = torch.stack([own.logits(x[None])[0] for x in (intact, *versions)]).double()
        drops = (logits[0] - logits[1:])[:, logits[0].argmax()]
        found = data.isel(size=0, image=image)
        assert float(found["together"]) == pytest.approx(float(drops[-1]), rel=1e-5, abs=1e-5)
        assert float(found["apart"]) == pytest.approx(float(drops[:-1].sum()), rel=1e-5, abs=1e-4)
        assert bool(found["right"]) == (int(logits[0].argmax()) == int(found["label"]))


@pytest.mark.parametrize("size", [FIELD, 10])
def test_edits_further_apart_than_a_receptive_field_add_up(size: int) -> None:
    data = evaluated(opened(bag()), size)
    spread = float(data["apart"].std())
    np.testing.assert_allclose(data["together"], data["apart"], rtol=0, atol=1e-4 * spread)
    assert correlation(data) == pytest.approx(1, abs=1e-7)


def test_edits_that_share_a_receptive_field_do_not_add_up() -> None:
    data = evaluated(opened(bag()), 4)
    gap = abs(data["together"] - data["apart"])
    assert float(gap.min()) > 1e-4 * float(data["apart"].std())


def test_edits_of_a_linear_network_add_up_at_all_sizes() -> None:
    data = evaluated(opened(linear()), 2, 4, 7, 10)
    np.testing.assert_allclose(data["together"], data["apart"], rtol=0, atol=1e-4)
    assert float(data["apart"].std("image").min()) > 1e-2


def test_parts_that_multiply_do_not_add_up() -> None:
    data = evaluated(opened(Product()), 10)
    assert correlation(data) < 0.99
    assert float(abs(data["together"] - data["apart"]).mean()) > 0.1 * float(data["apart"].std())


@pytest.mark.parametrize("batch_size", [1, 7, 500])
def test_batches_move_effects_by_roundings_alone(batch_size: int) -> None:
    usual, other = (evaluated(opened(batch_size=n), 4, 8) for n in (64, batch_size))
    xr.testing.assert_allclose(usual, other, rtol=1e-5, atol=1e-4)
    xr.testing.assert_identical(usual.coords.to_dataset(), other.coords.to_dataset())


@pytest.mark.parametrize("side", [16, 30])
def test_passes_are_counted_before_they_are_made(side: int) -> None:
    own, shown = opened(side=side), []
    own.network.module.register_forward_pre_hook(lambda _, inputs: shown.append(len(inputs[0])))
    own.label  # noqa: B018 - it looks at two images to learn the number of outputs
    shown.clear()
    evaluated(own, 2, 4, 5, 8)
    assert sum(shown) == IMAGES * count_passes(side, [2, 4, 5, 8])


def test_sizes_with_a_single_edit_are_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    data = evaluated(opened(), 4, 8, 16, 32)
    np.testing.assert_array_equal(data["size"], usable_sizes(SIDE, [4, 8, 16, 32]))
    np.testing.assert_array_equal(data["size"], [4, 8])
    np.testing.assert_array_equal(data["patches"], [16, 4])
    assert "patches of 16 pixels are left out" in caplog.text
    assert "patches of 8 pixels" not in caplog.text


def test_sizes_that_all_are_too_large_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"sizes: \[11, 32\] leave .* size of at most 10\."):
        evaluated(opened(), 11, 32)
    evaluated(opened(), 10)


def test_logits_that_are_not_finite_are_refused() -> None:
    module = linear()
    module[1].weight.data.fill_(torch.inf)
    with pytest.raises(ConfigError, match="logits of net are not finite"):
        evaluated(opened(module), 8)


def test_effects_that_add_up_correlate_fully_with_slope_one_and_no_residual(
    tmp_path: Path,
) -> None:
    apart = np.random.default_rng(0).normal(size=IMAGES)
    table = compared(tmp_path, effects(apart, apart)).iloc[0]
    for end in ("", "_low", "_high"):
        assert table[f"correlation{end}"] == pytest.approx(1)
        assert table[f"slope{end}"] == pytest.approx(1)
        assert table[f"residual{end}"] == 0


def test_correlation_and_slope_are_those_of_scipy(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    apart = 5 + generator.normal(size=IMAGES)
    together = 0.6 * apart + generator.normal(size=IMAGES)
    table = compared(tmp_path, effects(together, apart)).iloc[0]
    line = stats.linregress(apart, together)
    assert table["correlation"] == pytest.approx(line.rvalue)
    assert table["slope"] == pytest.approx(line.slope)
    residual = abs(together - apart).sum() / (abs(together) + abs(apart)).sum()
    assert table["residual"] == pytest.approx(residual)


def test_intervals_are_those_of_normal_samples(tmp_path: Path) -> None:
    """Fisher: atanh of a correlation has variance 1 / (images - 3)."""
    images, rho = 400, 0.6
    generator = np.random.default_rng(0)
    apart, other = generator.normal(size=(2, images))
    together = rho * apart + np.sqrt(1 - rho**2) * other
    table = compared(tmp_path, effects(together, apart), bootstrap=4000).iloc[0]
    width = np.arctanh(table["correlation_high"]) - np.arctanh(table["correlation_low"])
    assert width == pytest.approx(2 * 1.96 / np.sqrt(images - 3), rel=0.1)
    assert table["slope_low"] < table["slope"] < table["slope_high"]
    assert table["residual_low"] < table["residual"] < table["residual_high"]


def test_the_residual_is_one_where_effects_vanish_together(tmp_path: Path) -> None:
    apart = np.random.default_rng(0).normal(size=IMAGES)
    table = compared(tmp_path, effects(0 * apart, apart), effects(-2 * apart, apart))
    np.testing.assert_allclose(table["residual"], 1)


def test_undefined_numbers_are_empty(tmp_path: Path) -> None:
    values, same = np.random.default_rng(0).normal(size=IMAGES), np.full(IMAGES, 0.1)
    table = compared(
        tmp_path, effects(values, same), effects(same, values), effects(0 * same, 0 * same)
    )
    ends = ("", "_low", "_high")
    assert table[[f"correlation{end}" for end in ends]].isna().all(axis=None)
    np.testing.assert_array_equal(table[[f"slope{end}" for end in ends]].isna()[::2], True)
    np.testing.assert_allclose(table["slope"][1], 0, atol=1e-12)
    np.testing.assert_array_equal(table["residual"].isna(), [False, False, True])


def test_networks_are_compared_on_the_same_resamples(tmp_path: Path) -> None:
    data = evaluated(opened(), 4, 8)
    table = compared(tmp_path, data, data.isel(size=[1]))
    assert list(table["network"]) == ["net0", "net0", "net1"]
    assert list(table["size"]) == list(table["gap"]) == [4, 8, 8]
    assert (table["images"] == IMAGES).all()
    names = [f"{name}{end}" for name in ("correlation", "slope") for end in ("_low", "_high")]
    np.testing.assert_array_equal(table.loc[1, names], table.loc[2, names])
    assert list(table.columns) == [
        *("network", "size", "gap", "patches", "images"),
        *("correlation", "correlation_low", "correlation_high"),
        *("slope", "slope_low", "slope_high"),
        *("residual", "residual_low", "residual_high"),
    ]
