"""Factors are trained, judged, opened and used on a GPU as they are on the CPU."""

from pathlib import Path

import numpy as np
import torch
from accelerator import accelerator
from factor_world import SIZES, FactorWorld
from torch import Tensor

from actsense.device.memory import Memory
from actsense.invariance.factors.card import pair_correlations
from actsense.invariance.factors.editing import blend_factor, swap_matrix, walk_factor
from actsense.invariance.factors.explained import factor_spreads
from actsense.invariance.factors.factors import open_factors, save_factors
from actsense.invariance.factors.response import factor_response
from actsense.invariance.factors.settings import FactorSettings
from actsense.invariance.factors.training import train_factors
from actsense.invariance.flow.flow import build_flow
from actsense.invariance.flow.settings import FlowSettings, FlowTraining
from actsense.invariance.kept.sampling import invariance_noise

FLOW = FlowSettings(
    **{"blocks": 1, "width": 4},  # type: ignore[arg-type]
    training=FlowTraining(steps=2, batch_size=16, check_every=2),
)
ROWS = np.arange(5)


class Plain:
    """Images that are the latents."""

    def decode(self, latents: Tensor) -> Tensor:
        """Return them as they are."""
        return latents


def numbers(device: torch.device, path: Path) -> list[np.ndarray]:
    """Train and use factors on a device; return all numbers that come of it."""
    pairs, settings = FactorWorld().pairs(20, seed=0), FactorSettings(flow=FLOW)
    made, history = train_factors(pairs, pairs, settings, seed=0, device=device, sizes=SIZES)
    save_factors(made, path)
    factors = open_factors(path, device=device)
    common = pair_correlations(factors, pairs, device=device)
    x = torch.from_numpy(pairs.latents.mean[:5]).to(device)
    edited = [
        swap_matrix(factors, x, x, "digit"),
        blend_factor(factors, x, x.flip(0), "ground", 3),
        walk_factor(factors, x, ROWS, "residual", steps=2, length=0.5, seed=0),
    ]
    response = factor_response(
        *(factors, Plain(), lambda images: images, x, ROWS, "digit"),
        **{"samples": 3, "seed": 0, "memory": Memory(device, 7, "images")},  # type: ignore[arg-type]
    )
    flow = build_flow(FLOW, 6, (3,)).to(device).eval()
    said = pairs.latents.mean[:5, :3]
    noise = invariance_noise(ROWS, 4, 6, seed=0)
    memory = Memory(device, 9, "samples")
    spreads = factor_spreads(factors, flow, said, noise, memory=memory, device=device)
    return [
        np.array([*history.validation, *common["digit"].values()]),
        *(latents.cpu().numpy() for latents in edited),
        response.drawn,
        *(spread.within for spread in spreads.values()),
    ]


def test_a_gpu_gives_what_the_cpu_gives(tmp_path: Path) -> None:
    host = numbers(torch.device("cpu"), tmp_path / "factors.pt")
    with accelerator() as device:
        there = numbers(device, tmp_path / "factors.pt")
    for own, other in zip(host, there, strict=True):
        np.testing.assert_allclose(other, own, rtol=1e-3, atol=1e-4)
