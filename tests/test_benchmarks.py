"""Benchmarks that need another machine still run here, on sizes that mean nothing."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from actsense.study.study import Study
from benchmarks import gpu, peers, storage
from benchmarks.measure import Measurement

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def measured() -> dict[str, Measurement]:
    """Measure the published study with AlexNet alone, small images and one block, on the CPU."""
    whole = gpu.published().plain
    small = {"dataset": whole["dataset"] | {"image_size": 64}}
    study = Study.load(whole | small | {"networks": {"alexnet": whole["networks"]["alexnet"]}})
    found = gpu.study_speed(study, torch.device("cpu"), "CPU", range(1), rounds=1)
    return {m.name: m for m in found}


def test_the_ratio_counts_all_evaluations_of_both_designs(
    measured: dict[str, Measurement],
) -> None:
    found = measured["gpu_alexnet_over_forward"]
    assert f"of {16 * (36 + 44)} evaluations" in found.how
    assert found.value > 0.5


def test_the_days_are_those_of_the_published_numbers(measured: dict[str, Measurement]) -> None:
    """Evaluations by hand: base points, replicates, nodes; images, draws."""
    evaluations = 16384 * 8 * (32 + 40)
    passes = 50000 * ((1 + 3 * 10 + 2) + (1 + 6 * 10 + 1))
    days = measured["gpu_published_study"].value
    speed = float(measured["gpu_alexnet_over_forward"].how.split(": ")[1].split()[0])

    assert gpu.contrast_passes({"images": 7, "draws": 10}, ("hue", "hflip")) == 7 * 12
    assert evaluations / speed / 86400 < days < (evaluations + 2.5 * passes) / speed / 86400


def test_without_a_device_one_line_says_so() -> None:
    command = [sys.executable, "-c", "from benchmarks import gpu; print([*gpu.measurements()])"]
    hidden = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    result = subprocess.run(
        command, cwd=REPOSITORY, env=hidden, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines() == [
        "gpu: no CUDA device here, so nothing is measured",
        "[]",
    ]


def test_the_disk_is_compared_on_a_small_shard(tmp_path: Path) -> None:
    design = gpu.published().design("vgg11", "set1")
    found = {m.name: m for m in storage.rates(design, 1000, tmp_path, rounds=1)}
    assert set(found) == {"write_over_disk", "read_over_disk", "accumulate_over_disk"}
    assert all(m.value > 0 for m in found.values())
    plain, shard = (tmp_path / name for name in ("plain", "shard.zarr.zip"))
    np.testing.assert_allclose(shard.stat().st_size, plain.stat().st_size, rtol=0.02)


def test_rates_of_rows_are_taken(tmp_path: Path) -> None:
    found = {m.name: m for m in storage.rows_rates(tmp_path, 300, 1000, rounds=1)}
    assert len(found) == 3
    assert all(measured.value > 0 for measured in found.values())


def test_checks_of_a_store_are_timed(tmp_path: Path) -> None:
    (found,) = storage.checks(tmp_path, side=2, rounds=1)
    assert found.value > 0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the peer: it divides 0 by 0
def test_a_peer_leaves_the_root_logger_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])  # with any, its basicConfig would do nothing
    monkeypatch.setattr(root, "level", logging.WARNING)
    monkeypatch.setattr(peers, "UNITS", 16)
    assert peers.per_row_against_iterative_stats().value > 0
    assert (root.level, root.handlers) == (logging.WARNING, [])
