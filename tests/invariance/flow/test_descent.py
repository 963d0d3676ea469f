"""Steps on joined weights are those of PyTorch's optimiser; what is joined stays a module."""

import copy
from typing import Any

import pytest
import torch
from flows import SMALL, normal
from torch import Tensor, nn

from actsense.invariance.flow.descent import Descent, joined
from actsense.invariance.flow.flow import build_flow


def loss_of(module: nn.Module, k: int) -> Tensor:
    found: Tensor = module(normal(9, 3, seed=k)).square().sum()
    return found


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2), nn.Linear(2, 2)).double()


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_steps_and_what_is_kept_of_them(decay: float) -> None:
    """Against AdamW; from the middle on with another one that was told what the first knew."""
    own, peer = network(), network()
    options: dict[str, Any] = {"betas": (0.7, 0.9), "decay": decay, "clip": None}
    descent = Descent(own, **options)
    groups = [
        {"params": [w for w in peer.parameters() if w.ndim > 1], "weight_decay": decay},
        {"params": [w for w in peer.parameters() if w.ndim < 2], "weight_decay": 0.0},
    ]
    adam = torch.optim.AdamW(groups, 0.1, betas=(0.7, 0.9), fused=False)
    for k in range(8):
        if k == 4:
            known = copy.deepcopy(descent.state())
            descent = Descent(own, **options)
            descent.restore(known)
        descent.step(loss_of(own, k), 0.1)
        adam.zero_grad()
        loss_of(peer, k).backward()  # type: ignore[no-untyped-call]
        adam.step()
    for weight, expected in zip(own.parameters(), peer.parameters(), strict=True):
        torch.testing.assert_close(weight, expected)


@pytest.mark.parametrize("clip", [0.5, 1e6])
def test_long_gradients_alone_are_clipped(clip: float) -> None:
    """The first step without memory goes by g / (|g| + 1e-8): large losses show in no step."""
    module = nn.Linear(2, 1, bias=False).double()
    descent = Descent(module, betas=(0.0, 0.0), decay=0.0, clip=clip)
    before = descent.values.clone()
    slopes = torch.tensor([3e-8, 4.0]).double()
    descent.step((module.weight * slopes).sum(), 1.0)
    given = slopes * min(1, clip / 4)
    torch.testing.assert_close(before - descent.values, given / (given + 1e-8))


def test_weights_without_a_gradient_stay() -> None:
    module = network()
    before = [weight.clone() for weight in module.parameters()]
    descent = Descent(module, betas=(0.9, 0.9), decay=0.0, clip=1.0)
    descent.step(module[0].bias.sum(), 0.1)
    changed = [not torch.equal(*both) for both in zip(before, module.parameters(), strict=True)]
    assert changed == [False, True, False, False, False, False]


def test_joined_weights_are_the_same_and_move_together() -> None:
    flow = build_flow(SMALL, 6, (3, 6, 5))
    for frozen in flow.blocks[0].parameters():
        frozen.requires_grad_(requires_grad=False)
    before = {name: weight.clone() for name, weight in flow.named_parameters()}
    needed = {name: weight.requires_grad for name, weight in flow.named_parameters()}
    values = joined(flow)
    assert len(values) == sum(weight.numel() for weight in before.values())
    for name, weight in flow.named_parameters():
        torch.testing.assert_close(weight, before[name], rtol=0, atol=0)
        assert weight.requires_grad == needed[name]
    values.mul_(2)
    for name, weight in flow.named_parameters():
        torch.testing.assert_close(weight.detach(), 2 * before[name].detach(), rtol=0, atol=0)
    matrices = sum(weight.numel() for weight in before.values() if weight.ndim > 1)
    kinds = torch.cat([w.flatten() for w in flow.parameters() if w.ndim > 1])
    torch.testing.assert_close(values[:matrices].sort().values, kinds.detach().sort().values)
