"""Contrasts of partitions apart, and of draws that are not averaged."""

from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.stats import pearsonr, rankdata, wilcoxon

from actsense.layers import place_layers
from actsense.sensitivity.contrast import estimate_contrast, write_contrast
from actsense.sensitivity.contrast_statistics import (
    contrast_statistics,
    contrast_table,
)
from actsense.sensitivity.cuts import cut_contrast
from actsense.sensitivity.differences import Differences, Responses
from actsense.sensitivity.settings import Contrast
from actsense.sensitivity.top_images import TopImages
from actsense.store import Gathered
from tests.made.closed_responses import AUGMENTATIONS, build

IMAGES, DRAWS = 30, 3
ASKED = {"images": IMAGES, "draws": DRAWS}


def contrasts(sampling: Any, **how: Any) -> dict[str, xr.Dataset]:
    found = Gathered()
    estimate_contrast(sampling, found, **ASKED, **how)
    return found


@pytest.mark.parametrize("averaged", [True, False])
def test_each_partition_has_the_contrast_of_its_images_alone(averaged: bool) -> None:
    together = contrasts(build(), partitions="each", averaged=averaged)
    for number, name in enumerate(("train", "validation")):
        alone = contrasts(build(partition=number), averaged=averaged)
        for layer, data in together.items():
            assert data["p_adjusted"].dims[:2] == ("augmentation", "partition")
            one = data.sel(partition=name, drop=True).assign_attrs(
                images=data.attrs["images"][number]
            )
            assert one.identical(alone[layer])
    train, validation = (
        together["head"]["mean_difference"].sel(partition=p) for p in ("train", "validation")
    )
    assert not np.allclose(train, validation, equal_nan=True)


@pytest.mark.parametrize("how", [{"partitions": "each"}, {"averaged": False}])
def test_no_bit_depends_on_what_fits(how: dict[str, Any]) -> None:
    expected = contrasts(build(), **how)
    for sampling in (build(room=1), build(4)):
        for layer, data in contrasts(sampling, **how).items():
            assert data.identical(expected[layer])


def test_images_of_all_partitions_compete_for_units() -> None:
    def preferred(images: int, **how: Any) -> dict[str, xr.Dataset]:
        sampling, found = build(), Gathered()
        top = TopImages(sampling, found, images=images, draws=DRAWS, top_images=4, **how)
        estimate_contrast(sampling, Gathered(), images=images, draws=DRAWS, **how, top=top)
        return found

    pooled, apart = preferred(80), preferred(40, partitions="each")
    np.testing.assert_array_equal(pooled[""]["rows"], apart[""]["rows"])
    for layer in ("body", "head"):
        # Draws belong to places in a sample: without parameters, the same pictures were shown.
        for condition in ("original", "hflip"):
            one, other = (found[layer].sel(condition=condition) for found in (pooled, apart))
            assert one.identical(other)
    assert len(np.unique(apart["head"]["image"].to_numpy() % 2)) == 2


def rectified(images: int, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Untouched responses, (images, units), and those to draws, (images, DRAWS, units)."""
    generator = np.random.default_rng(7)
    x = np.maximum(generator.normal(size=(images, units)), 0)
    y = np.maximum(x[:, None] + generator.normal(0.1, 0.5, size=(images, DRAWS, units)), 0)
    y[generator.random(y.shape) < 0.2] = 0
    return x.astype(np.float32), y.astype(np.float32)


def test_draws_that_count_have_the_statistics_of_scipy() -> None:
    x, y = rectified(IMAGES, 6)
    control, treated = np.repeat(x, DRAWS, axis=0), y.reshape(-1, 6)
    responses, differences = Responses(6), Differences(slice(0, 6), len(treated), True)
    responses.add(torch.from_numpy(x))
    differences.add(
        responses.origin, torch.from_numpy(control), torch.from_numpy(treated)[:, None]
    )
    found = contrast_statistics(responses, [differences])

    d = treated.astype(np.float64) - control
    assert (d == 0).any(axis=0).all()
    ranks = rankdata(abs(d), axis=0)
    split = wilcoxon(d, zero_method="zsplit", method="asymptotic").statistic  # the smaller sum
    np.testing.assert_allclose(
        abs(found["rank_biserial"]), 1 - 2 * split / ranks.sum(axis=0), atol=1e-6
    )
    pratt = wilcoxon(d, zero_method="pratt", method="asymptotic").pvalue
    np.testing.assert_allclose(found["p_value"], pratt, rtol=1e-6)
    for unit in range(6):
        label = np.repeat([0, 1], [len(x), len(treated)])  # every untouched response once
        pooled = np.concatenate([x[:, unit], treated[:, unit]]).astype(np.float64)
        assert found["point_biserial"][unit] == pytest.approx(
            pearsonr(label, pooled).statistic, rel=1e-5
        )
    np.testing.assert_allclose(found["mean_difference"], d.mean(axis=0), rtol=1e-5)
    spread = np.sqrt((x.var(axis=0, ddof=1) + treated.var(axis=0, ddof=1)) / 2)
    np.testing.assert_allclose(
        found["standardized_mean_difference"], d.mean(axis=0) / spread, rtol=1e-5
    )


def test_every_draw_of_an_image_is_compared_with_that_image() -> None:
    sampling = build()
    found = contrasts(sampling, averaged=False)["head"]
    assert found.attrs["pairs"] == [DRAWS, 1, DRAWS]
    asked = sampling.evaluate.asked  # type: ignore[attr-defined]
    for which, augmentation in enumerate(AUGMENTATIONS):
        rows = [row for condition, row in asked if condition == which]
        d = np.concatenate([np.stack(asked[which, row]) - asked[-1, row][0] for row in rows])
        assert len(d) == IMAGES * found.attrs["pairs"][which]
        expected = d.astype(np.float64).mean(axis=0)[2:]
        values = found["mean_difference"].sel(augmentation=augmentation)
        np.testing.assert_allclose(values.fillna(0), expected, rtol=1e-5, atol=1e-7)


def test_a_table_has_a_row_for_every_partition(tmp_path: Any) -> None:
    sampling = build()
    outputs = {name: tmp_path / f"{name}.zarr" for name in ("contrast", "top_images")}
    write_contrast(
        sampling,
        Contrast(images=IMAGES, draws=DRAWS, top_images=2, averaged=False, partitions="each"),
        outputs,
        {},
    )
    table = contrast_table(outputs["contrast"], sampling.layers)
    assert table["partition"].tolist() == ["train", "validation"] * 2 * len(AUGMENTATIONS)
    assert (table["images"] == IMAGES).all()
    assert table["pairs"].tolist()[:6] == [90, 90, 30, 30, 90, 90]
    assert table["alive"].nunique() > 1


def test_settings_as_before_are_written_as_before() -> None:
    assert set(Contrast().plain()) == {"images", "draws", "top_images"}
    stated = Contrast(averaged=False, partitions="each").plain()
    assert stated["averaged"] is False
    assert Contrast(**stated).partitions == "each"


def test_samples_take_their_room() -> None:
    layers = place_layers([("map", (4000, 10, 5))])
    numbers = {"images": 100, "top_images": 6, "batch": 36, "room": 1e12}
    one = cut_contrast(layers, 5, **numbers)
    two = cut_contrast(layers, 5, samples=2, **numbers)
    drawn = cut_contrast(layers, 5, pairs=3, **numbers)
    single = 4 * 64 * 100 * 6  # responses to single images
    # All statistics and p-values.
    assert two.holds - one.holds == 200_000 * 5 * (28 + 8) + single
    assert drawn.holds > one.holds + 200_000 * 5 * 2 * 156  # 256 codes instead of 100
