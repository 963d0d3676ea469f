"""Window, blur and denoising: the published loop, SciPy, scikit-image."""

from math import hypot

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data
from skimage.restoration import denoise_tv_bregman, denoise_tv_chambolle
from torch import Tensor

from actsense.draws import stream
from actsense.featvis.search.smoothing import blur, denoise, gradient_mask


def images(pictures: int, side: int) -> Tensor:
    numbers = stream(side, "pictures in a test of smoothing")
    return torch.from_numpy(numbers.random((pictures, 3, side, side))).float()


def photograph(side: int) -> Tensor:
    """Return a part of a photograph with noise, (1, 3, side, side) in [0, 1]."""
    part = torch.from_numpy(data.astronaut()[60 : 60 + side, 180 : 180 + side]) / 255
    return (part.permute(2, 0, 1)[None] + 0.1 * (images(1, side) - 0.5)).clamp(0, 1)


def published(side: int, sigma: float) -> np.ndarray:
    """The published window: a power of the machine epsilon, pixel by pixel, then stretched."""
    epsilon, centre = 2.220446e-16, (side - 1) / 2
    window = np.empty((side, side))
    for row in range(side):
        for column in range(side):
            distance = hypot(row - centre, column - centre)
            window[row, column] = epsilon ** (((distance - 1) / sigma) ** 2 / 2)
    return (window - window.min()) / (window.max() - window.min())


@pytest.mark.parametrize("sigma", [420, 340])
def test_the_window_is_the_published_one(sigma: float) -> None:
    expected = published(512, sigma)
    np.testing.assert_allclose(gradient_mask(512, sigma / 6.004), expected, atol=0.02)
    wider = gradient_mask(512, 1.1 * sigma / 6.004).numpy()
    assert np.abs(wider - expected).max() > 0.04  # a tenth more would be seen


@pytest.mark.parametrize("side", [8, 9, 64])
@pytest.mark.parametrize("sigma_px", [0.0, 1.5, 10.0, 1e4])
def test_the_window_is_1_at_the_centre_0_in_the_corners_and_round(
    side: int, sigma_px: float
) -> None:
    window = gradient_mask(side, sigma_px)
    middle = [side // 2, (side - 1) // 2]
    assert (window[middle][:, middle] == 1).all()
    assert window[0, 0] == window.min() == 0
    for same in (window.T, window.flip(0), window.flip(1)):
        torch.testing.assert_close(same, window, atol=1e-6, rtol=0)
    at = torch.arange(side) - (side - 1) / 2
    order = torch.hypot(at[:, None], at).flatten().argsort()
    assert (window.flatten()[order].diff() < 1e-6).all()


def test_the_window_falls_like_a_gaussian() -> None:
    window = gradient_mask(101, 8.0)  # corners are so far that nothing is stretched
    assert float(window[50, 58]) == pytest.approx(np.exp(-0.5), rel=1e-6)
    assert float(window[66, 50]) == pytest.approx(np.exp(-2), rel=1e-6)


@pytest.mark.parametrize("sigma_px", [0.2, 0.9, 3.0, 12.0])
@pytest.mark.parametrize("side", [8, 31])
def test_the_blur_is_that_of_scipy(side: int, sigma_px: float) -> None:
    pictures = images(2, side)
    found = blur(pictures, sigma_px, torch.ones(side, side))
    expected = ndimage.gaussian_filter(pictures.double().numpy(), sigma_px, axes=(2, 3))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_blur_of_width_0_changes_nothing() -> None:
    pictures = images(2, 8)
    assert torch.equal(blur(pictures, 0.0, torch.ones(8, 8)), pictures)


@pytest.mark.parametrize("weight", [2.0, 8.0])
def test_denoised_images_have_the_least_variation_of_scikit_image(weight: float) -> None:
    noisy, everywhere = photograph(24), torch.ones(24, 24)
    expected = denoise_tv_chambolle(
        noisy[0].double().numpy(), 1 / (2 * weight), eps=0, max_num_iter=6000, channel_axis=0
    )
    found = denoise(noisy.double(), weight, everywhere.double(), steps=1000)[0]
    np.testing.assert_allclose(found, expected, atol=1e-3)
    fast = denoise(noisy, weight, everywhere)[0].numpy()
    assert np.abs(fast - expected).mean() < 2e-3
    assert np.abs(expected - noisy[0].numpy()).mean() > 0.03


@pytest.mark.parametrize("weight", [2.0, 4.0, 8.0])
def test_the_weight_is_nearly_that_of_the_published_denoiser(weight: float) -> None:
    noisy, everywhere = photograph(48), torch.ones(48, 48)
    given = noisy[0].permute(1, 2, 0).double().numpy()
    published = np.abs(denoise_tv_bregman(given, weight, channel_axis=-1) - given).mean()
    changes = [
        float((denoise(noisy, factor * weight, everywhere) - noisy).abs().mean())
        for factor in (0.5, 1, 2)
    ]
    assert changes[0] > published > changes[2]
    assert published == pytest.approx(changes[1], rel=0.3)


def test_denoising_keeps_the_mean_of_every_colour_and_picture() -> None:
    noisy = images(3, 16)
    found = denoise(noisy, 1.0, torch.ones(16, 16))
    torch.testing.assert_close(found.mean(dim=(2, 3)), noisy.mean(dim=(2, 3)), atol=1e-6, rtol=0)


def test_a_large_weight_is_faithful_and_a_small_one_leaves_a_plane() -> None:
    noisy = images(2, 8)
    torch.testing.assert_close(denoise(noisy, 1e4, torch.ones(8, 8)), noisy, atol=1e-3, rtol=0)
    plain = denoise(noisy, 0.01, torch.ones(8, 8), steps=400)
    assert plain.std(dim=(2, 3)).max() < 1e-2


def test_pictures_are_smoothed_each_for_itself() -> None:
    noisy, mask = images(3, 16), gradient_mask(16, 4.0)
    for smooth in (blur(noisy, 1.0, mask), denoise(noisy, 2.0, mask)):
        assert not torch.equal(smooth, noisy)
    torch.testing.assert_close(blur(noisy[1:2], 1.0, mask), blur(noisy, 1.0, mask)[1:2])
    torch.testing.assert_close(denoise(noisy[1:2], 2.0, mask), denoise(noisy, 2.0, mask)[1:2])


def test_smoothing_is_mixed_in_by_the_window() -> None:
    noisy, mask = images(2, 16), gradient_mask(16, 4.0)
    everywhere = torch.ones(16, 16)
    for smoothed, whole in (
        (blur(noisy, 1.0, mask), blur(noisy, 1.0, everywhere)),
        (denoise(noisy, 2.0, mask), denoise(noisy, 2.0, everywhere)),
    ):
        torch.testing.assert_close(smoothed, mask * whole + (1 - mask) * noisy)


def test_where_the_window_is_shut_pixels_keep_their_bits() -> None:
    noisy, mask = images(2, 16), gradient_mask(16, 1.0)
    shut = mask == 0
    assert shut.sum() == 4
    for smoothed in (blur(noisy, 1.0, mask), denoise(noisy, 2.0, mask)):
        assert torch.equal(smoothed[..., shut], noisy[..., shut])
        assert not torch.equal(smoothed, noisy)
