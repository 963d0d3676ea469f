"""Bytes that networks hold, against shapes counted by hand."""

import pytest
import torch
from torch import Tensor, nn

from actsense.networks.peak import measure_peak

SIDE = 8
PIXEL = 4 * SIDE**2  # bytes of one channel of an image


class Residual(nn.Module):
    """Two values are alive while the second one is made."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 5, 1)
        self.second = nn.Conv2d(5, 7, 1)
        self.head = nn.Linear(7, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Return two logits."""
        inner = self.first(images)
        outer = self.second(inner)
        return self.head(outer.mean(dim=(2, 3)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_pass_holds_what_is_alive_together(device: str) -> None:
    peak = measure_peak(Residual().to(device), SIDE)
    # Image, normalised image, the first map and the second.
    assert peak.forward == pytest.approx((3 + 3 + 5 + 7) * PIXEL, rel=0.01)
    assert peak.weights == 4 * (3 * 5 + 5 + 5 * 7 + 7 + 7 * 2 + 2)


def test_a_way_back_holds_every_value_that_it_needs() -> None:
    deep = nn.Sequential(
        *(nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sigmoid()) for _ in range(10)),
        *(nn.Flatten(), nn.Linear(3 * SIDE**2, 2)),
    )
    peak = measure_peak(deep, SIDE)
    assert peak.forward <= 5 * 3 * PIXEL
    assert peak.back >= 10 * 3 * PIXEL


def test_networks_without_a_way_back_are_measured_all_the_same() -> None:
    class Counts(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            with torch.no_grad():
                return images.mean(dim=(2, 3))

    peak = measure_peak(Counts(), SIDE)
    assert peak.weights == 0
    assert peak.back >= 3 * PIXEL


def test_gradients_are_left_as_they_were() -> None:
    module = Residual()
    module.first.requires_grad_(False)
    measure_peak(module, SIDE)
    assert not module.first.weight.requires_grad
    assert module.second.weight.requires_grad
    assert module.second.weight.grad is None
