"""Shards cover a design once; how it is cut changes no bit of any moment."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from small_study import build

from actsense.errors import ConfigError
from actsense.sampling.blocks import write_shard
from actsense.sampling.sharding import Shard, Sharding
from actsense.sensitivity.moments_file import merge_shards, open_moments, write_moments
from actsense.sensitivity.summing import accumulate_shard, stream_shard
from actsense.study.study import Study

REPOSITORY = Path(__file__).parents[2]
Sums = dict[int, np.ndarray]


def tiny(budget: float = 1000, speed: float | None = None, **design: Any) -> Study:
    """Return the tiny study with another design and a larger budget."""
    settings = yaml.safe_load((REPOSITORY / "workflow/studies/test.yaml").read_text())
    own = settings["designs"]["mixed"] | {"shards": "auto"} | design
    settings["networks"]["one"]["images_per_second"] = speed
    return Study.load(settings | {"designs": {"mixed": own}, "store_budget_gb": budget})


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
@pytest.mark.parametrize("together", [1, 2, 3, 8])
def test_every_block_is_in_one_shard(parts: int, together: int) -> None:
    sharding = Sharding(replicates=8, blocks=7, parts=parts, together=together)
    held = [
        (replicate, block)
        for shard in sharding.shards.values()
        for replicate in shard.replicates
        for block in shard.blocks
    ]
    sizes = [len(s.replicates) * len(s.blocks) for s in sharding.shards.values()]

    assert held == [(replicate, block) for replicate in range(8) for block in range(7)]
    assert max(sizes) == sharding.largest
    assert max(sizes) - min(sizes) <= (1 if parts > 1 else 7)
    if parts == 1:
        assert max(len(s.replicates) for s in sharding.shards.values()) <= together


def test_shards_and_kept_moments_are_named_by_what_they_hold() -> None:
    whole = Sharding(replicates=8, blocks=4, together=3)
    assert list(whole.shards) == ["0-1", "2-4", "5-7"]
    assert whole.kept == ["replicates_0-1", "replicates_2-4", "replicates_5-7"]
    parted = Sharding(replicates=2, blocks=4, parts=2)
    assert list(parted.shards) == ["0_0", "0_1", "1_0", "1_1"]
    assert parted.kept == ["replicate_0", "replicate_1"]
    assert Shard.between(**parted.shards["1_1"].ends) == Shard(range(1, 2), range(2, 4))


def sums(paths: list[Path]) -> Sums:
    """Return the sums of every replicate of some files."""
    found: Sums = {}
    for path in paths:
        with open_moments(path) as states:
            found |= {state.identity["replicate"]: state.read().sums for state in states}
    return found


@pytest.fixture(scope="module")
def by_part(tmp_path_factory: pytest.TempPathFactory) -> Sums:
    """Sum up every replicate in three parts that are merged."""
    folder, sampling = tmp_path_factory.mktemp("parts"), build()
    design = sampling.design
    shards = Sharding(design.replicates, design.blocks, parts=3).shards
    for name, shard in shards.items():
        write_moments(folder / name, stream_shard(sampling, shard, {}))
    merged = []
    for replicate in range(design.replicates):
        parts = [folder / name for name in shards if name.startswith(f"{replicate}_")]
        merged.append(folder / f"replicate_{replicate}.zarr.zip")
        write_moments(merged[-1], [merge_shards(parts, blocks=design.blocks)])
    return sums(merged)


@pytest.mark.parametrize("together", [1, 3, 4])
@pytest.mark.parametrize("stored", [True, False], ids=["store", "stream"])
def test_moments_are_the_same_to_the_last_bit_however_work_is_cut(
    by_part: Sums, tmp_path: Path, together: int, stored: bool
) -> None:
    sampling, paths = build(), []
    design = sampling.design
    for name, shard in Sharding(design.replicates, design.blocks, 1, together).shards.items():
        paths.append(tmp_path / f"replicates_{name}.zarr.zip")
        states = stream_shard(sampling, shard, {})
        if stored:
            write_shard(sampling, shard, tmp_path / name)
            states = accumulate_shard(design, shard, tmp_path / name, {})
        write_moments(paths[-1], states)

    found = sums(paths)
    assert list(found) == list(by_part) == [0, 1, 2, 3]
    for replicate, expected in by_part.items():
        assert expected.any()
        assert found[replicate].tobytes() == expected.tobytes()


def test_small_replicates_share_a_job_and_long_ones_are_cut() -> None:
    short, middle, long = (
        tiny(speed=1000, replicates=8, base_points=points).sharding("one", "mixed")
        for points in (128, 4096, 2**19)
    )
    assert (short.parts, len(short.shards)) == (1, 1)
    assert (middle.parts, len(middle.shards)) == (1, 8)  # two minutes hold one of them
    assert long.parts == 4  # job_minutes: 60
    assert len(long.shards) == 32


def test_shards_that_share_a_file_stay_within_an_eighth_of_the_budget() -> None:
    one = tiny(replicates=8, base_points=128, shards=1).shard_megabytes("one", "mixed")
    study = tiny(budget=8 * 3.5 * one / 1000, replicates=8, base_points=128)
    assert list(study.sharding("one", "mixed").shards) == ["0-1", "2-4", "5-7"]
    assert study.shard_megabytes("one", "mixed") <= 3.5 * one


def test_a_number_of_shards_that_is_set_is_kept() -> None:
    assert list(tiny(shards=1).sharding("one", "mixed").shards) == ["0-0", "1-1"]


def test_moments_of_an_earlier_version_are_read_or_refused(tmp_path: Path) -> None:
    folder = tmp_path / "one/mixed/moments"
    folder.mkdir(parents=True)
    (folder / "replicate_0.zarr.zip").touch()
    tiny(shards=2).check_kept_moments(tmp_path)  # such parts are merged into it today
    with pytest.raises(ConfigError, match=r"one file per replicate.*designs\.mixed\.shards"):
        tiny().check_kept_moments(tmp_path)
    (folder / "replicates_0-1.zarr.zip").touch()
    tiny().check_kept_moments(tmp_path)
