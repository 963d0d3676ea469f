"""What images are like: NumPy's covariance and transforms, and images made to measure."""

import numpy as np
import pytest
import torch
from scipy.special import logit
from skimage import data
from torch import Tensor
from torch.nn import functional

from actsense.draws import stream
from actsense.featvis.pictures.statistics import ImageStatistics, frequencies

MIXING = torch.tensor([[0.9, -0.3, 0.1], [1.0, 0.1, -0.2], [0.8, 0.2, 0.1]])


def images(count: int = 24, side: int = 12) -> Tensor:
    """Return images whose colours correlate, (count, 3, side, side) in [0.02, 0.98]."""
    noise = stream(side, "images in a test of their statistics").normal(size=(count, 3, side**2))
    colours = torch.sigmoid(MIXING @ torch.from_numpy(noise).float() + 0.3)
    return colours.view(count, 3, side, side).clamp(0.02, 0.98)


def photographs(side: int) -> list[Tensor]:
    """Return whole photographs, made small, each (1, 3, side, side)."""
    found = []
    for name in ("astronaut", "coffee", "chelsea", "rocket"):
        whole = torch.from_numpy(getattr(data, name)()).permute(2, 0, 1)[None].float() / 255
        square = whole[..., : whole.shape[2], : whole.shape[2]]
        small = functional.interpolate(square, (side, side), mode="bilinear", antialias=True)
        found.append(small.clamp(0, 1))
    return found


def test_colours_are_a_scaled_root_of_the_covariance_of_logits() -> None:
    found = ImageStatistics.measure([images()])
    pixels = logit(images().double().numpy()).transpose(1, 0, 2, 3).reshape(3, -1)
    covariance = np.cov(pixels, bias=True)
    root = found.colours.double().numpy()
    np.testing.assert_allclose(found.mean, pixels.mean(axis=1), atol=1e-5)
    scale = np.trace(covariance) / np.trace(root @ root.T)
    np.testing.assert_allclose(scale * root @ root.T, covariance, atol=1e-5)
    lengths = np.linalg.norm(root, axis=0)
    assert lengths.max() == lengths[0] == pytest.approx(1, abs=1e-6)
    assert (np.diff(lengths) < 0).all()
    np.testing.assert_allclose(root.T @ root, np.diag(lengths**2), atol=1e-6)
    assert (root[:, 0] > 0).all()
    assert (root.sum(axis=0) > 0).all()


def test_decorrelated_colours_do_not_correlate_and_vary_alike() -> None:
    z = ImageStatistics.measure([images()]).decorrelate(images())
    flat = z.double().transpose(0, 1).flatten(1)
    covariance = torch.cov(flat)
    torch.testing.assert_close(
        covariance / covariance[0, 0], torch.eye(3).double(), atol=1e-5, rtol=0
    )
    assert flat.mean(dim=1).abs().max() < 1e-5


def test_magnitudes_are_means_of_those_of_numpy() -> None:
    found = ImageStatistics.measure([images()])
    z = found.decorrelate(images()).double().numpy()
    expected = np.abs(np.fft.rfft2(z)).mean(axis=0)
    np.testing.assert_allclose(found.magnitude, expected, rtol=1e-5, atol=1e-4)
    assert found.side == 12


def test_batches_do_not_matter() -> None:
    whole = ImageStatistics.measure([images()])
    parts = ImageStatistics.measure(images().split([1, 20, 3]))
    for name in ("mean", "colours", "magnitude"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name))


def test_recolouring_undoes_decorrelating() -> None:
    found = ImageStatistics.measure([images()])
    again = found.recolour(found.decorrelate(images()))
    torch.testing.assert_close(again, images(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", [8, 9])
def test_frequencies_are_those_of_numpy(side: int) -> None:
    expected = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    expected[0, 0] = 1 / side
    np.testing.assert_allclose(frequencies(side), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "odd",
    [
        images(4, 8).mean(dim=1, keepdim=True).expand(-1, 3, -1, -1),  # grey
        torch.full((4, 3, 8, 8), 0.25),  # of one colour
        torch.full((4, 3, 8, 8), 0.5),  # whose variance is 0 without roundings
        (images(4, 8) > 0.5).float(),  # of black and white alone
    ],
    ids=["grey", "constant", "even grey", "black or white"],
)
def test_statistics_of_odd_images_are_finite_and_can_be_undone(odd: Tensor) -> None:
    found = ImageStatistics.measure([odd])
    for part in (found.mean, found.colours, found.magnitude):
        assert part.isfinite().all()
    again = found.recolour(found.decorrelate(images(4, 8)))
    torch.testing.assert_close(again, images(4, 8), atol=1e-4, rtol=0)


def test_typical_statistics_are_like_those_of_photographs() -> None:
    found, typical = ImageStatistics.measure(photographs(64)), ImageStatistics.typical(64)
    cosines = functional.cosine_similarity(found.colours, typical.colours, dim=0)
    assert cosines.abs().min() > 0.95  # brightness, blue against yellow, green against magenta
    assert typical.colours.norm(dim=0)[0] == pytest.approx(1)
    energy = [one.magnitude.square().sum(dim=(1, 2)).sqrt() for one in (found, typical)]
    assert (energy[0] / energy[1]).log().abs().max() < np.log(2)
    falls = typical.magnitude[:, 1:, 1:] * frequencies(64)[1:, 1:]  # as 1 over the frequency
    torch.testing.assert_close(falls, falls[:, :1, :1].expand_as(falls))


@pytest.mark.parametrize("side", [8, 9])
def test_typical_waves_add_up_to_the_contrast_of_photographs(side: int) -> None:
    waves = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    waves[0, 0] = np.inf  # brightness is no contrast
    lowest = float(ImageStatistics.typical(side).magnitude[0, 0, 1])
    energy = (lowest / (side * waves)) ** 2
    assert energy.sum() / side**4 == pytest.approx(2.2**2)  # Parseval


def test_what_can_be_gone_through_once_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        ImageStatistics.measure(images(1, 8) for _ in range(2))


def test_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match="no image"):
        ImageStatistics.measure([])
