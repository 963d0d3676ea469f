"""What jobs ask for, against what they were seen to take and what they must hold."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from actsense.sensitivity.moments import row_count
from actsense.study.resources import Sizes, megabytes, minutes
from actsense.study.study import Study

REPOSITORY = Path(__file__).parents[2]
RULES = [
    *("sample_activations", "stream_moments", "stream_part", "accumulate", "accumulate_part"),
    *("merge_moments", "estimate_indices"),
    *("estimate_contrast", "plot_indices", "evaluate_masks"),
]
ALEXNET = Sizes(
    units=205_672,
    factors=11,
    parts=3,
    block=640,
    shard=65_536,
    batch=256,
    contrasts=20_000,
    masks=5_000,
    masked_images=1_000,
    segment_evaluations=327_680,
    segment_units=300_000,
    speed=500,
)


@pytest.mark.parametrize("rule", RULES)
def test_larger_networks_ask_for_more(rule: str) -> None:
    vgg = replace(ALEXNET, units=1_539_560)
    assert 2000 < megabytes(rule, ALEXNET) < megabytes(rule, vgg) < 40_000


def test_a_job_may_hold_its_blocks_and_moments() -> None:
    rows = row_count(ALEXNET.factors, ALEXNET.parts)
    block, moments = (ALEXNET.units * n / 1e6 for n in (4 * ALEXNET.block, 8 * rows))
    assert megabytes("stream_moments", ALEXNET) > 2000 + 2 * block + 2 * moments
    assert megabytes("merge_moments", ALEXNET) > 2000 + 2 * moments


@pytest.mark.parametrize("rule", ["stream_moments", "accumulate", "merge_moments"])
def test_sums_fit_twice_whatever_the_network(rule: str) -> None:
    vgg = replace(ALEXNET, units=1_539_560)
    sums = vgg.units * row_count(vgg.factors, vgg.parts) * 8 / 1e6
    assert sums > 1200
    assert megabytes(rule, vgg) > 2000 + 2 * sums


def test_memory_covers_what_was_measured() -> None:
    """The peak of accumulate on AlexNet, `make bench`: 2.4 GiB with whole blocks in memory."""
    assert megabytes("accumulate", ALEXNET) > 2.4 * 1024


def test_slower_networks_ask_for_more_time() -> None:
    slow = replace(ALEXNET, speed=50)
    images = {
        "sample_activations": slow.shard,
        "stream_moments": slow.shard,
        "estimate_contrast": slow.contrasts,
        "evaluate_masks": slow.masks * slow.masked_images,
        "sample_segments": slow.segment_evaluations,
    }
    for rule, work in images.items():
        asked = minutes(rule, slow)
        assert asked > minutes(rule, ALEXNET)
        assert asked * 60 > 2 * work / slow.speed


def test_a_study_knows_its_sizes() -> None:
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    study = Study.load(config)
    sizes = study.sizes("small", "colour")
    sharding, design = study.sharding("small", "colour"), study.design("small", "colour")
    assert sizes.shard == sharding.largest * sizes.block
    assert sizes.block == 16 * (2 + 2 * (7 + 4) + 2 * (4 + 2))
    assert len(sharding.shards) * sizes.shard >= design.evaluations
    assert sizes.units == study.units("small")
    assert sizes.contrasts == config["contrast"]["images"] * (1 + 5)
