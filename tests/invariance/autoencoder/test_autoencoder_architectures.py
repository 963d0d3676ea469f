"""The architectures: what they map to what, and parts of them against plain loops."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from actsense.errors import ConfigError
from actsense.invariance.autoencoder.architectures import Autoencoder, build_autoencoder
from actsense.invariance.autoencoder.published import (
    PublishedDecoder,
    PublishedEncoder,
    _Attention,
    _Block,
)
from actsense.invariance.autoencoder.settings import AutoencoderSettings


def built(side: int, **settings: object) -> Autoencoder:
    torch.manual_seed(0)
    return build_autoencoder(AutoencoderSettings.model_validate(settings), side)


def pictures(count: int, side: int) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def assert_maps_both_ways(autoencoder: Autoencoder, images: Tensor, latent: int) -> None:
    mean, log_variance = autoencoder.encode(images)
    made = autoencoder.decode(mean)
    assert mean.shape == log_variance.shape == (len(images), latent)
    assert made.shape == images.shape
    assert made.min() >= 0
    assert made.max() <= 1
    assert made.std() > 0


@pytest.mark.parametrize("architecture", ["small", "medium"])
@pytest.mark.parametrize("side", [32, 48, 128, 224, 256])
def test_convolutional_ones_map_images_of_many_sizes_both_ways(
    architecture: str, side: int
) -> None:
    autoencoder = built(side, architecture=architecture, width=2, latent=10)
    assert_maps_both_ways(autoencoder, pictures(3, side), 10)


@pytest.mark.parametrize(("side", "latent"), [(128, 128), (256, 140)])
def test_the_published_one_maps_images_both_ways(side: int, latent: int) -> None:
    autoencoder = built(side, architecture="published", width=2, latent=latent)
    with torch.inference_mode():  # training mode: without moments, its maps would grow
        assert_maps_both_ways(autoencoder, pictures(2, side), latent)


@pytest.mark.parametrize("side", [32, 64])
def test_the_published_decoder_makes_small_images_too(side: int) -> None:
    made = PublishedDecoder(side, 128, width=4)(torch.randn(2, 128))
    assert made.shape == (2, 3, side, side)
    assert 0 <= made.min() < made.max() <= 1


def test_published_sizes_are_those_of_the_sources() -> None:
    """BigGAN's authors count 70,433,988 parameters of their generator at 128 pixels."""
    decoder, encoder = PublishedDecoder(128, 128, width=96), PublishedEncoder(1000)
    first = 8 * 16 * 16 * 96  # eight numbers more than theirs begin the map
    named = [(name, p.numel()) for name, p in decoder.named_parameters()]
    soft = sum(count for name, count in named if name.startswith("soft_class"))
    assert sum(count for _, count in named) - soft == 70_433_988 + first
    assert soft == (128 + 1) * 2000 + 2 * 2001 * 2000 + 2001 * 1000
    assert sum(p.numel() for p in encoder.parameters()) == 44_549_160  # torchvision's ResNet-101
    assert decoder.attentive == 64


def test_every_number_of_a_latent_reaches_the_published_image() -> None:
    torch.manual_seed(0)
    decoder = PublishedDecoder(64, 96, width=2).eval()
    latents = torch.randn(2, 96, requires_grad=True)
    # Without what the soft class says, which all numbers decide together.
    decoder.embedding.weight.data.zero_()
    decoder(latents).square().sum().backward()
    assert latents.grad is not None
    assert (latents.grad.abs() > 0).all()


def test_the_condition_scales_and_shifts_the_maps_of_a_block() -> None:
    torch.manual_seed(0)
    block = _Block(3, 5, 4).eval()
    maps, condition = torch.randn(2, 3, 4, 4), torch.randn(2, 4)
    norm1, norm2 = block.norm1, block.norm2

    def normed(norm: nn.Module, x: Tensor, one: int) -> Tensor:
        scale, shift = norm.scale.weight @ condition[one], norm.shift.weight @ condition[one]
        return x / (1 + 1e-5) ** 0.5 * (1 + scale[:, None, None]) + shift[:, None, None]

    for one in range(2):
        x = functional.interpolate(normed(norm1, maps[one], one).relu()[None], scale_factor=2)
        x = block.conv2(normed(norm2, block.conv1(x)[0], one).relu()[None])
        shortcut = block.shortcut(functional.interpolate(maps[one][None], scale_factor=2))
        torch.testing.assert_close(block(maps, condition)[one], (x + shortcut)[0])


def test_attention_is_a_weighted_mean_over_places() -> None:
    torch.manual_seed(0)
    attention = _Attention(8).eval()
    maps = torch.randn(1, 8, 4, 4)
    assert torch.equal(attention(maps), maps)
    attention.weight.data.fill_(0.7)
    query = attention.query(maps)[0]
    key, value = (functional.max_pool2d(f(maps), 2)[0] for f in (attention.key, attention.value))
    for row in range(4):
        for col in range(4):
            fit = torch.stack([query[:, row, col] @ key[:, i, j] for i in (0, 1) for j in (0, 1)])
            weights = fit.exp() / fit.exp().sum()
            mean = sum(w * value[:, k // 2, k % 2] for k, w in enumerate(weights))
            out = attention.out(mean[None, :, None, None])[0, :, 0, 0]
            wanted = maps[0, :, row, col] + 0.7 * out
            torch.testing.assert_close(attention(maps)[0, :, row, col], wanted)


def test_published_weights_are_divided_by_their_norm() -> None:
    torch.manual_seed(0)
    block = _Block(3, 6, 4)
    for _ in range(40):
        block(torch.randn(2, 3, 4, 4), torch.randn(2, 4))  # improves the estimate of the norm
    block.eval()
    modules = [block.conv1, block.conv2, block.shortcut, block.norm1.scale, block.norm2.shift]
    norms = [torch.linalg.matrix_norm(m.weight.flatten(1), 2).item() for m in modules]
    assert norms == pytest.approx([1] * 5, abs=0.02)
    decoder = PublishedDecoder(32, 64, width=2)
    plain = [m for m in decoder.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    plain = [m for m in plain if not hasattr(m, "parametrizations")]
    assert plain == [m for m in (*decoder.soft_class, decoder.embedding) if m in plain]


def test_latents_are_standardised_over_a_batch() -> None:
    mean, _ = built(32, latent=6, width=2).train().encode(pictures(40, 32))
    torch.testing.assert_close(mean.mean(dim=0), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(mean.std(dim=0, correction=0), torch.ones(6), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("said", "noise"), [(-100.0, 0.2), (2.0, 0.2 * (1 + math.e**2) ** 0.5)])
def test_noise_has_a_floor_that_can_be_left(said: float, noise: float) -> None:
    bias = nn.Parameter(torch.full((2, 4), said))
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4))
    autoencoder = Autoencoder(encoder, nn.Identity(), latent=2, side=32, noise=0.2).eval()
    nn.init.zeros_(encoder[1].weight)
    encoder[1].bias = nn.Parameter(bias[0].detach().clone())
    _, log_variance = autoencoder.encode(pictures(2, 32))
    torch.testing.assert_close((log_variance / 2).exp(), torch.full((2, 2), noise))


def test_below_the_floor_noise_still_learns() -> None:
    autoencoder = built(32, latent=2, width=2, noise=0.5).eval()
    last = autoencoder.encoder[-1]
    last.bias.data[2:] = -3.0
    autoencoder.encode(pictures(2, 32))[1].sum().backward()
    assert (last.bias.grad[2:] > 0).all()


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ConfigError, match="images of 32 pixels and is given 3 x 48 x 48"):
        built(32, width=2).encode(pictures(2, 48))


@pytest.mark.parametrize(
    ("side", "settings", "message"),
    [
        (31, {}, "Allowed: 32 to 256"),
        (260, {}, "Allowed: 32 to 256"),
        (50, {}, "50 pixels cannot be halved"),
        (36, {"architecture": "medium"}, "36 pixels cannot be halved"),
        (48, {"architecture": "published"}, "Allowed: 32, 64, 128, 256"),
        (128, {"architecture": "published"}, "Allowed: 102 or more"),
    ],
)
def test_what_cannot_be_built_is_told(
    side: int, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        built(side, **settings)


def test_latents_are_even() -> None:
    with pytest.raises(ValueError, match="multiple of 2"):
        AutoencoderSettings(latent=63)
