"""Versions of pictures under an augmentation."""

import numpy as np
import pytest
import torch

from actsense.augment import AUGMENTATIONS, PUBLISHED
from actsense.featvis.outcome.shifts import list_versions, shifted
from actsense.sampling.settings import DesignSettings


def test_a_single_parameter_goes_through_its_range() -> None:
    versions = list_versions("hue", 16, seed=0)
    (hue,) = AUGMENTATIONS["hue"].parameters(16, 16)
    assert versions is not None
    assert versions.parameter == hue.name
    assert versions.value[[0, -1]] == pytest.approx([hue.low, hue.high])
    np.testing.assert_allclose(np.diff(versions.value), np.diff(versions.value)[0])


def test_versions_follow_the_range_and_the_law_of_the_design() -> None:
    design = DesignSettings(
        augmentations=("hue",), base_points=2, ranges={"hue": [0.0, 0.25]}, law="published"
    )
    versions = list_versions("hue", 16, seed=0, design=design)
    assert versions is not None
    np.testing.assert_allclose(versions.value[[0, -1]], [0, 0.25])
    assert versions.catalog is PUBLISHED


@pytest.mark.parametrize("factor", ["hue", "hflip", "erasing", "patch_shuffle"])
def test_every_version_is_what_the_augmentation_makes(factor: str) -> None:
    versions = list_versions(factor, 16, seed=0)
    assert versions is not None
    pictures = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = shifted(pictures, versions).view(3, len(versions.value), 3, 16, 16)
    for k, picture in enumerate(pictures):
        for v, row in enumerate(versions.table):
            one = AUGMENTATIONS[factor].apply(picture[None], torch.from_numpy(row)[None])
            torch.testing.assert_close(found[k, v], one[0], atol=1e-6, rtol=0)


def test_draws_are_repeatable_and_other_factors_have_no_versions() -> None:
    first, second = (list_versions("erasing", 16, seed=1) for _ in range(2))
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.table, second.table)
    assert len(np.unique(first.table, axis=0)) == len(first.value)
    assert list_versions("content", 16, seed=0) is None
