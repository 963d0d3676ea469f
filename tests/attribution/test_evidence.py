"""The evidence of windows, laid on pixels."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from spatial_study import CLASSES, noise, subject
from torch import Tensor

from actsense.attribution.evidence import dense_evidence, evidence_map
from actsense.errors import ConfigError
from actsense.networks.bag import BagNetwork
from actsense.networks.subject import Subject

SIDE = 22
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
TARGETS = torch.tensor([0, 3, 1])


def bag(receptive_field: int) -> Subject:
    """Return a bag with random weights and lively batch statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(receptive_field)
        module = BagNetwork(CLASSES, width=2, receptive_field=receptive_field)
        for _ in range(30):  # until running statistics are those of such images
            module(torch.randn(4, 3, SIDE, SIDE))
    own = subject(module, noise(side=SIDE))
    return replace(own, network=replace(own.network, mean=MEAN, std=STD))


def images(own: Subject, *, width: int = SIDE) -> Tensor:
    return own.read(torch.arange(3).numpy())[..., :width]


def windows(own: Subject, batch: Tensor) -> Tensor:
    """Return the padded window around every pixel, (batch, 3, side, side, pixels), normalised."""
    module = own.network.module
    assert isinstance(module, BagNetwork)
    side = module.windows.side
    normalised = (batch - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    found = torch.nn.functional.unfold(normalised, side, padding=side // 2)
    return found.view(len(batch), 3, side, side, -1)


@pytest.mark.parametrize("side", [5, 9, 17])
@pytest.mark.parametrize("width", [SIDE, 19])
def test_the_stitched_map_is_that_of_all_windows_one_by_one(side: int, width: int) -> None:
    own = bag(side)
    batch = images(own, width=width)
    found = dense_evidence(own, batch, TARGETS)
    each = windows(own, batch)
    logits = own.network.module(each.permute(0, 4, 1, 2, 3).flatten(0, 1)).view(3, SIDE, width, -1)
    expected = logits[torch.arange(3), :, :, TARGETS]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    assert found.flatten(1).std(dim=1).min() > 0.003


@pytest.mark.parametrize("side", [5, 9, 17])
@pytest.mark.parametrize("width", [SIDE, 19])
def test_evidence_on_pixels_sums_to_the_logit(side: int, width: int) -> None:
    own = bag(side)
    batch = images(own, width=width)
    found = evidence_map(own, batch, TARGETS)
    assert found.shape == (3, SIDE, width)
    logits = own.logits(batch)[torch.arange(3), TARGETS]
    torch.testing.assert_close(found.sum(dim=(1, 2)), logits)


@pytest.mark.parametrize("side", [5, 9, 17])
def test_every_window_is_spread_over_its_own_pixels(side: int) -> None:
    own = bag(side)
    module = own.network.module
    assert isinstance(module, BagNetwork)
    batch, jump = images(own), module.windows.jump
    each = windows(own, batch).view(3, 3, side, side, SIDE, SIDE)
    places = module.windows.count(SIDE)
    expected = torch.zeros(3, SIDE, SIDE)
    for row in range(0, places * jump, jump):
        for column in range(0, places * jump, jump):
            window = each[..., row + side // 2, column + side // 2]
            logits = module(window)[torch.arange(3), TARGETS]
            part = logits / places**2 / side**2
            expected[:, row : row + side, column : column + side] += part[:, None, None]
    torch.testing.assert_close(evidence_map(own, batch, TARGETS), expected, rtol=0, atol=1e-6)
    uncovered = SIDE - ((places - 1) * jump + side)
    assert (expected != 0).sum() == 3 * (SIDE - uncovered) ** 2


@pytest.mark.parametrize("mapped", [evidence_map, dense_evidence])
def test_other_networks_have_no_evidence(mapped: Callable[..., Tensor]) -> None:
    own = subject()
    with pytest.raises(ConfigError, match=r"networks\.net: Sequential has no windows .* bag"):
        mapped(own, own.read(torch.arange(3).numpy()), TARGETS)
