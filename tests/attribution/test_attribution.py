"""Attribution maps, against closed forms and what is done by hand."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from spatial_study import CLASSES, SIDE, convolutions, subject
from torch import Tensor, nn

from actsense.attribution.gradients import gradient, integrated_gradients, noise_keys, smoothgrad
from actsense.attribution.methods import METHODS, attribute, can_attribute, occlusion
from actsense.errors import ConfigError
from actsense.networks.bag import BagNetwork
from actsense.networks.subject import Subject

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)  # a channel has its own
SETTINGS: dict[str, Any] = {"size": 4, "samples": 3, "steps": 5}
ROWS = np.array([5, 40, 3, 20, 11])
TARGETS = torch.tensor([0, 1, 2, 3, 0])


class Quadratic(nn.Module):
    """Logits that are quadratic forms of the normalised image."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.linear = torch.randn(3 * SIDE**2, CLASSES, generator=generator)
        self.square = torch.randn(3 * SIDE**2, CLASSES, generator=generator)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        flat = images.flatten(1)
        return flat @ self.linear + flat**2 @ self.square


def linear() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, CLASSES))


def softplus() -> nn.Module:
    """Return a network whose gradient bends everywhere."""
    module = convolutions()
    module[1] = module[3] = nn.Softplus()
    return module


def bag() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return BagNetwork(CLASSES, width=4, receptive_field=5)


def net(module: nn.Module | None = None, *, batch_size: int = 32) -> Subject:
    own = subject(module, batch_size=batch_size)
    return replace(own, network=replace(own.network, mean=MEAN, std=STD))


def normalised(own: Subject) -> Tensor:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    return (own.read(ROWS) - mean) / std


def target_logits(own: Subject, images: Tensor) -> Tensor:
    """Return the logits of the targets of normalised images."""
    return own.network.module(images)[torch.arange(len(TARGETS)), TARGETS]


def weights(own: Subject) -> Tensor:
    """Return the weights of a linear network for the targets, (images, 3, side, side)."""
    weight: Tensor = own.network.module[1].weight
    return weight[TARGETS].view(-1, 3, SIDE, SIDE)


def test_the_gradient_of_a_linear_network_is_its_weights() -> None:
    own = net(linear())
    found = gradient(own, own.read(ROWS), TARGETS)
    torch.testing.assert_close(found, weights(own).abs().sum(dim=1))


def test_the_gradient_is_what_finite_differences_give() -> None:
    own = net(softplus())
    own.network.module.double()
    images, step = normalised(own).double(), 1e-4
    found = gradient(net(softplus()), own.read(ROWS), TARGETS)
    for row, column in ((0, 0), (7, 9), (15, 4)):
        strength = torch.zeros(len(ROWS), dtype=torch.float64)
        for channel in range(3):
            moved = images.clone(), images.clone()
            moved[0][:, channel, row, column] += step
            moved[1][:, channel, row, column] -= step
            up, down = (target_logits(own, each) for each in moved)
            strength += ((up - down) / (2 * step)).abs()
        torch.testing.assert_close(found[:, row, column].double(), strength, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("spread", [0.0, 0.1, 3.0])
def test_smoothgrad_of_a_linear_network_is_its_gradient(spread: float) -> None:
    own = net(linear())
    images, keys = own.read(ROWS), noise_keys(0, ROWS)
    found = smoothgrad(own, images, TARGETS, keys, samples=3, spread=spread)
    torch.testing.assert_close(found, gradient(own, images, TARGETS))


def test_smoothgrad_without_noise_is_the_gradient() -> None:
    own = net()
    images, keys = own.read(ROWS), noise_keys(0, ROWS)
    found = smoothgrad(own, images, TARGETS, keys, samples=1, spread=0.0)
    torch.testing.assert_close(found, gradient(own, images, TARGETS), rtol=1e-6, atol=0)


def test_noise_is_normal_and_as_wide_as_the_spread_of_the_range() -> None:
    own = net(linear())
    images, keys, spread = own.read(ROWS), noise_keys(0, ROWS), 0.25
    shown: list[Tensor] = []
    own.network.module.register_forward_hook(lambda _m, inputs, _o: shown.append(inputs[0]))
    smoothgrad(own, images, TARGETS, keys, samples=4, spread=spread)
    intact = normalised(own)
    ranges = intact.amax(dim=(1, 2, 3)) - intact.amin(dim=(1, 2, 3))
    noise = (torch.stack(shown).detach() - intact) / (spread * ranges).view(-1, 1, 1, 1)
    moments = [(noise**power).mean().item() for power in range(1, 5)]
    count = noise.numel()  # 15,360: four standard errors
    errors = [4 * (m / count) ** 0.5 for m in (1, 2, 15, 96)]
    np.testing.assert_array_less(np.abs(np.subtract(moments, (0, 1, 0, 3))), errors)
    per_image = noise.var(dim=(0, 2, 3, 4))
    torch.testing.assert_close(per_image, torch.ones(len(ROWS)), rtol=0, atol=0.11)
    correlation = torch.corrcoef(noise.transpose(0, 1).flatten(2).flatten(0, 1))
    assert correlation.fill_diagonal_(0).abs().max() < 0.16  # of 768 pixels: over four errors


def test_gradients_are_averaged_before_their_strength_is_taken() -> None:
    own = net(softplus())
    images, keys = own.read(ROWS), noise_keys(0, ROWS)
    apart = [smoothgrad(own, images, TARGETS, keys + k, samples=1, spread=0.5) for k in range(8)]
    together = smoothgrad(own, images, TARGETS, keys, samples=8, spread=0.5)
    assert together.mean() < 0.95 * torch.stack(apart).mean()


def test_integrated_gradients_of_a_linear_network_are_weight_times_image() -> None:
    own = net(linear())
    found = integrated_gradients(own, own.read(ROWS), TARGETS, steps=1)
    torch.testing.assert_close(found, (weights(own) * normalised(own)).sum(dim=1))


@pytest.mark.parametrize("steps", [1, 4])
def test_integrated_gradients_are_exact_where_the_gradient_is_linear(steps: int) -> None:
    own = net(Quadratic())
    module, images = own.network.module, normalised(own)
    a, b = (w[:, TARGETS].T.view(images.shape) for w in (module.linear, module.square))
    found = integrated_gradients(own, own.read(ROWS), TARGETS, steps=steps)
    torch.testing.assert_close(found, (a * images + b * images**2).sum(dim=1))


def test_integrated_gradients_add_up_to_the_change_of_the_logit() -> None:
    own = net(softplus())
    images = normalised(own)
    change = target_logits(own, images) - target_logits(own, torch.zeros_like(images))
    errors = [
        (integrated_gradients(own, own.read(ROWS), TARGETS, steps=n).sum(dim=(1, 2)) - change)
        .abs()
        .max()
        for n in (2, 8, 32)
    ]
    assert change.abs().max() > 1
    assert errors[2] < 2e-4 * change.abs().max()
    assert errors[0] > 8 * errors[1] > 40 * errors[2]  # as the square of the step


def test_occlusion_is_the_drop_of_the_log_probability() -> None:
    own = net()
    found = occlusion(own, own.read(ROWS), TARGETS, size=5)  # bands of 6, 5 and 5 pixels
    edges = (0, 6, 11, 16)
    images, chosen = normalised(own), (torch.arange(len(ROWS)), TARGETS)
    intact = own.network.module(images).double().softmax(dim=1)[chosen].log()
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            hidden = images.clone()
            hidden[:, :, top:bottom, left:right] = 0
            drop = intact - own.network.module(hidden).double().softmax(dim=1)[chosen].log()
            cell = found[:, top:bottom, left:right].double()
            expected = drop[:, None, None].expand_as(cell)
            torch.testing.assert_close(cell, expected, rtol=1e-4, atol=1e-5)
    assert found.amin() < 0 < found.amax()


def test_occlusion_tells_cells_apart_where_the_probability_is_one() -> None:
    module = linear()
    module[1].bias.data = torch.tensor([20.0, 0.0, 0.0, 0.0])
    own = net(module)
    targets = torch.zeros(len(ROWS), dtype=torch.int64)
    images = own.read(ROWS)
    assert (own.logits(images).softmax(dim=1)[:, 0] == 1).all()
    found = occlusion(own, images, targets, size=4)
    assert all(len(each.unique()) == 16 for each in found)


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_of_every_image_alone(method: str) -> None:
    module: Callable[[], nn.Module] = bag if method == "evidence" else convolutions
    own = net(module())
    usual = attribute(method, own, ROWS, TARGETS, settings=SETTINGS, seed=0)
    assert usual.shape == (5, SIDE, SIDE)
    assert usual.dtype == torch.float32
    order = torch.tensor([3, 0, 4, 2, 1])
    other = attribute(
        *(method, net(module(), batch_size=2), ROWS[order.numpy()], TARGETS[order]),
        settings=SETTINGS,
        seed=0,
    )
    torch.testing.assert_close(other, usual[order], rtol=1e-4, atol=1e-6)
    again = attribute(method, own, ROWS, TARGETS, settings=SETTINGS, seed=0)
    torch.testing.assert_close(again, usual, rtol=0, atol=0)


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_of_their_targets(method: str) -> None:
    own = net(bag() if method == "evidence" else convolutions())
    usual = attribute(method, own, ROWS, TARGETS, settings=SETTINGS, seed=0)
    targets = TARGETS.clone()
    targets[0] = 3
    other = attribute(method, own, ROWS, targets, settings=SETTINGS, seed=0)
    assert (other[0] - usual[0]).abs().mean() > 0.1 * usual[0].abs().mean()
    torch.testing.assert_close(other[1:], usual[1:])


@pytest.mark.parametrize(("method", "same"), [("smoothgrad", False), ("gradient", True)])
def test_the_seed_decides_the_noise(method: str, same: bool) -> None:
    maps = [
        attribute(method, net(), ROWS, TARGETS, settings=SETTINGS, seed=seed) for seed in (0, 1)
    ]
    assert torch.equal(*maps) is same


def test_the_random_numbers_and_gradients_of_the_caller_are_left_alone() -> None:
    own, state = net(bag()), torch.get_rng_state()
    for method in METHODS:
        attribute(method, own, ROWS, TARGETS, settings=SETTINGS, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in own.network.module.parameters())


def test_only_a_bag_gives_evidence() -> None:
    assert can_attribute("evidence", net(bag()))
    assert not can_attribute("evidence", net())
    assert can_attribute("gradient", net())
    assert not can_attribute("regions", net())


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"spatial\.cells\.methods: 'grad' is not known"):
        attribute("grad", net(), ROWS, TARGETS, settings=SETTINGS, seed=0)
