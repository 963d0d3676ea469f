"""Masks that are tried in parts give what one job gives, to the last bit."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from masked_study import SETTINGS, sampling

from actsense.errors import ConfigError
from actsense.masking.blocks import cut_blocks
from actsense.masking.evaluate import evaluate_masks, evaluate_part
from actsense.masking.metrics import Outcomes
from actsense.masking.outcomes_file import StoredOutcomes, write_part
from actsense.masking.settings import Masking
from actsense.store.damage import CorruptFileError
from actsense.work import part_range

# Images of 16 make batches of 16, 16 and 8, the last one with room for two plans.
MASKING = Masking(
    **SETTINGS
    | {"layers": ["together", "each"], "draws": 2, "images": 40, "values": ["S1"]}
    | {"scales": [0.0], "factors": "augmentations", "bootstrap": 100}
)
BATCH, PARTS = 16, 3

Listed = list[tuple[int, int, list[int]]]


@pytest.fixture(scope="module")
def parts(indices: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("parts")
    paths = [folder / f"{part}.zarr.zip" for part in range(PARTS)]
    for part, path in enumerate(paths):
        own = sampling(batch_size=BATCH)
        evaluate_part(own, indices, MASKING, path, part=part, parts=PARTS)
    return paths


def listed(groups: list[list[int]], images: int, batch: int, within: range) -> Listed:
    """Return first image, number of images, and plans of every batch of versions."""
    return [
        (block.images.start, block.images.stop - block.images.start, list(stack))
        for block in cut_blocks(groups, images, batch, within)
        for stack in block.stacks
    ]


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    images=st.integers(1, 30),
    batch=st.integers(1, 12),
    parts=st.integers(1, 40),
)
def test_parts_make_the_same_batches_in_the_same_order(
    sizes: list[int], images: int, batch: int, parts: int
) -> None:
    ends = np.cumsum([0, *sizes])
    groups = [[*range(a, b)] for a, b in pairwise(ends)]
    outcomes = images * sum(sizes)
    cut = [
        listed(groups, images, batch, part_range(part, parts, outcomes)) for part in range(parts)
    ]
    whole = listed(groups, images, batch, range(outcomes))
    assert [each for part in cut for each in part] == whole
    seen = {(first + k, plan) for first, n, stack in whole for k in range(n) for plan in stack}
    assert len(seen) == outcomes == sum(count * len(stack) for _, count, stack in whole)
    for _, count, stack in whole:
        assert count <= batch
        assert len(stack) == 1 or count * len(stack) <= batch
        assert any(set(stack) <= set(group) for group in groups)
    most = max(sum(count * len(stack) for _, count, stack in part) for part in cut)
    assert most <= outcomes / parts + batch


def test_a_batch_takes_as_many_plans_as_it_has_room_for() -> None:
    assert listed([[0, 1, 2, 3, 4], [5]], 10, 8, range(60)) == [
        *[(0, 8, [plan]) for plan in range(6)],
        *[(8, 2, [0, 1, 2, 3]), (8, 2, [4]), (8, 2, [5])],
    ]


def test_parts_give_the_bits_of_one_job(indices: Path, parts: list[Path]) -> None:
    whole = evaluate_masks(sampling(batch_size=BATCH), indices, MASKING)
    found = evaluate_masks(sampling(batch_size=BATCH), indices, MASKING, parts)
    assert whole.keys() == found.keys() == {"", "predictions"}
    for name, group in whole.items():
        xr.testing.assert_identical(group, found[name])
    assert float(whole[""]["kl"].max()) > 0


def test_every_part_does_its_share(parts: list[Path]) -> None:
    sizes = [path.stat().st_size for path in parts]
    assert max(sizes) < 1.1 * min(sizes)


@pytest.mark.parametrize(
    ("order", "changes", "said"),
    [
        ([1, 0, 2], {}, "is of another part or run"),
        ([0, 1], {}, "is of another part or run"),  # of two
        ([0, 1, 2], {"bootstrap": 101}, "is of another part or run"),
    ],
)
def test_parts_of_another_run_are_refused(
    indices: Path, parts: list[Path], order: list[int], changes: dict[str, int], said: str
) -> None:
    own, settings = sampling(batch_size=BATCH), MASKING.model_copy(update=changes)
    with pytest.raises(CorruptFileError, match=said):
        evaluate_masks(own, indices, settings, [parts[k] for k in order])


def test_parts_of_another_device_are_refused(indices: Path, parts: list[Path]) -> None:
    with pytest.raises(ConfigError, match="made with batches of 16 images, but here they have 8"):
        evaluate_masks(sampling(batch_size=8), indices, MASKING, parts)


def test_outcomes_are_read_across_parts_some_of_which_are_empty(tmp_path: Path) -> None:
    counts, k, paths = [3, 0, 4], 2, []
    order = np.arange(14, dtype=np.int16).reshape(7, k)
    divergence = np.arange(7, dtype=np.float32)
    for part, (start, count) in enumerate(zip([0, 3, 3], counts, strict=True)):
        own = slice(start, start + count)
        found = [Outcomes(order[None, own], divergence[None, own])] if count else []
        paths.append(tmp_path / f"{part}.zarr.zip")
        write_part(paths[-1], found, {"part": part, "batch": 1}, k=k)
    stored = StoredOutcomes(paths, {"batch": 1})
    stored.check_count(7)
    for start, count in ((0, 7), (2, 3), (3, 4), (0, 2)):
        classes, own = stored.read(start, count)
        np.testing.assert_array_equal(classes, order[start : start + count])
        np.testing.assert_array_equal(own, divergence[start : start + count])
    with pytest.raises(CorruptFileError, match="all parts hold 7 outcomes together, not 8"):
        stored.check_count(8)


def test_a_part_that_is_damaged_is_named_with_the_target_that_makes_it_again(
    indices: Path, parts: list[Path], tmp_path: Path
) -> None:
    damaged = tmp_path / "masking_parts" / "1.zarr.zip"
    damaged.parent.mkdir()
    content = bytearray(parts[1].read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"1\.zarr\.zip: damaged .*snakemake masking"):
        evaluate_masks(sampling(batch_size=BATCH), indices, MASKING, [parts[0], damaged, parts[2]])
