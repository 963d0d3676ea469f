"""Networks that are no fixed function of one image are found, with the place and the cause."""

import random
from collections.abc import Callable, Iterator

import numpy as np
import own_networks as own
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from actsense.draws.global_state import seeded_globals
from actsense.errors import ConfigError
from actsense.networks.network import Network
from actsense.networks.probes import check_function, differ, probe_images

TWICE, ALONE = "shown the same images twice", "shown an image alone and in a batch"


def check(build: Callable[[], nn.Module]) -> Network:
    """Check a network whose weights are those of its first build."""
    weights: dict[str, Tensor] = {}

    def load() -> Network:
        module = build()
        weights.update({} if weights else module.state_dict())
        module.load_state_dict(weights)
        module.eval().requires_grad_(False)
        return Network("net", module, (0.5,) * 3, (0.25,) * 3, None, None)

    return check_function(load, 16)


class Change(nn.Module):
    """Does something to what it gets."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change

    def forward(self, batch: Tensor) -> Tensor:
        """Do it."""
        return self.change(batch)


def changed(change: Callable[[Tensor], Tensor] | nn.Module) -> Callable[[], nn.Module]:
    """Return what builds a network whose module `1` changes what module `0` returns."""
    inner = change if isinstance(change, nn.Module) else Change(change)
    return lambda: nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), inner, *own.body(channels=8))


def normalised(batch: Tensor) -> Tensor:
    means = functional.batch_norm(batch.mean(dim=(2, 3)), None, None, training=True)
    return batch + means[..., None, None]


class Counted(nn.Module):
    """Adds the number of the pass."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def forward(self, batch: Tensor) -> Tensor:
        """Count, and add."""
        self.passes += 1
        return batch + self.passes


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (own.Dropping, rf"{TWICE}, what layer 'last' \(Linear\) gets, behind 'relu',.*dropout"),
        (changed(lambda x: x + torch.rand_like(x)), rf"{TWICE}, the output of layer '1' \(Change"),
        (changed(Counted()), rf"{TWICE}, the output of layer '1' \(Counted\) .* changes what"),
        (
            changed(nn.BatchNorm2d(8, track_running_stats=False)),
            rf"{ALONE}, the output of layer '1' \(BatchNorm2d\) differs.*running statistics",
        ),
        (changed(lambda x: x - x.mean(dim=0)), rf"{ALONE}, the output of layer '1'"),
        (changed(lambda x: x - x[:1]), rf"{ALONE}, the output of layer '1'"),
        (
            changed(lambda x: torch.cat([x[:-1], x[-1:] + 1]) if len(x) > 1 else x),
            "shown the same images in another order, the output of layer '1'",
        ),
        (
            changed(normalised),
            "shown one image alone, failed with ValueError: Expected more ",
        ),
        *(
            (
                lambda source=source: own.Held(source),
                r"built a second time, .* what layer 'act' \(ReLU\) gets differs.*register_buffer",
            )
            for source in ("torch", "random", "numpy")
        ),
    ],
)
def test_the_first_place_and_the_cause_are_told(
    build: Callable[[], nn.Module], message: str
) -> None:
    # Of one start: two draws that are alike by chance would name another place.
    with seeded_globals(5), pytest.raises(ConfigError, match=message) as told:
        check(build)
    assert str(told.value).startswith("networks.net: ")
    assert "\n" not in str(told.value)


@pytest.fixture
def unseeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


@pytest.mark.usefixtures("unseeded")
@pytest.mark.parametrize(
    "build",
    [
        lambda: own.Held("seeded"),
        changed(nn.BatchNorm2d(8)),
        changed(nn.Sequential(nn.Dropout(0.5), nn.InstanceNorm2d(8), nn.ReLU(inplace=True))),
        # What enlarges rounding, decides, or has no axis of images.
        changed(lambda x: torch.log(x.abs())),
        changed(lambda x: (x > 0).float()),
        changed(lambda x: torch.fft.rfft2(x).abs()),
        changed(lambda x: x * len(x) / x.shape[0]),
        changed(lambda x: x.reshape(-1, 4, 8, 8).relu().reshape(x.shape)),
    ],
)
def test_a_fixed_function_of_one_image_passes(build: Callable[[], nn.Module]) -> None:
    network = check(build)
    assert not any(module._forward_hooks for module in network.module.modules())
    assert not any(module._forward_pre_hooks for module in network.module.modules())


@pytest.mark.parametrize("number", [torch.nan, torch.inf])
def test_outputs_that_are_no_numbers_are_refused_with_their_first_place(number: float) -> None:
    build = changed(lambda x: x * number)
    with pytest.raises(ConfigError, match=r"NaN or infinite.*output of layer '1' \(Change\)"):
        check(build)


def test_a_class_may_be_ruled_out() -> None:
    ruled_out = torch.tensor([0.0, -torch.inf, 0.0])
    check(lambda: nn.Sequential(*own.body(), Change(lambda x: x + ruled_out[: x.shape[1]])))


def test_global_generators_are_left_where_they_were() -> None:
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1]  # noqa: NPY002
    check(lambda: nn.Sequential(nn.AvgPool2d(4), nn.Flatten()))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.array_equal(np.random.get_state()[1], before[2])  # noqa: NPY002


def test_numbers_that_are_none_agree_with_their_like() -> None:
    one = torch.tensor([1.0, torch.nan, torch.inf])
    assert not differ(one, one.clone())
    assert differ(one, torch.tensor([1.0, 2.0, torch.inf]))
    assert differ(torch.tensor([torch.nan]), torch.tensor([1.0]))


def test_probes_are_different_images_in_range() -> None:
    images = probe_images(3, 8)
    assert torch.equal(images[:2], probe_images(2, 8))
    assert 0 <= images.min() < images.max() <= 1
    assert images.mean(dim=(2, 3)).std(dim=0).min() > 0.05
