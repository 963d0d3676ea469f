"""Pictures of the top images are those that the network answered."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from opened import Images, opened
from torch import nn

from actsense.augment import AUGMENTATIONS
from actsense.data.pool import ImagePool
from actsense.errors import ConfigError
from actsense.inspection.pictures import augmented_pictures, draw_pictures
from actsense.networks.network import Network
from actsense.sampling.designs import Design
from actsense.sampling.evaluator import Evaluator
from actsense.sampling.law import InputLaw
from actsense.sampling.opening import Sampling
from actsense.sensitivity.contrast import estimate_contrast
from actsense.sensitivity.top_images import TopImages
from actsense.store import Gathered, read_results, write_results

SIDE, CLASSES, DRAWS, RANKS = 24, 3, 3, 2
ROWS = np.arange(10 * CLASSES)
CONTRAST = {"images": 12, "draws": DRAWS}


def pixels() -> np.ndarray:
    """Return smooth images with noise."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(20, 200, size=(len(ROWS), 3, 4, 4)).repeat(6, 2).repeat(6, 3)
    fine = generator.integers(0, 56, size=(len(ROWS), 3, SIDE, SIDE))
    return (coarse + fine).astype(np.uint8)


IMAGES = Images(pixels())


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 6, 5, stride=2), nn.Tanh(), nn.Flatten(), nn.Linear(600, CLASSES)
        ).eval()


def sampling_of(*, stretch: bool) -> Sampling:
    pool = ImagePool.shuffled(ROWS // CLASSES % 2, ROWS % CLASSES, seed=0)
    law = InputLaw(tuple(AUGMENTATIONS), "switched", (SIDE, SIDE), pool, divisions=(2, 3))
    net = Network("net", network(), (0.5,) * 3, (0.25,) * 3, None, None)
    subject = opened(net, IMAGES, pool, batch_size=10)
    evaluate = Evaluator(subject, subject.tap(["1", "3"]), law.augmentations, stretch)
    return Sampling(Design("all", law.factors, base_points=4, replicates=2), law, evaluate)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "stretched"])
def kept(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Sampling, xr.DataTree]:
    """Return a sampling and the store of its top images, read again from disk."""
    sampling = sampling_of(stretch=request.param)
    groups = Gathered()
    top = TopImages(sampling, groups, **CONTRAST, top_images=RANKS)
    estimate_contrast(sampling, Gathered(), **CONTRAST, top=top)
    path: Path = tmp_path_factory.mktemp("kept") / "top_images.zarr"
    write_results(path, groups, attributes={})
    return sampling, read_results(path)


def one_unit(store: xr.DataTree, condition: str) -> tuple[np.ndarray, ...]:
    """Return the top images of all units of the maps under a condition, flat."""
    data = store["1"].to_dataset().sel(condition=condition)
    return tuple(
        data[name].to_numpy().reshape(RANKS, -1) for name in ("image", "draw", "response")
    )


@pytest.mark.parametrize("condition", ["original", *AUGMENTATIONS])
def test_the_network_answers_a_picture_as_it_did_in_the_contrast(
    kept: tuple[Sampling, xr.DataTree], condition: str
) -> None:
    sampling, store = kept
    image, draw, response = one_unit(store, condition)
    units = np.linspace(0, image.shape[1] - 1, 40).astype(int)
    rows, draws = image[:, units].ravel(), draw[:, units].ravel()
    pictures = augmented_pictures(IMAGES, store, condition, rows, draws)
    answers = torch.empty(len(rows), sampling.evaluate.recording.units)
    sampling.evaluate.recording.record(pictures, answers)
    found = answers.numpy()[np.arange(len(rows)), np.tile(units, RANKS)]

    np.testing.assert_allclose(found, response[:, units].ravel(), rtol=1e-5, atol=1e-6)
    assert len(set(zip(rows.tolist(), draws.tolist(), strict=True))) > 8
    if condition != "original" and AUGMENTATIONS[condition].parameters(SIDE, SIDE):
        assert set(draws.tolist()) == set(range(DRAWS))


def test_another_draw_makes_another_picture_that_the_unit_answers_less(
    kept: tuple[Sampling, xr.DataTree],
) -> None:
    sampling, store = kept
    for condition in ("erasing", "brightness", "patch_shuffle", "patch_mask"):
        image, draw, response = (array[0, ::40] for array in one_unit(store, condition))
        pictures = augmented_pictures(IMAGES, store, condition, image, (draw + 1) % DRAWS)
        answers = torch.empty(len(image), sampling.evaluate.recording.units)
        sampling.evaluate.recording.record(pictures, answers)
        own = answers.numpy()[np.arange(len(image)), 40 * np.arange(len(image))]
        assert (own <= response + 1e-6).all()
        assert (own < response - 1e-3).any()


def test_pictures_are_rounded_to_bytes(kept: tuple[Sampling, xr.DataTree]) -> None:
    _, store = kept
    rows, draws = store["rows"].to_numpy()[[2, 1, 2]], [0, 1, 2]
    shown = draw_pictures(IMAGES, store, "rolling", rows, draws)
    exact = augmented_pictures(IMAGES, store, "rolling", rows, draws).numpy()
    assert shown.shape == (3, 3, SIDE, SIDE)
    assert shown.dtype == np.uint8
    assert abs(shown / 255 - exact).max() <= 0.5 / 255 + 1e-6
    assert (shown[0] != shown[2]).any()


def test_untouched_pictures_are_the_images_themselves_unless_they_are_stretched(
    kept: tuple[Sampling, xr.DataTree],
) -> None:
    sampling, store = kept
    rows = store["rows"].to_numpy()[:4]
    shown = draw_pictures(IMAGES, store, "original", rows, np.zeros(4, dtype=int))
    if sampling.evaluate.stretch:
        assert (shown.min(axis=(2, 3)) == 0).all()
        assert (shown.max(axis=(2, 3)) == 255).all()
    else:
        np.testing.assert_array_equal(shown, IMAGES.read(rows))


def test_no_pictures_are_an_empty_answer(kept: tuple[Sampling, xr.DataTree]) -> None:
    assert draw_pictures(IMAGES, kept[1], "hue", [], []).shape == (0, 3, SIDE, SIDE)


def test_pictures_that_were_never_shown_are_refused(
    kept: tuple[Sampling, xr.DataTree],
) -> None:
    _, store = kept
    shown = store["rows"].to_numpy()
    absent = int(np.setdiff1d(ROWS, shown)[0])
    for rows, draws in (([-1], [-1]), ([absent], [0]), (shown[:1], [DRAWS]), (shown[:2], [0])):
        with pytest.raises(ValueError, match="must be pairs of `image` and `draw`"):
            draw_pictures(IMAGES, store, "rolling", rows, draws)
    with pytest.raises(ConfigError, match=r"'roling' is not known\. Nearest: rolling"):
        draw_pictures(IMAGES, store, "roling", shown[:1], [0])
