"""The promise of `store_budget_gb`, watched on disk, while jobs are killed and shards damaged."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import numpy as np
import pytest
from pipeline import configure, snakemake, tiny

from actsense.sensitivity.moments import layout
from actsense.sensitivity.moments_file import open_moments
from actsense.study.study import Study

RESULTS = Path("results/tiny/one/mixed")
MOMENTS = [str(RESULTS / f"moments/replicate_{replicate}.zarr.zip") for replicate in range(2)]
IN_PARTS = {"mixed": tiny()["designs"]["mixed"] | {"shards": 2}}
# A network that is killed in the middle of a shard, twice, and works after that.
FLAKY = """
import os, signal
from pathlib import Path
from torch import nn

class Flaky(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.head = nn.Linear(3600, 10)
        self.calls = 0

    def forward(self, images):
        self.calls += len(images) > 3  # those that look at the network have fewer
        if self.calls == 3 and len(list(Path().glob("killed_*"))) < 2:
            Path(f"killed_{os.getpid()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.head(self.body(images).flatten(1))
"""


class Watch:
    """The most bytes of activations seen on disk at a time, and of a single shard."""

    def __init__(self, shards: Path, meddle: Callable[[Path], None] | None) -> None:
        self.peak, self.largest, self.shards, self.meddle = 0, 0, shards, meddle
        self.over = threading.Event()

    def look(self) -> None:
        """Look again and again until it is over."""
        while not self.over.is_set():
            taken = 0
            for file in self.shards.glob("*") if self.shards.exists() else ():
                if ".moments." in file.name:
                    continue
                try:
                    size = file.stat().st_size
                except FileNotFoundError:
                    continue
                taken, self.largest = taken + size, max(self.largest, size)
                if self.meddle and file.name.endswith(".zarr.zip"):
                    self.meddle(file)
            self.peak = max(self.peak, taken)
            time.sleep(0.01)


@contextmanager
def watching(folder: Path, meddle: Callable[[Path], None] | None = None) -> Iterator[Watch]:
    watch = Watch(folder / RESULTS / "shards", meddle)
    thread = threading.Thread(target=watch.look)
    thread.start()
    try:
        yield watch
    finally:
        watch.over.set()
        thread.join()


def four_shards(folder: Path, *, room: int, **changes: object) -> float:
    """Cut two replicates into two shards each, with room for some; return it in bytes."""
    settings = tiny(designs=IN_PARTS, **changes)
    with chdir(folder):  # where a network of one's own is looked for
        shard = Study.load(settings).shard_megabytes("one", "mixed")
    configure(folder, designs=IN_PARTS, store_budget_gb=room * shard / 1000, **changes)
    return room * shard * 1e6


@pytest.mark.parametrize(("jobs", "room", "replicates"), [(1, 1, 1), (8, 3, 2)])
def test_shards_stay_within_the_budget_and_use_it(
    copied: Path, jobs: int, room: int, replicates: int
) -> None:
    budget = four_shards(copied, room=room)
    with watching(copied) as watch:
        result = snakemake(copied, "--cores", str(jobs), *MOMENTS[:replicates])
    assert result.returncode == 0, result.stdout + result.stderr
    # As many shards as there is room for, all of one size but for a few bytes, and no more.
    assert (room - 1) * watch.largest < watch.peak <= min(budget, 1.02 * room * watch.largest)
    assert not list((copied / RESULTS).glob("shards/*"))
    parts = re.findall("Rule: (\\w+)", result.stdout + result.stderr)
    assert {"accumulate_part", "merge_moments"} <= set(parts)
    with open_moments(copied / RESULTS / "moments/replicates_0-1.zarr.zip") as whole:
        for path, state in zip(MOMENTS[:replicates], whole, strict=False):
            with open_moments(copied / path) as (merged,):
                moments = merged.read()
                found, expected = moments.sums, state.read().sums
                # Exact, but for fourth powers: their sums over blocks may differ 2^29 times.
                fourth = layout(len(moments.factors), len(moments.parts))["spread"]
                np.testing.assert_array_equal(found[: fourth.start], expected[: fourth.start])
                np.testing.assert_array_max_ulp(found, expected, maxulp=1)
                assert (found != expected).mean() < 1e-3


def test_killed_jobs_and_damaged_shards_do_not_break_the_promise(copied: Path) -> None:
    own = {"kind": "python", "factory": "flaky:Flaky", "layers": ["body.1", "logits"]}
    (copied / "flaky.py").write_text(FLAKY)
    (copied / "results/tiny/one/weights.pt").unlink()
    budget = four_shards(copied, room=2, networks={"one": own}, batch_size=64)
    damaged: list[Path] = []

    def damage_the_first(shard: Path) -> None:
        if not damaged:
            content = bytearray(shard.read_bytes())
            content[len(content) // 2] ^= 1
            shard.write_bytes(content)
            damaged.append(shard)

    with watching(copied, damage_the_first) as watch:
        result = snakemake(copied, "--cores", "4", "--retries", "1", "--keep-going", *MOMENTS)
    told = result.stdout + result.stderr
    assert result.returncode != 0
    assert f"{damaged[0].name}: damaged" in told
    assert len(list(copied.glob("killed_*"))) == 2
    assert 0 < watch.peak <= budget
    assert sum((copied / path).exists() for path in MOMENTS) == 1, told

    damaged[0].unlink()
    with watching(copied) as watch:
        result = snakemake(copied, "--cores", "4", *MOMENTS)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 0 < watch.peak <= budget
    assert not list((copied / RESULTS).glob("shards/*"))


def test_what_interrupted_runs_left_is_gone_after_the_next(copied: Path) -> None:
    shards = copied / RESULTS / "shards"
    shards.mkdir(exist_ok=True)
    for left in ("0_7.zarr.zip", ".0-1.zarr.zip.ab12cd34.partial", "8-9.zarr.zip"):
        (shards / left).write_bytes(b"half")
    (copied / RESULTS / "figures/contrast.png").unlink()
    result = snakemake(copied)
    assert result.returncode == 0, result.stdout + result.stderr
    assert not list((copied / RESULTS).glob("shards/*"))
