"""Peak memory of ten million made-up units, without a network: it follows `memory_gb`."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import numpy as np
import torch
from torch import Tensor

from actsense.data.pool import ImagePool
from actsense.device.memory import Memory
from actsense.layers import Layer, place_layers
from actsense.sampling.designs import Design
from actsense.sampling.law import Evaluations, InputLaw
from actsense.sampling.opening import Sampling
from actsense.sampling.sharding import Shard
from actsense.sensitivity.estimation import write_indices
from actsense.sensitivity.moments_file import merge_shards, write_moments
from actsense.sensitivity.summing import stream_shard
from actsense.study.settings import Settings
from actsense.work import room
from benchmarks.measure import Measurement

REPOSITORY = Path(__file__).parents[1]
UNITS = 10**7
MEMORY_GB = Settings.model_fields["memory_gb"].default
PARTS, REPLICATES, SIDE, BATCH = 2, 2, 32, 64
AUGMENTATIONS = ("brightness",)
GIGABYTE = 1e9


@dataclass
class MadeUp:
    """Units without a network; stands for an `Evaluator`, its subject and its recording.

    Unit u answers to evaluation x with a straight line in the parameters of x and its image.
    """

    layers: tuple[Layer, ...] = field(default_factory=lambda: place_layers(_described()))
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batch_size: int = BATCH

    @property
    def subject(self) -> "MadeUp":
        """Itself."""
        return self

    @property
    def recording(self) -> "MadeUp":
        """Itself."""
        return self

    @property
    def memory(self) -> Memory:
        """Of the processor."""
        return Memory(self.device, self.batch_size, "images")

    def __call__(
        self, evaluations: Evaluations, units: slice | None = None, out: Tensor | None = None
    ) -> Tensor:
        """Return the responses of some units, (evaluations, units)."""
        chosen = units or slice(0, UNITS)
        slopes = torch.arange(chosen.start, chosen.stop, dtype=torch.float32).sin_()
        seen = evaluations.values.sum(axis=1) + np.sin(evaluations.image)
        return torch.outer(torch.from_numpy(seen.astype(np.float32)), slopes, out=out)


def measurements() -> Iterator[Measurement]:
    """Sum up, merge and estimate ten million units, each in a process of its own."""
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for stage in STAGES:
            command = [sys.executable, "-m", "benchmarks.memory", stage, folder]
            peaks[stage] = float(subprocess.check_output(command, text=True, cwd=REPOSITORY))
    yield Measurement(
        "ten_million_units_memory",
        max(peaks.values()),
        *(5, 4, "GB"),
        f"{UNITS:,} units, {REPLICATES} replicates in {PARTS} parts, memory_gb: "
        f"{MEMORY_GB}; peak resident memory of "
        + ", ".join(f"{stage} {peak:.2f}" for stage, peak in peaks.items()),
    )


def _described() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield layers as a network has them: maps from large to small, and a vector."""
    yield from (("wide", (96, 250, 250)), ("deep", (1000, 60, 60)), ("vector", (400_000,)))


def _sampling() -> Sampling:
    rows = np.arange(64)
    pool = ImagePool.shuffled(rows // 4 % 2, rows % 4, seed=0)
    law = InputLaw(AUGMENTATIONS, "switched", (SIDE, SIDE), pool)
    design = Design("made_up", law.factors, base_points=32, replicates=REPLICATES)
    free = room(MEMORY_GB, weights=0, forward=0, batch=BATCH, images=0)
    return Sampling(design, law, MadeUp(), free)


def _paths(folder: Path, replicate: int) -> list[Path]:
    return [folder / f"part_{replicate}_{part}.zarr.zip" for part in range(PARTS)]


def _stream(folder: Path) -> None:
    sampling = _sampling()
    for replicate in range(REPLICATES):
        for part, path in enumerate(_paths(folder, replicate)):
            shard = Shard(range(replicate, replicate + 1), range(part, part + 1))
            write_moments(path, stream_shard(sampling, shard, {"seed": 0}))


def _merge(folder: Path) -> None:
    for replicate in range(REPLICATES):
        paths = _paths(folder, replicate)
        write_moments(_merged(folder, replicate), [merge_shards(paths, blocks=PARTS)])
        for path in paths:
            path.unlink()


def _estimate(folder: Path) -> None:
    paths = [_merged(folder, replicate) for replicate in range(REPLICATES)]
    write_indices(paths, folder / "indices.zarr", {})


def _merged(folder: Path, replicate: int) -> Path:
    return folder / f"replicate_{replicate}.zarr.zip"


STAGES: dict[str, Callable[[Path], None]] = {
    "stream": _stream,
    "merge": _merge,
    "estimate": _estimate,
}


if __name__ == "__main__":
    STAGES[sys.argv[1]](Path(sys.argv[2]))
    print(1024 * getrusage(RUSAGE_SELF).ru_maxrss / GIGABYTE)
