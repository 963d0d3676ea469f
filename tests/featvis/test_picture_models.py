"""Picture models: identities of their starts, closed forms of single waves, and short searches."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from actsense.draws import stream
from actsense.draws.counter import counter_keys
from actsense.featvis.pictures.fourier import Fourier
from actsense.featvis.pictures.maco import Maco
from actsense.featvis.pictures.model import PictureModel, make_model
from actsense.featvis.pictures.pixels import Pixels
from actsense.featvis.pictures.starts import start_images
from actsense.featvis.pictures.statistics import ImageStatistics
from actsense.featvis.search.smoothing import blur, denoise, gradient_mask
from actsense.featvis.settings import Picture

MODELS = ["fourier", "pixels", "maco"]
SIDES = [8, 9, 32, 33]


def images(pictures: int, side: int, low: float = 0.02, high: float = 0.98) -> Tensor:
    numbers = stream(side, "images in a test of picture models")
    noise = torch.from_numpy(numbers.random((pictures, 3, side, side))).float()
    return low + (high - low) * noise


def statistics(side: int) -> ImageStatistics:
    return ImageStatistics.typical(side)


def keys(pictures: int) -> Tensor:
    return counter_keys(5, ["pictures in a test of picture models", torch.arange(pictures)])


def made(model: str, starts: Tensor) -> PictureModel:
    return make_model(Picture(model=model), starts, statistics(starts.shape[-1]))


def network() -> nn.Module:
    """Return a small network with fixed random weights, whose units see edges and colours."""
    numbers = stream(0, "weights in a test of picture models")
    layers: list[nn.Module] = []
    for channels, wider in ((3, 12), (12, 16), (16, 16)):
        convolution = nn.Conv2d(channels, wider, 3, stride=2, padding=1)
        weight = numbers.normal(size=convolution.weight.shape) / (9 * channels) ** 0.5
        convolution.weight.data = torch.from_numpy(weight).float()
        convolution.bias.data.zero_()
        layers += [convolution, nn.ReLU()]
    return nn.Sequential(*layers).requires_grad_(False)


def searched(model: PictureModel, steps: int) -> Tensor:
    """Drive one channel per picture for some steps of Adam; return activations, (steps + 1,)."""
    respond, optimiser = network(), torch.optim.Adam(model.parameters, lr=model.rate)
    activations = []
    for _ in range(steps + 1):
        response = respond(model.images() * 4 - 2).mean(dim=(2, 3))
        drive = response.diagonal().sum()
        activations.append(drive.detach())
        optimiser.zero_grad()
        (-drive).backward()
        optimiser.step()
    return torch.stack(activations)


def high_share(pictures: Tensor) -> float:
    """Return the share of energy above half the highest frequency along an axis."""
    centred = pictures - pictures.mean(dim=(2, 3), keepdim=True)
    power = torch.fft.fft2(centred).abs().square()
    axis = torch.fft.fftfreq(pictures.shape[-1])
    high = torch.hypot(axis[:, None], axis) > 0.25
    return float(power[..., high].sum() / power.sum())


@pytest.mark.parametrize("decay", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("side", SIDES)
def test_fourier_pictures_start_at_any_image(side: int, decay: float) -> None:
    starts = images(2, side)
    found = Fourier(starts, statistics(side), decay=decay).images()
    torch.testing.assert_close(found, starts, atol=1e-4, rtol=0)


def test_fourier_pictures_start_less_extreme_than_black_and_white() -> None:
    starts = (images(2, 16) > 0.5).float()
    found = Fourier(starts, statistics(16), decay=1).images()
    torch.testing.assert_close(found, starts.clamp(0.02, 0.98), atol=1e-4, rtol=0)


@pytest.mark.parametrize("side", [16, 33])
@pytest.mark.parametrize("periods", [1, 4])
def test_a_wave_of_k_periods_has_the_amplitude_c_over_2k(side: int, periods: int) -> None:
    known = statistics(side)
    model = Fourier(torch.full((1, 3, side, side), 0.5), known, decay=1)
    with torch.no_grad():
        model.parameters[0].zero_()
        model.parameters[0][0, 0, 0, periods, 0] = 0.6
    z = known.decorrelate(model.images())[0]
    at = torch.arange(side) / side
    expected = 0.6 / (2 * periods) * torch.cos(2 * torch.pi * periods * at)
    torch.testing.assert_close(z[0], expected.expand(side, side), atol=1e-5, rtol=0)
    assert z[1:].abs().max() < 1e-5


def test_decay_scales_waves_by_a_power_of_the_frequency() -> None:
    scales = [Fourier(images(1, 8), statistics(8), decay=d)._scale for d in (0, 1, 2)]
    assert (scales[0] == 2).all()
    torch.testing.assert_close(scales[1] ** 2 / scales[0], scales[2])
    assert scales[1][0, 0] == scales[1][0, 1] == 8 * 2


@pytest.mark.parametrize("side", SIDES)
def test_pixels_start_at_any_image(side: int) -> None:
    starts = images(2, side, 0, 1)
    assert torch.equal(Pixels(starts).images(), starts)


def test_pixels_that_left_the_range_come_back_at_the_first_step_inwards() -> None:
    model = Pixels(torch.full((1, 3, 8, 8), 0.95))
    optimiser = torch.optim.SGD(model.parameters, lr=0.1)
    for _ in range(10):
        optimiser.zero_grad()
        (-model.images().sum()).backward()
        optimiser.step()
    assert (model.images() == 1).all()
    optimiser.zero_grad()
    model.images().sum().backward()
    optimiser.step()
    torch.testing.assert_close(model.images(), torch.full((1, 3, 8, 8), 0.9))


def test_small_steps_of_pixels_are_not_rounded_away() -> None:
    model = Pixels(torch.full((1, 3, 8, 8), 0.5))
    for _ in range(100):
        with torch.no_grad():
            model.parameters[0] += 1e-5
        model.images()
    torch.testing.assert_close(model.images(), torch.full((1, 3, 8, 8), 0.501), atol=1e-5, rtol=0)


def magnitudes(pictures: Tensor, known: ImageStatistics) -> Tensor:
    """Return the magnitude of every wave before the squashing, as float64."""
    colours, mean = known.colours.double(), known.mean.double()
    z = torch.logit(pictures.double()) - mean[:, None, None]
    return torch.fft.rfft2(torch.einsum("dc,nchw->ndhw", colours.inverse(), z)).abs()


def double(known: ImageStatistics) -> ImageStatistics:
    return ImageStatistics(known.mean.double(), known.colours.double(), known.magnitude.double())


@pytest.mark.parametrize("steps", [0, 20])
@pytest.mark.parametrize("side", [16, 17])
def test_maco_pictures_keep_the_magnitudes_of_natural_images(side: int, steps: int) -> None:
    known = double(statistics(side))
    model = Maco(images(2, side).double(), known)
    before = model.images().detach()
    optimiser = torch.optim.Adam(model.parameters, lr=0.1)
    for step in range(steps):
        weight = stream(step, "a direction in a test of picture models").normal(size=before.shape)
        optimiser.zero_grad()
        (model.images() * torch.from_numpy(weight)).sum().backward()
        optimiser.step()
    after = model.images().detach()
    assert steps == 0 or (after - before).abs().mean() > 0.1
    found = magnitudes(after, known)
    real = torch.zeros(side, side // 2 + 1, dtype=torch.bool)
    own = [0] if side % 2 else [0, side // 2]
    real[torch.tensor(own)[:, None], torch.tensor(own)] = True
    expected = known.magnitude.expand_as(found)
    torch.testing.assert_close(found[..., ~real], expected[..., ~real], rtol=1e-5, atol=0)
    assert (found[..., real] <= expected[..., real] * (1 + 1e-9)).all()


def test_maco_finds_an_image_that_has_the_magnitudes() -> None:
    # Of one image the mean magnitude is its own: phases say all, but for four waves that may be
    # no more than 0.99 of it.
    image = 0.5 + 0.3 * (images(1, 16) - 0.5)
    known = ImageStatistics.measure([image])
    found = Maco(image, known).images()
    torch.testing.assert_close(found, image, atol=0.02, rtol=0)
    assert (found - image).abs().mean() < 2e-3


def test_maco_pictures_take_the_phases_of_their_starts() -> None:
    known, starts = statistics(32), images(2, 32)
    z = torch.fft.rfft2(known.decorrelate(Maco(starts, known).images().clamp(1e-6, 1 - 1e-6)))
    # Logits of extremes are cut, which a correlation survives.
    given = torch.fft.rfft2(known.decorrelate(starts))
    cosine = torch.cos(z.angle() - given.angle())[..., 1:16]
    assert cosine.mean() > 0.9


def test_waves_of_a_maco_picture_that_are_real_can_change() -> None:
    for brightness in (0.1, 0.5, 0.95):
        model = Maco((images(1, 16) - 0.5) * 0.05 + brightness, statistics(16))
        (model.images() * images(1, 16)).sum().backward()
        gradient = model.parameters[0].grad[0, 0]
        assert gradient[[0, 0, 8, 8], [0, 8, 0, 8]].abs().min() > 0


def test_maco_refuses_magnitudes_of_another_side() -> None:
    with pytest.raises(ValueError, match="16 pixels do not fit pictures of 8"):
        Maco(images(1, 8), statistics(16))


@pytest.mark.parametrize("model", MODELS)
def test_no_picture_depends_on_another(model: str) -> None:
    starts = images(3, 9)
    whole, alone = made(model, starts), made(model, starts[1:2])
    torch.testing.assert_close(alone.images(), whole.images()[1:2], atol=1e-6, rtol=0)
    whole.images()[1].sum().backward()
    gradient = whole.parameters[0].grad
    assert gradient[1].abs().sum() > 0
    assert gradient[[0, 2]].abs().sum() == 0
    torch.testing.assert_close(searched(whole, 3).isfinite(), torch.ones(4, dtype=torch.bool))


@pytest.mark.parametrize("model", MODELS)
def test_a_replaced_picture_keeps_its_leaf_and_equals_one_made_new(model: str) -> None:
    found, others = made(model, images(2, 9)), images(4, 9)[2:]
    (leaf,) = found.parameters
    assert leaf.is_leaf
    assert leaf.requires_grad
    found.replace(others)
    assert found.parameters[0] is leaf
    torch.testing.assert_close(found.images(), made(model, others).images())
    if model != "maco":
        torch.testing.assert_close(found.images(), others, atol=1e-4, rtol=0)
    extreme = (others > 0.5).float()
    found.replace(extreme)
    assert torch.equal(found.images(), extreme) == found.editable
    found.replace(found.images())  # while gradients are recorded


@pytest.mark.parametrize("model", MODELS)
def test_starts_are_not_changed_by_the_search(model: str) -> None:
    starts = images(2, 9)
    kept = starts.clone()
    searched(made(model, starts), 2)
    assert torch.equal(starts, kept)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("side", [8, 33])
def test_pictures_are_real_in_range_and_get_better(model: str, side: int) -> None:
    found = made(model, start_images("grey", keys(4), statistics(side)))
    activations = searched(found, 30)
    pictures = found.images()
    assert pictures.shape == (4, 3, side, side)
    assert pictures.dtype == torch.float32
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert activations[-1] > 1.3 * activations[0]


def test_pictures_of_waves_have_less_than_half_the_high_frequencies_of_pixels() -> None:
    starts = start_images("grey", keys(8), statistics(32))
    shares = {}
    for model in ("fourier", "pixels"):
        found = made(model, starts)
        searched(found, 40)
        shares[model] = high_share(found.images().detach())
    assert shares["pixels"] > 0.1
    assert shares["fourier"] < shares["pixels"] / 2


@pytest.mark.parametrize("optimiser", [torch.optim.Adam, torch.optim.SGD])
def test_pixels_do_not_change_where_the_window_is_shut(
    optimiser: type[torch.optim.Optimizer],
) -> None:
    starts, mask = images(2, 24), gradient_mask(24, 1.0)
    mask = torch.where(mask < 1e-6, 0, mask)
    model = Pixels(starts)
    step = optimiser(model.parameters, lr=0.1)
    for _ in range(4):
        step.zero_grad()
        (-network()(model.images()).square().sum()).backward()
        model.parameters[0].grad *= mask
        step.step()
        model.replace(denoise(blur(model.images().detach(), 0.8, mask), 4.0, mask))
    found = model.images()
    assert (mask == 0).float().mean() > 0.5
    assert torch.equal(found[..., mask == 0], starts[..., mask == 0])
    assert (found - starts)[..., mask > 0.5].abs().mean() > 0.05


def test_grey_starts_are_nearly_grey_and_differ() -> None:
    starts = start_images("grey", keys(3), statistics(32))
    assert (starts - 0.5).abs().max() < 0.06
    assert starts.std(dim=(1, 2, 3)).min() > 0.003
    assert not torch.equal(starts[0], starts[1])


@pytest.mark.parametrize("side", [8, 33])
def test_noise_starts_have_falling_amplitudes_of_a_set_size(side: int) -> None:
    starts = start_images("noise", keys(200), statistics(side))
    spread = statistics(side).decorrelate(starts)[:, 0].std()
    assert (starts - 0.5).square().mean().sqrt() == pytest.approx(0.25 * (1 / 3) ** 0.5, rel=0.15)
    assert spread > 0.5
    power = torch.fft.rfft2(starts - starts.mean(dim=(2, 3), keepdim=True)).abs().square()
    ratio = power[:, :, 0, 1].mean() / power[:, :, 0, 3].mean()
    assert ratio == pytest.approx(9, rel=0.25)


def test_a_start_depends_on_its_key_alone() -> None:
    whole = start_images("noise", keys(4), statistics(16))
    alone = start_images("noise", keys(4)[2:3], statistics(16))
    torch.testing.assert_close(alone, whole[2:3])


def test_starts_from_members_are_their_mean_or_the_first() -> None:
    members = (images(6, 16, 0, 1) * 255).to(torch.uint8).view(2, 3, 3, 16, 16)
    weights = torch.tensor([[0.5, 0.3, 0.2], [0.8, 0.1, 0.1]])
    mean = start_images("mean", keys(2), statistics(16), members=members, weights=weights)
    expected = functional.normalize(weights, p=1)[..., None, None, None] * members / 255
    assert (mean - expected.sum(dim=1)).abs().max() < 0.06
    first = start_images("image", keys(2), statistics(16), members=members)
    assert (first - members[:, 0] / 255).abs().max() < 0.06
    faint = first - members[:, 0] / 255
    assert 0.001 < faint.std() < 0.01


@pytest.mark.parametrize("start", ["mean", "image"])
def test_starts_from_members_need_members(start: str) -> None:
    with pytest.raises(ValueError, match=f"`{start}` needs members"):
        start_images(start, keys(2), statistics(16))
