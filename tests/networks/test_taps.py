from collections.abc import Callable
from typing import Any

import pytest
import torch
from opened import opened
from torch import Tensor, nn
from torch.nn import functional

from actsense.errors import ConfigError
from actsense.networks.network import Network
from actsense.networks.taps import Tap

UNCHANGED = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def network(module: nn.Module) -> Network:
    return Network("net", module.eval().requires_grad_(False), *UNCHANGED, None, None)


def recorded(tap: Tap, images: Tensor) -> Tensor:
    out = torch.full((len(images), tap.units), torch.nan)
    tap.record(images, out)
    return out


def part(tap: Tap, out: Tensor, name: str) -> Tensor:
    (layer,) = [layer for layer in tap.layers if layer.name == name]
    return out[:, layer.units].unflatten(1, layer.shape)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(32, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("sizes", [[1] * 32, [3, 29], [16, 16], [31, 1]])
def test_the_batch_changes_no_activation(small: Network, images: Tensor, sizes: list[int]) -> None:
    tap = opened(small, 32).tap("auto")
    whole = recorded(tap, images)
    pieces = torch.cat([recorded(tap, piece) for piece in images.split(sizes)])
    assert (whole - pieces).abs().max() < 1e-5
    assert whole.abs().max() > 0.1


def test_the_company_in_the_batch_changes_no_activation(small: Network, images: Tensor) -> None:
    tap = opened(small, 32).tap("auto")
    alone = recorded(tap, images[:4])
    crowd = recorded(tap, torch.cat([images[:4], torch.ones(20, 3, 32, 32)]))
    assert (alone - crowd[:4]).abs().max() < 1e-5


def test_every_unit_is_written(small: Network, images: Tensor) -> None:
    out = recorded(opened(small, 32).tap("auto"), images)
    assert out.isfinite().all()


def test_units_are_in_the_order_channel_row_column(small: Network, images: Tensor) -> None:
    tap = opened(small, 32).tap(["stage2", "logits"])
    module = small.module
    inputs = (images - 0.5) / 0.25
    expected = module.stage2(module.stage1(inputs))
    found = part(tap, recorded(tap, images), "stage2")
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_order_of_units_does_not_follow_the_memory_layout(
    small: Network, images: Tensor
) -> None:
    tap = opened(small, 32).tap(["stage2", "stage4"])
    plain = recorded(tap, images)
    strided = recorded(tap, images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(plain, strided, atol=1e-5, rtol=0)


def test_images_are_normalised(images: Tensor) -> None:
    module = nn.Sequential(nn.Identity(), nn.Flatten(), nn.LazyLinear(2))
    module(images)
    mean, std = (0.1, 0.2, 0.3), (0.5, 1.0, 2.0)
    tap = opened(Network("net", module, mean, std, None, None), 32).tap(["0"])
    found = part(tap, recorded(tap, images), "0")
    for channel in range(3):
        expected = (images[:, channel] - mean[channel]) / std[channel]
        torch.testing.assert_close(found[:, channel], expected)


def test_a_later_operation_in_place_does_not_change_the_record(images: Tensor) -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(3600, 2)
    )
    tap = opened(network(module), 32).tap(["0", "1"])
    out = recorded(tap, images)
    before, after = part(tap, out, "0"), part(tap, out, "1")
    assert (before < 0).any()
    torch.testing.assert_close(before.relu(), after)


def test_probabilities_are_the_softmax_of_the_logits(small: Network, images: Tensor) -> None:
    tap = opened(small, 32).tap(["probabilities", "logits"])
    out = recorded(tap, images)
    probabilities, logits = part(tap, out, "probabilities"), part(tap, out, "logits")
    torch.testing.assert_close(probabilities, logits.softmax(dim=1))
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(32))
    torch.testing.assert_close(logits, small.module((images - 0.5) / 0.25), atol=1e-5, rtol=0)


def test_a_slice_of_a_larger_buffer_is_filled_and_nothing_else(
    small: Network, images: Tensor
) -> None:
    tap = opened(small, 32).tap("auto")
    buffer = torch.full((40, tap.units + 7), -1.0)
    tap.record(images, buffer[4:36, 7:])
    torch.testing.assert_close(buffer[4:36, 7:], recorded(tap, images))
    assert (buffer[:4] == -1).all()
    assert (buffer[36:] == -1).all()
    assert (buffer[:, :7] == -1).all()


def test_recording_twice_gives_the_same_bits(small: Network, images: Tensor) -> None:
    tap = opened(small, 32).tap("auto")
    assert torch.equal(recorded(tap, images), recorded(tap, images))


def test_settings_of_the_backend_and_hooks_are_restored(small: Network, images: Tensor) -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    recorded(opened(small, 32).tap("auto"), images)
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == before
    assert not any(module._forward_hooks for module in small.module.modules())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images: images[:, :, 1:], r"images must be \(32, 3, 32, 32\), got"),
        (lambda images: images.double(), "images must be float32, got torch.float64"),
    ],
)
def test_images_of_another_shape_or_type_are_refused(
    small: Network, images: Tensor, change: Any, message: str
) -> None:
    tap = opened(small, 32).tap("auto")
    with pytest.raises(ValueError, match=message):
        tap.record(change(images), torch.empty(32, tap.units))


def test_a_buffer_of_another_shape_is_refused(small: Network, images: Tensor) -> None:
    tap = opened(small, 32).tap("auto")
    for shape, start in (((31, 5), 0), ((32, 15435), 0), ((32, 5), 15430)):
        with pytest.raises(ValueError, match=rf"out must be \(32, {15434 - start}\) float32"):
            tap.record(images, torch.empty(shape), start)


@pytest.mark.parametrize("ends", [(0, 5), (3, 14000), (8191, 8193), (15000, 15434), (7, 7)])
def test_some_units_are_those_of_all(
    small: Network, images: Tensor, ends: tuple[int, int]
) -> None:
    tap = opened(small, 32).tap("auto")
    out = torch.full((32, ends[1] - ends[0]), -1.0)
    tap.record(images, out, ends[0])
    assert torch.equal(out, recorded(tap, images)[:, slice(*ends)])


class Fickle(nn.Module):
    """Runs its activation function as often as told."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 1
        self.act = nn.ReLU()
        self.head = nn.LazyLinear(2)

    def forward(self, images: Tensor) -> Tensor:
        """Return two logits per image."""
        for _ in range(self.times):
            images = self.act(images)
        return self.head(images.flatten(1))


@pytest.mark.parametrize(("times", "message"), [(0, "did not run"), (2, "ran again")])
def test_a_network_that_changes_its_mind_is_found_out(
    images: Tensor, times: int, message: str
) -> None:
    module = Fickle()
    module(images)
    tap = opened(network(module), 32).tap(["act"])
    recorded(tap, images)
    module.times = times
    with pytest.raises(ConfigError, match=message):
        recorded(tap, images)


class Tokens(nn.Module):
    """Patches as tokens, mixed by attention."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 4, 2, stride=2)
        self.norm = nn.LayerNorm(4)
        self.mix = nn.Linear(4, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Return three logits per image."""
        tokens = self.norm(self.patches(images).flatten(2).transpose(1, 2))
        shares = (tokens @ tokens.transpose(1, 2)).softmax(dim=-1)
        return self.head(functional.gelu(self.mix(shares @ tokens)).mean(dim=1))


class Twice(nn.Module):
    """One convolution and one activation function, each called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Return three logits per image."""
        features = self.act(self.conv(self.act(self.stem(images))))
        return self.head(self.conv(features).mean(dim=(2, 3)))


def plain() -> nn.Module:
    """Return convolutions, each with an operation in place behind it."""
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 3), nn.Tanh()),
        *(nn.Flatten(), nn.Linear(8, 5), nn.ReLU(inplace=True), nn.Linear(5, 3)),
    )


def tapped(make: Callable[[], nn.Module], layers: list[str]) -> tuple[nn.Module, Tap]:
    """Open a random network for images of 6 x 6 pixels."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        module = make().eval().requires_grad_(False)
    net = Network("net", module, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4), None, None)
    return module, opened(net, 6).tap(layers)


def pixels(count: int = 2) -> Tensor:
    return torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(4))


KINDS = {
    "convolution": (plain, "0"),
    "in place": (plain, "1"),
    "last convolution": (plain, "2"),
    "vector": (plain, "5"),
    "tokens": (Tokens, "norm"),
    "mixed tokens": (Tokens, "mix"),
    "before a module that runs twice": (Twice, "stem"),
    "behind a module that runs twice": (Twice, "head"),
    "logits": (Tokens, "logits"),
    "probabilities": (plain, "probabilities"),
}


@pytest.mark.parametrize(("make", "layer"), KINDS.values(), ids=KINDS)
def test_the_way_back_is_that_of_finite_differences(
    make: Callable[[], nn.Module], layer: str
) -> None:
    """Of every unit with respect to every pixel."""
    module, tap = tapped(make, [layer])
    module.double()
    images = pixels().double().requires_grad_()
    (activations,) = tap(images).values()
    assert activations.dtype == torch.float64
    assert activations.std() > 1e-3
    torch.autograd.gradcheck(lambda shown: tap(shown)[layer], images, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("make", "layers"),
    [
        (plain, ["0", "1", "2", "3", "5", "6", "logits", "probabilities"]),
        (Tokens, ["patches", "norm", "mix", "probabilities", "logits"]),
    ],
)
def test_what_is_tapped_has_the_bits_of_what_is_recorded(
    make: Callable[[], nn.Module], layers: list[str], precision: str
) -> None:
    module, _ = tapped(make, layers)
    net = Network("net", module, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4), None, None)
    tap = opened(net, 6, precision=precision).tap(layers)
    activations, out = tap(pixels(5).requires_grad_()), recorded(tap, pixels(5))
    assert list(activations) == layers
    for name, values in activations.items():
        assert values.requires_grad
        assert torch.equal(values, part(tap, out, name)), name


def test_every_layer_of_a_batch_can_be_asked_at_once(small: Network, images: Tensor) -> None:
    tap = opened(small, 32).tap(["stage1", "stage3", "logits"])
    shown = images[:2].clone().requires_grad_()
    activations = tap(shown)
    for values in activations.values():
        (found,) = torch.autograd.grad(values[0].sum(), shown, retain_graph=True)
        assert found[0].abs().sum() > 0
        assert (found[1] == 0).all()


def test_the_gradient_of_a_scaled_layer_is_that_of_the_scaled_network() -> None:
    module, tap = tapped(plain, ["2", "logits"])
    factor = torch.tensor([0.0, 3.0]).view(2, 1, 1)
    shown = pixels().requires_grad_()
    (usual,) = torch.autograd.grad(tap(shown)["2"][:, 1].sum(), shown)
    handle = module[2].register_forward_hook(lambda _module, _inputs, output: output * factor)
    (masked,) = torch.autograd.grad(tap(shown)["2"].sum(), shown)
    handle.remove()
    assert usual.abs().sum() > 0
    torch.testing.assert_close(masked, 3 * usual)


def test_a_tap_leaves_no_hook_behind_whatever_happens() -> None:
    module, tap = tapped(plain, ["0", "2"])
    tap(pixels())
    with pytest.raises(ConfigError, match="its forward failed with RuntimeError"):
        tap(pixels().double())  # another type than the weights
    with pytest.raises(ValueError, match=r"images must be \(2, 3, 6, 6\), got \(2, 3, 6, 5\)"):
        tap(pixels()[..., 1:])
    assert not any(each._forward_hooks for each in module.modules())


def test_a_tap_has_a_way_back_also_after_a_recording() -> None:
    _, tap = tapped(plain, ["3"])
    recorded(tap, pixels())
    shown = pixels().requires_grad_()
    (found,) = torch.autograd.grad(tap(shown)["3"].sum(), shown)
    assert found.abs().sum() > 0
