"""A flow is trained, judged and opened on a GPU as it is on the CPU."""

from pathlib import Path

import numpy as np
import pytest
import torch
from accelerator import accelerator
from flows import SMALL

from actsense.invariance.flow.card import describe_flow
from actsense.invariance.flow.data import FlowData
from actsense.invariance.flow.opening import open_flow, save_flow
from actsense.invariance.flow.settings import FlowTraining
from actsense.invariance.flow.training import train_flow

TRAINING = FlowTraining(steps=6, batch_size=16, check_every=3)


def images(seed: int) -> FlowData:
    draws = np.random.default_rng(seed)
    mean, maps = draws.normal(size=(60, 4)), draws.normal(size=(60, 3, 4, 4))
    return FlowData(*(part.astype(np.float32) for part in (mean, mean - 3, maps)))


@pytest.mark.parametrize("held", [2**30, 20 * 4 * 48])
def test_a_gpu_gives_what_the_cpu_gives(tmp_path: Path, held: int) -> None:
    settings = SMALL.replaced(training=TRAINING.plain())

    def run(device: torch.device) -> tuple[list[float], float]:
        given = images(0), images(1)
        flow, history = train_flow(*given, settings, seed=0, device=device, held_bytes=held)
        save_flow(flow, tmp_path / "flow.pt")
        opened = open_flow(tmp_path / "flow.pt", device=device)
        return history.validation, describe_flow(opened, history, *given, seed=0)["gap_nats"]

    host = run(torch.device("cpu"))
    with accelerator() as device:
        there = run(device)
    np.testing.assert_allclose(there[0], host[0], rtol=1e-3)
    np.testing.assert_allclose(there[1], host[1], rtol=1e-2)
