from typing import Any

import pytest
import torch
from torch import Tensor, nn

from actsense.networks import Network, Recorder

UNCHANGED = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def network(module: nn.Module) -> Network:
    return Network("net", module.eval().requires_grad_(False), *UNCHANGED, None, None)


def recorded(recorder: Recorder, images: Tensor) -> Tensor:
    out = torch.full((len(images), recorder.units), torch.nan)
    recorder.record(images, out)
    return out


def part(recorder: Recorder, out: Tensor, name: str) -> Tensor:
    (layer,) = [layer for layer in recorder.layers if layer.name == name]
    return out[:, layer.offset : layer.stop].unflatten(1, layer.shape)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(32, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("sizes", [[1] * 32, [3, 29], [16, 16], [31, 1]])
def test_the_batch_changes_no_activation(small: Network, images: Tensor, sizes: list[int]) -> None:
    recorder = Recorder(small, "auto", 32)
    whole = recorded(recorder, images)
    pieces = torch.cat([recorded(recorder, piece) for piece in images.split(sizes)])
    assert (whole - pieces).abs().max() < 1e-5
    assert whole.abs().max() > 0.1


def test_the_company_in_the_batch_changes_no_activation(small: Network, images: Tensor) -> None:
    recorder = Recorder(small, "auto", 32)
    alone = recorded(recorder, images[:4])
    crowd = recorded(recorder, torch.cat([images[:4], torch.ones(20, 3, 32, 32)]))
    assert (alone - crowd[:4]).abs().max() < 1e-5


def test_every_unit_is_written(small: Network, images: Tensor) -> None:
    out = recorded(Recorder(small, "auto", 32), images)
    assert out.isfinite().all()


def test_units_are_in_the_order_channel_row_column(small: Network, images: Tensor) -> None:
    recorder = Recorder(small, ["stage2", "logits"], 32)
    module = small.module
    inputs = (images - 0.5) / 0.25
    expected = module.stage2(module.stage1(inputs))
    found = part(recorder, recorded(recorder, images), "stage2")
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_order_of_units_does_not_follow_the_memory_layout(
    small: Network, images: Tensor
) -> None:
    recorder = Recorder(small, ["stage2", "stage4"], 32)
    plain = recorded(recorder, images)
    strided = recorded(recorder, images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(plain, strided, atol=1e-5, rtol=0)


def test_images_are_normalised(images: Tensor) -> None:
    module = nn.Sequential(nn.Identity(), nn.Flatten(), nn.LazyLinear(2))
    module(images)
    mean, std = (0.1, 0.2, 0.3), (0.5, 1.0, 2.0)
    recorder = Recorder(Network("net", module, mean, std, None, None), ["0"], 32)
    found = part(recorder, recorded(recorder, images), "0")
    for channel in range(3):
        expected = (images[:, channel] - mean[channel]) / std[channel]
        torch.testing.assert_close(found[:, channel], expected)


def test_a_later_operation_in_place_does_not_change_the_record(images: Tensor) -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(3600, 2)
    )
    recorder = Recorder(network(module), ["0", "1"], 32)
    out = recorded(recorder, images)
    before, after = part(recorder, out, "0"), part(recorder, out, "1")
    assert (before < 0).any()
    torch.testing.assert_close(before.relu(), after)


def test_probabilities_are_the_softmax_of_the_logits(small: Network, images: Tensor) -> None:
    recorder = Recorder(small, ["probabilities", "logits"], 32)
    out = recorded(recorder, images)
    probabilities, logits = part(recorder, out, "probabilities"), part(recorder, out, "logits")
    torch.testing.assert_close(probabilities, logits.softmax(dim=1))
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(32))
    torch.testing.assert_close(logits, small.module((images - 0.5) / 0.25), atol=1e-5, rtol=0)


def test_a_slice_of_a_larger_buffer_is_filled_and_nothing_else(
    small: Network, images: Tensor
) -> None:
    recorder = Recorder(small, "auto", 32)
    buffer = torch.full((40, recorder.units + 7), -1.0)
    recorder.record(images, buffer[4:36, 7:])
    torch.testing.assert_close(buffer[4:36, 7:], recorded(recorder, images))
    assert (buffer[:4] == -1).all()
    assert (buffer[36:] == -1).all()
    assert (buffer[:, :7] == -1).all()


def test_recording_twice_gives_the_same_bits(small: Network, images: Tensor) -> None:
    recorder = Recorder(small, "auto", 32)
    assert torch.equal(recorded(recorder, images), recorded(recorder, images))


def test_settings_of_the_backend_and_hooks_are_restored(small: Network, images: Tensor) -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    recorded(Recorder(small, "auto", 32), images)
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == before
    assert not any(module._forward_hooks for module in small.module.modules())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images: images[:, :, 1:], r"images must be \(32, 3, 32, 32\) float32, got"),
        (lambda images: images.double(), "images must be .* torch.float64"),
    ],
)
def test_images_of_another_shape_or_type_are_refused(
    small: Network, images: Tensor, change: Any, message: str
) -> None:
    recorder = Recorder(small, "auto", 32)
    with pytest.raises(ValueError, match=message):
        recorder.record(change(images), torch.empty(32, recorder.units))


def test_a_buffer_of_another_shape_is_refused(small: Network, images: Tensor) -> None:
    recorder = Recorder(small, "auto", 32)
    with pytest.raises(ValueError, match=r"out must be \(32, 15434\) float32, got \(32, 5\)"):
        recorder.record(images, torch.empty(32, 5))


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
    recorder = Recorder(network(module), ["act"], 32)
    recorded(recorder, images)
    module.times = times
    with pytest.raises(RuntimeError, match=message):
        recorded(recorder, images)
