"""The made-up GPU of the tests finds tensors in the wrong place, as a real one would."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from accelerator import accelerator
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional

# Of tensors on the device (x, index i) and on the host (y, index j), of 3 x 4 numbers each.
OPERATIONS: dict[str, Callable[..., Any]] = {
    "alone": lambda x, y, i, j: x.exp().sum(dim=1),
    "sum": lambda x, y, i, j: x + y,
    "product": lambda x, y, i, j: x @ y.T,
    "in place": lambda x, y, i, j: x.mul_(y),
    "in place on the host": lambda x, y, i, j: y.mul_(x),
    "number from the host": lambda x, y, i, j: x * y[0, 0],
    "number from the device": lambda x, y, i, j: y * x[0, 0],
    "where": lambda x, y, i, j: torch.where(x > 0, x, y),
    "condition on the host": lambda x, y, i, j: torch.where(y > 0, x, 0.0),
    "joined": lambda x, y, i, j: torch.cat([x, y]),
    "stacked": lambda x, y, i, j: torch.stack([y, x]),
    "index": lambda x, y, i, j: x[i],
    "index on the host": lambda x, y, i, j: x[j],
    "selected": lambda x, y, i, j: x.index_select(0, j),
    "gathered": lambda x, y, i, j: x.gather(0, j[:, None].expand(2, 4)),
    "written": lambda x, y, i, j: x.index_copy_(0, i, y[:2]),
    "put": lambda x, y, i, j: x.index_put_((i,), y[:2]),
    "put by an index on the host": lambda x, y, i, j: x.index_put_((j,), x[:2] + 1),
    "sent": lambda x, y, i, j: x + y.to(x.device),
    "fetched": lambda x, y, i, j: x.cpu() + y,
    "copied": lambda x, y, i, j: x.copy_(y),
    "copied to the host": lambda x, y, i, j: y.copy_(x),
    "made alike": lambda x, y, i, j: torch.ones_like(x) + y,
    "made there": lambda x, y, i, j: x + torch.arange(4, device=x.device),
    "made by default": lambda x, y, i, j: x + torch.arange(4),
    "given values": lambda x, y, i, j: x + torch.tensor([1.0] * 4, device=x.device),
    "normalised": lambda x, y, i, j: functional.batch_norm(x, y[0], y[1], training=False),
    "lost": lambda x, y, i, j: functional.cross_entropy(x[:2], j),
    "into": lambda x, y, i, j: torch.add(x, x, out=y),
}


# What tensors without values let pass.
REFUSED: dict[str, Callable[..., Any]] = {
    "rows of the host": lambda x, y, i, j: y[i],
    "values": lambda x, y, i, j: x.numpy(),
    "array": lambda x, y, i, j: np.asarray(x),
}


def refused(run: Callable[[], Any]) -> bool:
    """Tell whether something fails because tensors lie in different places."""
    try:
        run()
    except (RuntimeError, TypeError) as error:
        if "device" in str(error):
            return True
        raise
    return False


def run(name: str, place: torch.device) -> Any:
    x, y, j = torch.ones(3, 4, device=place), torch.ones(3, 4), torch.zeros(2, dtype=torch.int64)
    return (OPERATIONS | REFUSED)[name](x, y, j.to(place), j)


@pytest.mark.parametrize("name", OPERATIONS)
def test_it_refuses_what_pytorch_refuses_of_tensors_without_values(name: str) -> None:
    with FakeTensorMode():
        expected = refused(lambda: run(name, torch.device("cuda")))
    with accelerator() as place:
        assert refused(lambda: run(name, place)) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_what_only_a_real_one_would(name: str) -> None:
    with accelerator() as place:
        assert refused(lambda: run(name, place))


@pytest.mark.parametrize("planted", [False, True])
def test_a_tensor_that_a_module_forgets_on_the_host_is_found(planted: bool) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 4)
            self.register_buffer("factor", torch.full((4,), 2.0))
            self.forgotten = torch.full((4,), 2.0)

        def forward(self, x: Tensor) -> Tensor:
            factor = self.forgotten if planted else self.get_buffer("factor")
            return functional.relu(self.inner(x)) * factor

    module, x = Scaled(), torch.rand(3, 4)
    expected = module(x)
    with accelerator() as place:
        there = module.to(place)
        assert refused(lambda: there(x.to(place))) == planted
        if not planted:
            torch.testing.assert_close(there(x.to(place)).cpu(), expected)


def test_values_gradients_and_views_are_those_of_the_host() -> None:
    def steps(place: torch.device) -> list[Any]:
        x = torch.arange(12.0, device=place).view(3, 4)
        x[1:, ::2] = -1
        x[2].mul_(3)
        weight = x.clone().requires_grad_()
        torch.optim.AdamW([weight]).step(lambda: loss(weight))
        return [x.cpu(), weight.detach().cpu(), weight.grad.cpu(), x.sum().item(), x[2].tolist()]

    def loss(weight: Tensor) -> float:
        value = (weight**2).sum()
        value.backward()
        return value.item()

    expected = steps(torch.device("cpu"))
    with accelerator() as place:
        for own, known in zip(steps(place), expected, strict=True):
            torch.testing.assert_close(own, known)


def test_nothing_is_left_of_it() -> None:
    """Other tests of this process know nothing of a GPU."""
    before = torch.cuda.is_available(), torch.cuda.synchronize
    with accelerator() as place:
        assert torch.cuda.is_available()
        assert torch.zeros(2, device=place).is_cuda
    assert (torch.cuda.is_available(), torch.cuda.synchronize) == before
    assert torch.tensor([1.0]).numpy() == 1
