"""The work table: what jobs ask for, against what they hold, what was seen, and the rules."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from actsense.masking.plan import mask_parts
from actsense.networks.network import outline_network
from actsense.networks.peak import measure_peak
from actsense.networks.settings import read_network
from actsense.planning.work import SNAKEMAKE, STEP, STUDIES, WorkTable
from actsense.sensitivity.moments import row_count
from actsense.sensitivity.plan import contrast_parts
from actsense.study.study import Study
from actsense.work import BESIDE, LIGHT, PROCESS, Facts, Work

REPOSITORY = Path(__file__).parents[2]
TORCHVISION = {"kind": "torchvision", "weights": "none", "layers": "auto"}
ALEXNET, VGG = TORCHVISION | {"model": "alexnet"}, TORCHVISION | {"model": "vgg11"}
SET = {"augmentations": ["brightness", "hue", "rolling"], "base_points": 1024, "replicates": 4}
ON_REQUEST = {"measure_speed", "plan", "run_notebook"}  # no part of everything
SIZED = [
    *("sample_activations", "accumulate", "accumulate_part", "merge_moments"),
    *("estimate_contrast", "plot_indices", "evaluate_masks"),
    *("sample_segments",),
]


def facts(network: dict[str, Any] = ALEXNET, **changes: Any) -> Facts:
    """Return what is known of a study of one network at 224 pixels, or of several."""
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    config |= {"networks": {"one": network}, "designs": {"mixed": SET}}
    config["dataset"] |= {"image_size": 224}
    config |= {"invariance": {}} | changes
    examined = {"networks": list(config["networks"])[:2], "factors": {}}
    return Study.load(config | {"invariance": examined | config["invariance"]}).facts


def table(network: dict[str, Any] = ALEXNET, **changes: Any) -> WorkTable:
    return WorkTable(facts(network, **changes))


def places(own: WorkTable) -> list[tuple[str, str, str, str]]:
    works = [work for works in own.studies.values() for work in works]
    return [(work.rule, work.network, work.design, work.layer) for work in works]


def found(own: WorkTable, rule: str) -> Work:
    works = [work for works in own.studies.values() for work in works]
    (only,) = (work for work in works if work.rule == rule)
    return only


@pytest.fixture(scope="module")
def alexnet() -> WorkTable:
    return table()


@pytest.fixture(scope="module")
def vgg() -> WorkTable:
    return table(VGG)


def test_every_work_has_a_place_of_its_own() -> None:
    own = table(networks={"one": ALEXNET, "two": ALEXNET}, designs={"a": SET, "b": SET})
    assert len(set(places(own))) == len(places(own))
    assert set(own.studies) == set(STUDIES)


def test_every_rule_with_a_script_is_in_the_table_and_asks_for_what_it_needs() -> None:
    """Rules that need no more than the profile gives ask for nothing."""
    written = "".join(p.read_text() for p in (REPOSITORY / "workflow/rules").glob("*.smk"))
    rules = {path.stem for path in (REPOSITORY / "scripts").glob("*.py")} - ON_REQUEST
    copied = set(re.findall(r"use rule \w+ as (\w+) with", written))
    works = [
        work
        for way in ("store", "stream")
        for origin in (ALEXNET, ALEXNET | {"weights": "DEFAULT"}, {"kind": "trained"})
        for own in table(networks={"one": origin, "two": origin}, activations=way).studies.values()
        for work in own
    ]
    assert {work.rule for work in works} == rules | copied
    memory = {work.rule for work in works if work.opened or work.holds} - copied
    runtime = {work.rule for work in works if work.passes or work.seconds} - copied
    assert memory == set(re.findall(r'memory\("(\w+)"\)', written))
    assert runtime == set(re.findall(r'runtime\("(\w+)"\)', written))


@pytest.mark.parametrize("rule", SIZED)
def test_larger_networks_ask_for_more(alexnet: WorkTable, vgg: WorkTable, rule: str) -> None:
    small, large = (own.megabytes(rule, "one", "mixed") for own in (alexnet, vgg))
    assert LIGHT + SNAKEMAKE < small < large < 20_000


def test_one_recorded_layer_asks_for_the_first_map_all_the_same() -> None:
    own = table(VGG | {"layers": ["logits"]}, batch_size=256, featvis={"networks": []})
    batch = own.facts.batch("one")
    first = batch * 64 * 224 * 224 * 4 / 1e6
    assert own.facts.networks["one"].units == 10
    assert 4 < batch < 256
    for names in (("evaluate_transforms", "one"), ("sample_activations", "one", "mixed")):
        assert own.megabytes(*names) > PROCESS + first


def test_a_way_back_asks_for_more_as_far_as_images_go_back() -> None:
    few, many = (table(spatial={"cells": {"images": count}}) for count in (4, 400))
    forward = many.megabytes("evaluate_transforms", "one")
    little, back = (own.megabytes("evaluate_cells", "one") for own in (few, many))
    assert forward == little < back


def test_only_jobs_that_open_all_networks_ask_for_all() -> None:
    alone, beside = table(), table(networks={"one": ALEXNET, "large": VGG})
    for rule in ("evaluate_transforms", "evaluate_interaction", "map_saliency"):
        assert alone.megabytes(rule, "one") == beside.megabytes(rule, "one")
        assert beside.megabytes(rule, "one") < beside.megabytes(rule, "large")
    assert alone.megabytes("evaluate_cells", "one") < beside.megabytes("evaluate_cells", "one")


def test_a_job_may_hold_its_blocks_and_moments() -> None:
    """As long as both fit; tiles of units, and all passes for each, where they do not."""
    own, short = (table(activations="stream", device="cpu", memory_gb=memory) for memory in (8, 2))
    units, design = own.facts.networks["one"].units, SET["augmentations"]
    nodes = 2 + 2 * (5 + 4) + 2 * (2 + 2)
    block, moments = units * 16 * nodes * 4 / 1e6, units * row_count(len(design) + 2, 3) * 8 / 1e6
    assert own.megabytes("stream_moments", "one", "mixed") > PROCESS + SNAKEMAKE + block + moments
    assert short.megabytes("stream_moments", "one", "mixed") <= 2000 + SNAKEMAKE + STEP
    passes = [found(each, "stream_moments").passes for each in (own, short)]
    assert passes[1] % passes[0] == 0
    large = table(VGG, activations="stream", memory_gb=2)
    whole = table(VGG, activations="stream", memory_gb=20)
    tiled = found(large, "stream_moments").passes / found(whole, "stream_moments").passes
    assert tiled == int(tiled) > 1


def test_slower_networks_ask_for_more_time() -> None:
    fast, slow = (
        table(ALEXNET | {"images_per_second": speed}, job_minutes=10**6) for speed in (50, 5)
    )
    for rule in ("sample_activations", "estimate_contrast", "evaluate_masks", "sample_segments"):
        asked, work = slow.minutes(rule, "one", "mixed"), found(slow, rule)
        assert asked > fast.minutes(rule, "one", "mixed")
        assert asked * 60 > 2 * work.job_passes / 5


def test_what_a_user_may_ask_for_by_name_is_in_the_table_and_counts_nothing() -> None:
    unused = {"a": SET, "b": SET | {"analyses": False}}
    own = table(networks={"one": ALEXNET | {"designs": ["a"]}}, designs=unused)
    assert own.megabytes("evaluate_masks", "one", "b") > PROCESS
    assert own.jobs["evaluate_masks"] == own.jobs["estimate_indices"] == 1


def test_counted_images_bound_what_passes(alexnet: WorkTable) -> None:
    few = WorkTable(replace(alexnet.facts, images=(30, 10)))
    for rule in ("estimate_contrast", "evaluate_masks"):
        assert found(few, rule).passes < found(alexnet, rule).passes


def test_jobs_are_cut_alike_before_images_are_counted_and_after() -> None:
    """The plan counts them, a run does not: both have the same jobs."""
    known = table(ALEXNET | {"images_per_second": 5}, job_minutes=1).facts
    counted = replace(known, images=(30, 10), drawn={"mixed": (0, 0, 0)})
    assert counted.validation(10**6) == 10
    assert mask_parts(counted, "one", "mixed") == mask_parts(known, "one", "mixed") > 1
    parts = contrast_parts(known, "one", "mixed")
    assert contrast_parts(counted, "one", "mixed") == parts
    assert len(parts) > 1


def test_of_few_images_none_passes_twice() -> None:
    many = table(spatial={"cells": {"greedy_images": 0}})
    few = WorkTable(replace(many.facts, images=(9, 3)))
    spatial = many.facts.settings.spatial
    for rule, wanted in (
        ("evaluate_transforms", spatial.transforms.images),
        ("evaluate_cells", spatial.cells.images),
        ("evaluate_interaction", spatial.interaction.images),
        ("map_saliency", spatial.saliency.images),
    ):
        shown = many.facts.validation(wanted)
        assert found(few, rule).passes == found(many, rule).passes * 3 / shown > 0


def test_a_teacher_sees_every_training_image_as_well() -> None:
    old = {"kind": "trained", "epochs": 5, "checkpoints": [2]}
    own = table(networks={"old": old, "new": old | {"teacher": "old"}})
    counted = WorkTable(replace(own.facts, images=(30, 10)))
    works = {(w.rule, w.network): w for w in counted.studies["networks"]}
    for rule, epochs in (("train_network", 3), ("train_checkpoint", 2)):
        plain, taught = works[rule, "old"], works[rule, "new"]
        assert taught.passes - plain.passes == 30 * epochs
        assert taught.opened == ("new", "old")


def test_a_checkpoint_holds_what_its_optimiser_remembers() -> None:
    """Of every weight AdamW keeps two moments, SGD one."""
    old = {"kind": "trained", "epochs": 5, "checkpoints": [2]}
    own = table(networks={"one": old, "other": old | {"optimizer": "sgd"}})
    kept = {w.network: w.kept for w in own.studies["networks"] if w.rule == "train_checkpoint"}
    assert kept["one"] * 2 == kept["other"] * 3 > 0


def test_predictions_of_every_layer_alone_are_counted() -> None:
    """With `each` first, the first place holds every layer, with predictions of its own."""
    masking = yaml.safe_load((REPOSITORY / "config.yaml").read_text())["masking"]
    described = 200 + 4 * (20 + 4 * 10 + 1000)  # label and numbers of a condition, bytes
    own, predictions = {}, {}
    for first in ("together", "each"):
        own[first] = table(masking=masking | {"layers": [first]})
        work = found(own[first], "evaluate_masks")
        predictions[first] = work.kept - work.passes / masking["images"] * described
    maps = len(own["each"].facts.networks["one"].maps)
    unmasked = 4 * masking["images"] * 2 * 5  # original and three augmentations, five classes each
    assert maps > 3
    assert predictions["each"] - unmasked == maps * (predictions["together"] - unmasked)


# Prints the bytes that a batch of every network took beside what the process held before.
PROGRAM = """
import ctypes, sys, torch, yaml
from pathlib import Path
from actsense.networks.network import build_module
from actsense.networks.settings import read_network
torch.set_num_threads(1)
def kilobytes(line):
    status = Path("/proc/self/status").read_text()
    return int(status.split(line + ":")[1].split()[0])
def run(module, count, side, back):
    images = torch.rand(count, 3, side, side, requires_grad=back)
    with torch.set_grad_enabled(back):
        logits = module((images - 0.5) / 0.25)
    if back:
        logits.sum().backward()
for network, side, batch in yaml.safe_load(sys.argv[1]):
    module = build_module("x", read_network(network), classes=10).eval().requires_grad_(False)
    for back in (False, True):
        run(module, 2, side, back)
        taken = []
        for _ in range(2):  # what an allocator keeps for later comes on top, and not every time
            ctypes.CDLL("libc.so.6").malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")
            before = kilobytes("VmRSS")
            run(module, batch, side, back)
            taken.append(1024 * (kilobytes("VmHWM") - before))
        print(min(taken))
"""
ALLOCATOR = 100e6  # bytes that it keeps in pieces; a job asks for gigabytes beside its batches
MEASURED = [
    [{"kind": "trained", "width": 8}, 32, 640],
    [TORCHVISION | {"model": "resnet18"}, 64, 96],
    [ALEXNET, 96, 200],
]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_batch_takes_about_what_is_said() -> None:
    arguments = [sys.executable, "-c", PROGRAM, yaml.safe_dump(MEASURED)]
    taken = map(int, subprocess.check_output(arguments, text=True).split())
    for network, side, batch in MEASURED:
        outline = outline_network("x", read_network(network), classes=10, image_size=side)
        peak = measure_peak(outline.module, side)
        for each in (peak.forward, peak.back):
            assert 0.7 * batch * each < next(taken) < BESIDE * batch * each + ALLOCATOR
