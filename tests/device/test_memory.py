"""A device that runs out of memory changes no result and is asked for less."""

import logging
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from small_study import build, convolutional
from torch import Tensor, nn

from actsense.device import memory as memory_module
from actsense.device.memory import Memory
from actsense.errors import ConfigError
from actsense.sampling.blocks import write_shard
from actsense.sampling.sharding import Shard
from actsense.sensitivity.contrast import estimate_contrast
from actsense.sensitivity.summing import accumulate_replicate, stream_replicate
from actsense.store import Gathered, read_parts

CPU = torch.device("cpu")


class Limited(nn.Module):
    """A network on a device that holds so many images at a time."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.inner = convolutional()
        self.limit = limit
        self.sizes: list[int] = []
        self.held: list[weakref.ref[Tensor]] = []

    def forward(self, images: Tensor) -> Tensor:
        """Run the network, or out of memory."""
        assert all(tensor() is None for tensor in self.held), "an earlier batch is still held"
        self.held = [weakref.ref(images)]
        self.sizes.append(len(images))
        if len(images) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.inner(images)


def test_a_batch_too_large_changes_no_moment_and_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    undisturbed = stream_replicate(build(), 0, range(4)).joined()
    limited = Limited(20)
    with caplog.at_level(logging.WARNING):
        moments = stream_replicate(build(limited, batch_size=64), 0, range(4)).joined()

    np.testing.assert_allclose(moments.sums, undisturbed.sums, rtol=1e-5, atol=1e-6)
    assert abs(undisturbed.sums).max() > 1
    assert moments.forwards == undisturbed.forwards
    assert [record.getMessage() for record in caplog.records] == [
        "Out of memory on cpu: 32 images at a time instead of 64 for the rest of the job",
        "Out of memory on cpu: 16 images at a time instead of 32 for the rest of the job",
    ]


def test_a_smaller_size_is_remembered() -> None:
    limited = Limited(20)
    stream_replicate(build(limited, batch_size=64), 0, range(4)).joined()
    after = limited.sizes[limited.sizes.index(32) + 1 :]
    assert len(after) > 12
    assert max(after) == 16


def test_contrasts_keep_their_numbers(caplog: pytest.LogCaptureFixture) -> None:
    expected, found = Gathered(), Gathered()
    estimate_contrast(build(), expected, images=40, draws=4)
    estimate_contrast(build(Limited(10)), found, images=40, draws=4)
    for one, other in zip(expected.values(), found.values(), strict=True):
        for name in ("mean_difference", "rank_biserial", "p_value"):
            np.testing.assert_allclose(one[name], other[name], rtol=1e-4, atol=1e-6)
    assert "8 images at a time instead of 16" in caplog.text


def test_one_image_too_many_ends_with_advice() -> None:
    limited = Limited(2)  # opens
    sampling = build(limited, batch_size=4)
    limited.limit = 0
    with pytest.raises(ConfigError, match=r"too little memory for images, even one .*device: cpu"):
        stream_replicate(sampling, 0, range(1)).joined()


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[torch.device]:
    """Leave no room for the first results on the device; return where room was asked for."""
    asked: list[torch.device] = []

    def empty(shape: tuple[int, ...], dtype: torch.dtype, device: Any = None) -> Tensor:
        asked.append(device)
        if len(asked) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return torch.empty(shape, dtype=dtype)

    known = {name: getattr(torch, name) for name in ("OutOfMemoryError", "cuda", "device")}
    monkeypatch.setattr(memory_module, "torch", SimpleNamespace(empty=empty, **known))
    return asked


def test_results_without_room_are_kept_on_the_host(
    full: list[torch.device], caplog: pytest.LogCaptureFixture
) -> None:
    memory = Memory(torch.device("meta"), 4, "images")
    made = [memory.empty(500, 1000), memory.empty(2, 3)]

    assert [(tensor.shape, tensor.device) for tensor in made] == [
        ((500, 1000), CPU),
        ((2, 3), CPU),
    ]
    assert full == [torch.device("meta"), None, CPU]  # not asked again
    assert caplog.messages == [
        "Out of memory on meta: 0.002 GB of results are kept on the host for the rest of the job"
    ]


@pytest.mark.usefixtures("full")
def test_results_on_the_host_are_summed_up_and_written_all_the_same(tmp_path: Path) -> None:
    sampling = build()
    path = tmp_path / "shard.zarr.zip"
    write_shard(sampling, Shard(range(1), range(4)), path)
    assert len(list(read_parts(path, 0, range(4)))) == 4
    stored = accumulate_replicate(sampling.design, 0, range(4), path).joined()
    streamed = stream_replicate(sampling, 0, range(4)).joined()
    np.testing.assert_array_equal(streamed.sums, stored.sums)


def test_what_failed_is_done_again_in_parts_and_nothing_twice() -> None:
    """Every position once and in order, whatever failed on the way."""
    memory = Memory(CPU, 100, "units")
    done: list[int] = []

    def work(chosen: slice) -> None:
        if chosen.stop - chosen.start > (30 if len(done) < 200 else 7):
            raise torch.OutOfMemoryError("CUDA out of memory.")
        done.extend(range(chosen.start, chosen.stop))

    memory.run(333, work)
    assert done == list(range(333))
    assert memory.size == 6


def test_other_errors_are_not_taken_for_lack_of_memory() -> None:
    def work(chosen: slice) -> None:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        Memory(CPU, 4, "images").run(4, work)
