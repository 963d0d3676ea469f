"""What a plan says beforehand is what a run does, counted and weighed."""

import re
from dataclasses import replace
from functools import cache
from itertools import chain
from math import ceil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from actsense.data.build import build_cache
from actsense.masking.plan import mask_parts, settings_in_force
from actsense.networks.weights import import_weights
from actsense.planning import speed
from actsense.planning.cost import Cost, counted_facts, different_share, study_costs
from actsense.planning.report import LEVERS, plan_study
from actsense.planning.speed import StandIn, measured_speed
from actsense.planning.work import WorkTable
from actsense.sampling.blocks import write_shard
from actsense.sampling.opening import open_sampling
from actsense.sensitivity.moments_file import write_moments
from actsense.sensitivity.plan import contrast_parts
from actsense.sensitivity.summing import accumulate_shard
from actsense.store.columns import SHARD_BYTES
from actsense.study.study import Study
from actsense.work import FILE_BYTES, Work

REPOSITORY = Path(__file__).parents[2]
CPU = torch.device("cpu")


def study(path: str = "workflow/studies/test.yaml", **changes: Any) -> Study:
    return Study.load(yaml.safe_load((REPOSITORY / path).read_text()) | changes)


def fast(own: Study, images_per_second: float) -> Study:
    """Return the study with a stated speed of every network."""
    speed = {"images_per_second": images_per_second}
    networks = {name: network | speed for name, network in own.plain["networks"].items()}
    return Study.load(own.plain | {"networks": networks})


def designed(**changes: Any) -> dict[str, Any]:
    return {"mixed": study().plain["designs"]["mixed"] | changes}


def planned(own: Study, device: torch.device) -> str:
    """Return a plan with every note on one line."""
    return plan_study(own, device).replace("\n  ", " ")


def counted(own: Study) -> WorkTable:
    return WorkTable(counted_facts(StandIn(own)))


def costs(own: Study, network: str = "one", design: str = "mixed") -> dict[str, Cost]:
    """Return what every study costs for a network and design, at 1000 images per second."""
    speeds = dict.fromkeys([*own.runs, *((name, "") for name in own.settings.networks)], 1000.0)
    found = study_costs(counted(own), speeds)
    return {cost.study: cost for cost in found if (cost.network, cost.design) == (network, design)}


def sensitivity(**changes: Any) -> Cost:
    return costs(study(**changes))["sensitivity"]


def works(own: WorkTable, network: str = "one", design: str = "mixed") -> dict[str, Work]:
    """Return what every rule with jobs takes for a network and design."""
    listed = [work for study_works in own.studies.values() for work in study_works if work.jobs]
    return {w.rule: w for w in listed if (w.network, w.design) == (network, design)}


@cache
def published(**changes: Any) -> Study:
    """Return the published study of one network under one design."""
    own = study("workflow/studies/published.yaml").plain
    one = {
        "networks": {"alexnet": own["networks"]["alexnet"]},
        "designs": {"set1": own["designs"]["set1"]},
    }
    return study("workflow/studies/published.yaml", **one | changes)


def folder_of(count: int, tmp_path: Path) -> dict[str, Any]:
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(10 * count):
            (tmp_path / label / f"{number}.png").write_bytes(b"not decoded")
    samples = {"samples_per_class": {"train": count, "validation": count}}
    return {"kind": "folder", "path": str(tmp_path), "image_size": 32} | samples


def test_evaluations_are_those_of_every_block() -> None:
    own = study(designs=designed(base_points=64, walks=3))
    built = own.design("one", "mixed")
    blocks = [built.block(r, b) for r in range(built.replicates) for b in range(built.blocks)]
    evaluations = sum(block.coordinates.shape[0] * block.coordinates.shape[1] for block in blocks)
    assert works(WorkTable(own.facts))["sample_activations"].passes == evaluations


@pytest.mark.parametrize("law", ["switched", "always"])
def test_the_share_of_different_evaluations_is_that_of_all_blocks(law: str) -> None:
    images = StandIn(study(designs=designed(base_points=512, law=law)))
    built, decoded = images.study.design("one", "mixed"), images.law("mixed")
    shares = []
    for replicate in range(built.replicates):
        for number in range(built.blocks):
            coordinates = built.block(replicate, number).coordinates
            rows = decoded.decode(coordinates.reshape(-1, coordinates.shape[-1]))
            shares.append(len(rows.distinct()[0]) / len(rows))
    assert built.replicates * built.blocks > 50  # more than are looked at
    assert different_share(built, decoded) == pytest.approx(np.mean(shares), abs=0.015)


def test_stand_ins_are_as_many_as_the_images(tmp_path: Path) -> None:
    own = study()
    build_cache(own.settings.dataset, 1, tmp_path / "images.zarr", tmp_path / "manifest.csv")
    lines = (tmp_path / "manifest.csv").read_text().splitlines()[1:]
    images = StandIn(own)
    assert (images.counts.sum(axis=1) <= own.facts.most).all()
    for row, partition in enumerate(("train", "validation")):
        for label in range(10):
            held = sum(f",{label},{partition}," in line for line in lines)
            assert images.counts[row, label] == held
    rows = np.concatenate([group for part in images.pool.rows for group in part])
    np.testing.assert_array_equal(rows, np.arange(len(lines)))


def test_written_gigabytes_are_those_of_the_files(tmp_path: Path) -> None:
    own = study()
    paths = {name: tmp_path / name for name in ("images", "manifest", "weights")}
    build_cache(own.settings.dataset, 1, paths["images"], paths["manifest"])
    network = {"kind": "python", "factory": "actsense.networks.compact:CompactNetwork"}
    network |= {"arguments": {"classes": 10, "width": 2}, "layers": ["stage2", "logits"]}
    parts = designed(shards=2)
    own = study(networks={"one": network}, designs=parts)
    described = own.plain["networks"]["one"] | {"name": "one"}
    import_weights(described, 0, 10, paths["weights"], tmp_path / "card", image_size=32)
    inputs = SimpleNamespace(**{name: str(path) for name, path in paths.items()})
    sampling = open_sampling(
        inputs, own.sampling_settings("one", "mixed"), batch_size=64, device=CPU
    )
    activations, moments, shard_file = 0, 0, tmp_path / "shard.zip"
    for shard in own.sharding("one", "mixed").shards.values():
        write_shard(sampling, shard, shard_file)
        states = accumulate_shard(sampling.design, shard, shard_file, {})
        write_moments(tmp_path / "moments.zip", states)
        activations += shard_file.stat().st_size
        moments += (tmp_path / "moments.zip").stat().st_size

    sampled, summed = (
        works(counted(own))[rule] for rule in ("sample_activations", "accumulate_part")
    )
    units, overhead = own.units("one"), 60_000  # bytes of headers in these small files
    places = 8 * own.design("one", "mixed").evaluations
    assert sampled.passing == sampled.passes * units * 4
    assert 0 <= activations - sampled.passing < overhead + places
    assert 0 <= moments - summed.dropped < overhead
    assert activations <= own.shard_megabytes("one", "mixed") * 4e6
    stored, streamed = (
        costs(study(networks={"one": network}, activations=way, designs=parts))["sensitivity"]
        for way in ("store", "stream")
    )
    assert stored.written - streamed.written == pytest.approx(sampled.passing / 1e9)


def test_kept_activations_stay_and_are_counted() -> None:
    kept, used = (
        sensitivity(keep_activations=keep, designs=designed(shards=2)) for keep in (True, False)
    )
    assert kept.kept - used.kept == pytest.approx(used.passing)
    assert kept.written == pytest.approx(used.written)
    assert kept.files_kept - used.files_kept == 4
    assert kept.files_peak == used.files_peak
    assert kept.passing == 0 < used.passing


def test_replicates_that_share_a_job_leave_nothing_to_merge() -> None:
    whole, parted = (sensitivity(designs=designed(shards=shards)) for shards in ("auto", 2))
    assert whole.dropped == 0 < parted.dropped
    assert whole.kept == pytest.approx(parted.kept)
    assert whole.jobs == parted.jobs - 3 - 3 - 2  # samplings, sums, merges
    assert whole.written == pytest.approx(parted.written - parted.dropped)


def test_the_peak_holds_no_more_activations_than_the_budget() -> None:
    cost = costs(published(activations="store"), "alexnet", "set1")["sensitivity"]
    assert cost.peak(500) == pytest.approx(500 + cost.dropped + cost.kept)
    assert 500 < cost.peak(500) < 520
    assert cost.written > 2000


def test_hours_and_minutes_follow_from_the_speed() -> None:
    own = published()
    table = counted(own)
    found = works(table, "alexnet", "set1")
    sampling, contrast, segments = (
        found[rule] for rule in ("stream_moments", "estimate_contrast", "sample_segments")
    )
    assert contrast.passes == 50_000 * (1 + 2 + 3 * 10)
    share = sampling.passes / own.design("alexnet", "set1").evaluations
    assert segments.passes == pytest.approx(8192 * 36 * share, rel=1e-4)
    cost = costs(own, "alexnet", "set1")["sensitivity"]
    assert cost.hours == pytest.approx((sampling.passes + contrast.passes) / 1000 / 3600)
    assert cost.minutes == pytest.approx(max(sampling.longest, contrast.passes) / 1000 / 60)


def test_images_run_again_where_memory_is_short() -> None:
    settings = yaml.safe_load((REPOSITORY / "workflow/studies/published.yaml").read_text())
    passes = [
        works(counted(Study.load(settings | {"memory_gb": memory})), "vgg11", "set1")[
            "estimate_contrast"
        ].passes
        for memory in (30, 4, 2)
    ]
    assert passes[0] == 50_000 * (1 + 2 + 3 * 10)
    assert passes == sorted(set(passes))


def test_the_exact_study_counts_partitions_apart_and_all_draws() -> None:
    own = study("workflow/studies/published-exact.yaml", memory_gb=8)
    names = set(own.settings.designs["set1"].factors)
    assert names == {*own.settings.designs["set1"].augmentations, "order", "class", "partition"}
    found = works(counted(own), "alexnet", "set1")
    parametric, plain, images = 3, 2, 50_000
    assert found["estimate_contrast"].passes == 2 * images * (1 + plain + 10 * parametric)
    shown = 1 + plain + 3 * parametric  # versions of an image
    guides, own_inputs = 3 * len(names), 3 * (3 * parametric + plain)
    configurations = 3 * 5
    first = (guides * (configurations + 2) + (2 + 1) * configurations + 1) * shown
    others = (2 * configurations + 5 + 2) * (guides + own_inputs)
    assert found["evaluate_masks"].passes == images * (first + others)


@pytest.mark.parametrize(
    ("network", "units", "points"),
    [("alexnet", 205_672, 131_072), ("vgg11", 1_539_560, 32_768), ("resnet18", 553_448, 131_072)],
)
def test_the_published_study_has_the_published_sizes(
    network: str, units: int, points: int
) -> None:
    own = study("workflow/studies/published.yaml")
    assert own.units(network) == units
    for design, nodes in (("set1", 36), ("set2", 44)):
        built = own.design(network, design)
        assert built.replicates * built.base_points == points
        assert built.evaluations == points * nodes


def test_the_published_design_shares_a_quarter_to_a_third_of_its_evaluations() -> None:
    own = published()
    ((_, share),) = counted_facts(StandIn(own)).different.items()
    assert 0.25 < 1 - share < 0.35


@pytest.mark.parametrize("name", ["published", "published-places"])
@pytest.mark.parametrize("activations", ["store", "stream"])
def test_the_published_studies_stay_within_what_schedulers_and_quotas_bear(
    name: str, activations: str
) -> None:
    own = study(f"workflow/studies/{name}.yaml", activations=activations)
    text = plan_study(fast(own, 1000), CPU)
    jobs, *_, files, _ = re.search(r"^all\n.*$", text, re.MULTILINE)[0].split()[1:]  # type: ignore[index]
    assert 0 < int(jobs) < 5000
    assert 0 < int(files) < 20_000
    assert "as the configuration states it" in text
    assert "Not there yet: data/" in text
    assert ("Advice" in text) == (activations == "store")  # 62 GB are filled in a minute


def test_images_and_weights_are_counted_once() -> None:
    own = study("workflow/studies/published.yaml")
    facts = replace(own.facts, images=(732_000, 50_000))
    works = [work for name in ("data", "networks") for work in WorkTable(facts).studies[name]]
    parameters = 61_100_840 + 132_863_336 + 11_689_512 + 9_600 + 20  # last: batch normalisation
    kept = 782_000 * 3 * 224**2 + 4 * parameters
    assert sum(work.kept for work in works) == pytest.approx(kept, rel=1e-4)
    assert sum(work.files for work in works) < 500


def test_rows_lie_in_as_many_files_as_their_writer_makes() -> None:
    assert FILE_BYTES == SHARD_BYTES


def test_a_table_is_aligned() -> None:
    own = fast(study(), 100)
    lines = plan_study(own, CPU).split("\n\n")[1].splitlines()
    _, units, *rows = lines
    ends = {match.end() for match in re.finditer(r"jobs|\S+", units)}
    titles = [row for row in rows if not row.startswith(" ")]
    assert titles == ["one, mixed", "one", "all networks", "all"]
    assert rows[1].split()[0] == "sensitivity"
    for row in rows:
        numbers = {match.end() for match in re.finditer(r"\d\S*", row)}
        assert row in titles or len(numbers) >= 5
        assert numbers <= ends


def test_a_plan_fits_into_a_terminal_and_says_what_takes_most() -> None:
    own = fast(study("workflow/studies/published.yaml"), 200)
    text = plan_study(own, CPU)
    assert max(map(len, text.splitlines())) <= 100
    table = counted(own)
    hours = {name: sum(w.passes for w in works if w.jobs) for name, works in table.studies.items()}
    share = round(100 * hours["masking"] / sum(hours.values()))
    assert f"masking takes {share} % of the " in text
    assert "lower masking.images" in text


def test_what_a_plan_says_to_lower_are_settings() -> None:
    plain = study("config.yaml").plain
    for path in chain.from_iterable(LEVERS.values()):
        value = plain
        for name in path.split("."):
            value = next(iter(value.values())) if name == "*" else value[name]


@pytest.mark.parametrize(
    ("changes", "own_speed", "said"),
    [
        ({"job_minutes": 0.01}, 1.0, r"0.01. Leave designs\.\*\.shards out, or raise job_minutes"),
        (
            {"job_minutes": 1000, "designs": designed(shards=2)},
            *(1e6, "A larger store_budget_gb, or `activations: stream`"),
        ),
        (
            {"job_minutes": 1000, "activations": "stream", "designs": designed(shards=2)},
            *(1e6, "1000. Fewer shards would make"),
        ),
    ],
)
def test_jobs_far_from_the_wanted_time_come_with_advice(
    changes: dict[str, Any], own_speed: float, said: str
) -> None:
    own = fast(study(**changes), own_speed)
    assert re.search(said, planned(own, CPU))


@pytest.mark.parametrize("speed", [20, 200])
def test_masks_of_a_slow_network_are_cut_and_pass_as_often(speed: float) -> None:
    """The cut knows no images: the run, which does not count them, makes as many jobs."""
    whole, own = (fast(published(job_minutes=m), speed) for m in (10**6, 60))
    before, found = (works(counted(each), "alexnet", "set1") for each in (whole, own))
    part, merged = found["mask_part"], found["evaluate_masks"]
    assert "mask_part" not in before
    assert part.passes == before["evaluate_masks"].passes
    assert (
        part.jobs == mask_parts(own.facts, "alexnet", "set1") == ceil(part.passes / speed / 3600)
    )
    assert part.longest <= 3600 * speed + own.settings.batch_size
    assert merged.passes < part.longest
    assert merged.kept == before["evaluate_masks"].kept
    assert mask_parts(whole.facts, "alexnet", "set1") == 0


@pytest.mark.parametrize(
    ("speed", "pieces", "links"),
    [
        (1000, 1, 1),
        (500, 2, 1),
        (200, 5, 1),
        (100, 5, 2),
    ],  # of five augmentations, all units in one
)
def test_contrasts_of_a_slow_network_are_cut_as_far_as_necessary(
    speed: float, pieces: int, links: int
) -> None:
    own = fast(published(memory_gb=30), speed)
    found = works(counted(own), "alexnet", "set1")
    images, draws, limit = 50_000, 10, 3600 * speed
    treated = 2 + 3 * draws  # two of them draw nothing
    parts = contrast_parts(own.facts, "alexnet", "set1")
    passes = found["contrast_part"].passes if parts else found["estimate_contrast"].passes
    assert passes == images * (treated + pieces)  # untouched ones pass with every piece
    assert len(parts) == (pieces * links if pieces > 1 else 0)
    for part in parts:
        assert images * (1 + draws * len(part.group)) / part.links <= limit
    ends = [part for part in parts if part.link == part.links - 1]
    assert [k for part in ends for k in part.group] == [*range(5)] * bool(parts)
    if parts:
        assert found["contrast_part"].jobs == len(parts)
        assert found["contrast_part"].longest <= limit + 11 * own.settings.batch_size
        assert found["estimate_contrast"].passes == 0
        assert found["estimate_contrast"].kept > 0


def test_masks_that_are_not_stated_pass_no_more_images_than_sampling_and_that_is_said() -> None:
    one = study().plain["networks"]["one"] | {"images_per_second": 1000}
    changes = {"networks": {"one": one}, "designs": designed(base_points=1024)}
    unstated = study(masking={"scales": [0, 2]}, **changes)
    table = counted(unstated)
    passes = works(table)["evaluate_masks"].passes
    evaluations = unstated.design("one", "mixed").evaluations
    assert 0.9 * evaluations < passes <= evaluations
    found = settings_in_force(table.facts, "one", "mixed")
    assert found.scales == (0, 2)
    assert found.plain() == unstated.masks("one", "mixed")
    assert unstated.provenance_settings("one", "mixed", "masking")["masking"] == found.plain()
    said = f"Masking of one under mixed .*: images: {found.images}, values: .shapley., "
    assert re.search(said, planned(unstated, CPU))
    assert "Masking of" not in planned(fast(study(), 1000), CPU)


@pytest.mark.parametrize("activations", ["store", "stream"])
def test_a_speed_that_is_neither_stated_nor_kept_is_measured(
    monkeypatch: pytest.MonkeyPatch, activations: str
) -> None:
    monkeypatch.setattr(speed, "SECONDS", 0.01)
    own = study(activations=activations, job_minutes=1e-6)
    assert 1 < measured_speed(StandIn(own), "one", "mixed", CPU) < 1e6
    text = planned(own, CPU)
    assert "one measured here on cpu (" in text
    assert re.search(r"State networks\.one\.images_per_second: \d+", text)


def test_outlines_without_numbers_are_given_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SECONDS", 0.01)
    network = {"kind": "torchvision", "model": "resnet18", "weights": "lost.pt", "layers": "auto"}
    own = study(networks={"one": network})
    assert measured_speed(StandIn(own), "one", "mixed", CPU) > 0
    assert "Not there yet: lost.pt, networks.one.weights." in planned(own, CPU)


def test_images_are_counted_before_they_are_decoded_or_assumed(tmp_path: Path) -> None:
    dataset = folder_of(7, tmp_path)
    known = StandIn(study(dataset=dataset))
    assert (known.counts == 7).all()
    assert known.counts.shape == (2, 2)
    del dataset["samples_per_class"]
    all_of_them = StandIn(study(dataset=dataset))
    assert all_of_them.counts.tolist() == [[56, 56], [14, 14]]  # a fifth is for validation
    assert all_of_them.known
    archive = {"kind": "imagenet", "folder": str(tmp_path), "samples_per_class": None}
    own = fast(study(dataset=archive | {"image_size": 32}), 100)
    assert "Assumed: 100 train and 25 validation images per class" in planned(own, CPU)


def test_jobs_whose_images_pass_several_times_are_as_much_shorter() -> None:
    own = fast(published(memory_gb=1), 200)
    streamed = works(counted(own), "alexnet", "set1")["stream_part"]
    sampled = own.design("alexnet", "set1").evaluations
    assert streamed.passes > 1.5 * sampled  # in tiles
    assert 0.5 * 3600 < streamed.longest / 200 <= 3600  # job_minutes: 60
