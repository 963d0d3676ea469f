"""Generators that are shared: seeded as PyTorch itself does."""

import torch

from actsense.draws.global_state import seed_steps


def test_a_step_draws_what_pytorchs_own_seed_gives() -> None:
    drawn = []
    with torch.random.fork_rng(devices=[]):
        for seed in (lambda: torch.manual_seed(2**62 + 5), lambda: seed_steps(2**62 + 5, CPU)):
            torch.rand(3)
            seed()
            drawn.append(torch.randn(5))
    assert torch.equal(*drawn)


CPU = torch.device("cpu")
