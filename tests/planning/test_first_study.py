"""A first study is the richest that ends in the time there is, and a file that can be read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from PIL import Image

from actsense.__main__ import main
from actsense.data.image_plan import ImagePlan
from actsense.errors import ConfigError
from actsense.layers import Layer
from actsense.planning import first_study as module
from actsense.planning import photographs
from actsense.planning.cost import Cost, counted_facts, study_costs, total_cost
from actsense.planning.first_study import ROOM, SHARE, FirstStudy, first_study
from actsense.planning.ladder import STEPS, settings_of
from actsense.planning.looking import Look, look_at
from actsense.planning.photographs import MOST, listed_images
from actsense.planning.speed import StandIn
from actsense.planning.study_text import configuration_text, left_out, told
from actsense.planning.work import WorkTable
from actsense.study.beside import StudiesBeside
from actsense.study.opening import open_configuration
from actsense.study.study import Study
from actsense.work import Facts, NetworkFacts

RUNNING = Path(__file__).parents[2] / "docs/running.md"
CPU = torch.device("cpu")
SMALL = {"kind": "trained", "width": 2}  # known without a file; any network is planned alike
SPEED = 40.0  # images per second
DECODING = 0.1  # seconds of a photograph
MACHINE = 1e6  # gigabytes of memory and of disk


def _photograph() -> bytes:
    content = BytesIO()
    Image.new("RGB", (64, 48), (200, 60, 20)).save(content, "jpeg")
    return content.getvalue()


PHOTOGRAPH = _photograph()


def measured(
    images: StandIn, runs: Mapping[str, Sequence[str]], device: torch.device
) -> dict[tuple[str, str], float]:
    return {(name, design): SPEED for name, designs in runs.items() for design in designs}


def looking(planned: ImagePlan) -> Look:
    return replace(look_at(planned, seconds=1e6), seconds=DECODING)


@pytest.fixture(autouse=True)
def measurements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Work in an empty folder at a known speed; return the designs of every measurement."""
    monkeypatch.chdir(tmp_path)
    counted: list[int] = []

    def counting(
        images: StandIn, runs: Mapping[str, Sequence[str]], device: torch.device
    ) -> dict[tuple[str, str], float]:
        counted.append(sum(map(len, runs.values())))
        return measured(images, runs, device)

    monkeypatch.setattr(module, "measured_speeds", counting)
    monkeypatch.setattr(photographs, "look_at", looking)
    return counted


def folder(name: str = "photographs", **classes: int) -> Path:
    for label, count in (classes or {"cat": 30, "dog": 40}).items():
        (Path(name) / label).mkdir(parents=True)
        for number in range(count):
            (Path(name) / label / f"{number}.jpg").write_bytes(PHOTOGRAPH)
    return Path(name)


def study(path: Path, **options: Any) -> FirstStudy:
    given = {"image_size": 32, "room": MACHINE, "memory": MACHINE} | options
    return first_study(path, "small", SMALL, CPU, **given)


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> list[FirstStudy]:
    """Plan every step by itself, for 70 photographs."""
    found = []
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("ladder"))
        patched.setattr(module, "measured_speeds", measured)
        patched.setattr(photographs, "look_at", looking)
        path = folder()
        for step in STEPS:
            patched.setattr(module, "STEPS", (step,))
            found.append(study(path, minutes=1e6))
    return found


def sized(planned: FirstStudy, units: int) -> NetworkFacts:
    """Return the network of a study with so many units."""
    return replace(planned.network, layers=(Layer("all", (units,), 0),))


def test_the_documented_file_is_what_init_writes_and_its_plan_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "machine_memory", lambda: 1e9 * MACHINE)
    room = SimpleNamespace(free=1e9 * MACHINE)
    monkeypatch.setattr(module, "shutil", SimpleNamespace(disk_usage=lambda _: room))
    folder(cat=120, dog=80)
    shown = RUNNING.read_text().partition("actsense init photographs --network resnet18")[2]
    documented = re.search(r"```yaml\n(# resnet18.*?)```", shown, flags=re.DOTALL)
    assert main(["init", "photographs", "--network", "resnet18"]) == 0
    written = Path("study.yaml").read_text()
    assert documented
    assert written == documented[1]
    assert "actsense run study.yaml plan" in capsys.readouterr().out

    own = open_configuration(Path("study.yaml"))
    table = WorkTable(counted_facts(StandIn(own)))
    speeds = {("resnet18", design): SPEED for design in [*own.settings.designs, ""]}
    hours = total_cost(table, study_costs(table, speeds)).hours / 2  # on two cores
    assert 5 < 60 * hours < 30 * SHARE
    assert table.facts.images == (100, 100)

    assert main(["init", "photographs", "--network", "resnet18", "--minutes", "1"]) == 1
    assert "study.yaml: it is there already" in capsys.readouterr().err
    assert Path("study.yaml").read_text() == written


def test_the_documented_study_by_hand_takes_the_hours_that_are_said() -> None:
    page = RUNNING.read_text()
    written = re.search(r"```yaml\n(study: animals\n.*?)```", page, flags=re.DOTALL)
    said = re.search(
        r"at (\d+) images.*? and (\d+) for the others.*? takes (\S+) device hours", page
    )
    assert written
    assert said
    config = yaml.safe_load(written[1])
    config["networks"]["alexnet"]["weights"] = "none"  # the same network, without a download
    del config["networks"]["mine"]
    folder(cat=100, dog=100)
    table = WorkTable(counted_facts(StandIn(Study.load(config))))
    speeds = dict.fromkeys(config["networks"], float(said[2])) | {"alexnet": float(said[1])}
    designs = [*config["designs"], ""]
    costs = study_costs(table, {(name, d): own for name, own in speeds.items() for d in designs})
    assert f"{total_cost(table, costs).hours:.1f}" == said[3]
    masks = sum(cost.hours for cost in costs if cost.study == "masking")
    assert masks < 0.1 * total_cost(table, costs).hours


def test_steps_leave_out_more_and_more(ladder: list[FirstStudy]) -> None:
    for richer, poorer in pairwise(ladder):
        assert poorer.cost.passes < 0.85 * richer.cost.passes
        assert poorer.minutes < richer.minutes
        assert poorer.cost.written <= richer.cost.written


def test_the_richest_step_that_fits_is_taken_after_one_measurement(
    ladder: list[FirstStudy], measurements: list[int]
) -> None:
    path = folder()
    for step, share in ((1, 1.0001), (2, 0.9999)):  # of what the second step needs
        taken = study(path, minutes=share * ladder[1].minutes / SHARE)
        assert taken.config == ladder[step].config
    assert measurements == [len(STEPS[0].designs)] * 2


def test_a_measurement_that_waits_for_other_work_tells_how_busy_the_machine_is(
    ladder: list[FirstStudy], monkeypatch: pytest.MonkeyPatch
) -> None:
    wall, used = iter((0.0, 6.0, 0.0, 0.5)), iter((0.0, 2.0, 0.0, 0.1))
    clock = SimpleNamespace(perf_counter=wall.__next__, process_time=used.__next__)
    monkeypatch.setattr(module, "time", clock)
    assert study(folder(), minutes=1e6).slowdown == 3
    assert study(Path("photographs"), minutes=1e6).slowdown == 1  # too short to tell


def test_results_fit_on_the_disk(
    ladder: list[FirstStudy], monkeypatch: pytest.MonkeyPatch
) -> None:
    poorer = next(own for own in ladder if own.cost.written < ladder[0].cost.written)
    room = 1.0001 * poorer.cost.written / ROOM
    assert not ladder[0].fits(room)
    assert poorer.fits(room)
    path = folder()
    taken = study(path, minutes=1e6, room=room)
    assert taken.config == poorer.config
    assert "A richer study would end in time" in told(taken, "study.yaml")
    for minutes, own in ((1e6, ladder[0]), (1.0001 * poorer.minutes / SHARE, poorer)):
        planned = study(path, minutes=minutes)  # where there is room, time alone decides
        assert planned.config == own.config
        assert "A richer" not in told(planned, "study.yaml")
    monkeypatch.setattr(module, "STEPS", STEPS[-1:])
    with pytest.raises(ConfigError, match=r"takes up to \d.* GB, more than 75 % of the 0\.0 GB"):
        study(path, minutes=1e6, room=0)


def test_minutes_are_passes_and_what_jobs_take_beside(ladder: list[FirstStudy]) -> None:
    cost = Cost("all", jobs=10, hours=0.5, minutes=1)
    own = replace(ladder[0], cost=cost, network=sized(ladder[0], 10**6), cores=2, chain=1)
    beside = 10 * 4.5 + 3 * 10**6 * 1.2e-4 + 70 * 0.1  # seconds of processor; three designs
    assert own.minutes == pytest.approx((30 * 60 + beside) / 2 / 60)
    elsewhere = replace(own, on_cpu=False)  # one accelerator, however many cores
    assert elsewhere.minutes == pytest.approx((30 * 60 + beside / 2) / 60)
    # Jobs that wait for one another, however many cores: eight links, and indices of one design.
    assert replace(own, chain=500).minutes == pytest.approx(500 + (8 * 4.5 + 120) / 60)
    busy = replace(own, slowdown=3)  # the speed of passes was measured beside other work
    assert busy.minutes == pytest.approx((30 * 60 + 3 * beside) / 2 / 60)


def test_many_cores_get_shorter_jobs_and_few_do_not(ladder: list[FirstStudy]) -> None:
    path = folder()
    few, many = (study(path, minutes=60, cores=cores) for cores in (2, 16))
    assert "job_minutes" not in few.config
    assert many.config["job_minutes"] == 6
    assert many.config["networks"]["small"]["images_per_second"] == SPEED
    assert many.cost.jobs > few.cost.jobs
    assert many.waiting < few.waiting == ladder[0].waiting
    # What the file says is planned like what was planned.
    again = planned_anew(many)
    assert again.jobs == many.cost.jobs
    assert again.passes == many.cost.passes
    said = told(many, "study.yaml")
    assert "job_minutes" in configuration_text(many)
    assert "measured anew" not in said


def planned_anew(planned: FirstStudy) -> Cost:
    table = WorkTable(counted_facts(StandIn(Study.load(planned.config))))
    speeds = {("small", design): SPEED for design in [*planned.config["designs"], ""]}
    return total_cost(table, study_costs(table, speeds))


def test_a_chain_is_the_longest_sampling_and_what_waits_for_it(ladder: list[FirstStudy]) -> None:
    own = ladder[0]
    folder()
    table = WorkTable(counted_facts(StandIn(Study.load(own.config))))
    longest = {
        work.rule: work.job_passes / SPEED / 60
        for works in table.studies.values()
        for work in works
        if work.jobs and work.passes
    }
    sampling = max(longest[rule] for rule in ("stream_moments", "stream_part") if rule in longest)
    after = max(longest[rule] for rule in ("evaluate_masks", "visualise_features"))
    assert own.chain >= sampling + after
    assert own.chain < sum(longest.values())


def test_memory_is_that_of_the_largest_jobs_side_by_side(ladder: list[FirstStudy]) -> None:
    own = ladder[0]
    folder()
    table = WorkTable(counted_facts(StandIn(Study.load({**own.config, "device": "cpu"}))))
    asked = sorted(
        table.megabytes(work.rule, work.network, work.design, work.layer)
        for works in table.studies.values()
        for work in works
        for _ in range(work.jobs)
    )
    assert len(asked) == own.cost.jobs - 1  # all but the target itself
    assert own.memory == (asked[-1] + asked[-2]) / 1000  # two cores
    assert own.memory < 6  # without what CUDA takes in every process


def test_memory_is_the_machines_where_images_would_pass_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = folder()
    usual = study(path, minutes=1e6)
    assert "memory_gb" not in usual.config  # all fits as it is

    def many_units(images: StandIn) -> Facts:
        facts = counted_facts(images)
        wide = {name: sized(own, 3_000_000) for name, own in facts.networks.items()}
        return replace(facts, networks=wide)

    def sized(own: NetworkFacts, units: int) -> NetworkFacts:
        return replace(own, layers=(Layer("all", (units // 100, 10, 10), 0),))

    monkeypatch.setattr(module, "counted_facts", many_units)
    tight, wide = (study(path, minutes=1e6, memory=memory) for memory in (1, MACHINE))
    assert "memory_gb" not in tight.config
    assert tight.crowded
    assert not wide.crowded
    chosen = wide.config["memory_gb"]
    assert wide.cost.passes < 0.6 * tight.cost.passes
    # Less memory would make images pass again, more would gain nothing.
    monkeypatch.setattr(module, "SIZES", (module.SIZES[module.SIZES.index(chosen) - 1],))
    assert study(path, minutes=1e6).cost.passes > 1.02 * wide.cost.passes
    monkeypatch.setattr(module, "SIZES", (64,))
    assert study(path, minutes=1e6).cost.passes > wide.cost.passes / 1.02
    # As much as the jobs of two cores may take together, and no more.
    monkeypatch.setattr(module, "SIZES", (chosen,))
    for share, has in ((1.01, True), (0.99, False)):
        room = share * wide.memory / module.MEMORY
        assert ("memory_gb" in study(path, minutes=1e6, memory=room).config) is has
    said = " ".join(told(tight, "study.yaml").split())
    assert "GB of memory, more than 80 % of the 1 GB of this machine: with mem_mb" in said
    assert "actsense run study.yaml --resources mem_mb=800 # then open" in said
    assert "mem_mb" not in told(wide, "study.yaml")


def test_the_study_of_photographs_is_expected_to_take_what_it_took(
    ladder: list[FirstStudy],
) -> None:
    """Of processor 8.4 minutes, and 70 and 53 s of patterns and pictures: docs/costs.md."""
    # 47 images per second pass on one core: 504 images of a contrast in 10.6 s.
    hours = 13_800 / 47 / 3600
    config = dict(ladder[0].config) | {"designs": {"colour": {}, "geometry": {}}}
    cost, known = Cost("all", jobs=35, hours=hours), sized(ladder[0], 223_080)
    taken = replace(ladder[0], config=config, cost=cost, network=known, cores=1, chain=0)
    images = taken.images.count * 0.1 / 60
    assert taken.minutes - images == pytest.approx(8.4, rel=0.05)


def test_what_does_not_fit_is_said_with_the_time_that_would_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = folder()
    monkeypatch.setattr(module, "STEPS", STEPS[-1:])
    monkeypatch.setitem(globals(), "SPEED", 0.5)  # so that a fifth of it is minutes
    with pytest.raises(ConfigError, match="the smallest study of small on 'photographs'") as told:
        study(path, minutes=0.1)
    needed = re.search(r"Give --minutes (\d+)", str(told.value))
    assert needed
    study(path, minutes=float(needed[1]))


def test_the_file_says_what_was_planned_whatever_classes_are_called() -> None:
    hostile = ["cat\nseed: 7", "dog\u2028seed: 8", "\x85seed: 9", "- {", "#", "\u732b"]
    planned = study(folder(**dict.fromkeys(hostile, 4)))
    text = configuration_text(planned)
    assert yaml.safe_load(text) == planned.config
    assert "\u732b 4" in text
    assert {line[:2] for line in text.splitlines() if "seed: " in line} == {"# "}
    # A comment above every section.
    assert all(part.startswith("# ") for part in text.split("\n\n"))
    assert len(text.split("\n\n")) == len(planned.config)
    assert max(map(len, text.splitlines())) <= 100


def test_every_difference_from_the_defaults_is_told(ladder: list[FirstStudy]) -> None:
    lines = left_out(ladder[5])
    assert lines[0].startswith("designs: 10 of 14 augmentations, 4 replicates (8) of 32 base")
    assert lines[1].endswith(": of colour alone")
    spatial = next(line for line in lines if line.startswith("spatial: "))
    assert "cells.images 12 (200)" in spatial
    assert "transforms.divisions 4 values (10 values)" in spatial
    assert "contrast: images 84 (1000)" in lines
    last = left_out(ladder[-1])
    assert {"patterns: left out", "featvis: left out"} < {*last}
    assert "correlation, lda, masking, single_class, segments: left out" in last
    said = told(ladder[5], "my own.yaml")
    assert "actsense run 'my own.yaml' plan" in said
    assert "results/photographs/index.html" in said
    assert max(map(len, said.splitlines())) <= 100


def test_a_busy_machine_and_a_download_are_told(ladder: list[FirstStudy]) -> None:
    said = told(ladder[5], "study.yaml")
    assert "downloaded" not in said
    assert "Other work" not in said
    fetched = replace(ladder[5].network, origin="downloaded", weights=44_700_000)
    said = told(replace(ladder[5], network=fetched, slowdown=2.5), "study.yaml")
    assert "Its weights, 45 MB, are downloaded first." in said
    assert "expected to take 2.5 times as long as on an idle machine" in " ".join(said.split())


def test_few_photographs_have_no_patterns() -> None:
    many, few = study(folder("many", a=12, b=12)), study(folder("few", a=30, b=2))
    assert many.config["patterns"] != {"networks": []} != many.config["featvis"]
    assert few.config["patterns"] == {"networks": []} == few.config["featvis"]
    assert few.images.taken == {"train": [15, 1], "validation": [15, 1]}


def test_a_network_without_positions_has_no_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Study.facts.func

    def flat(own: Study) -> Facts:
        known = usual(own)
        layers = (Layer("tokens", (9, 4), 0), Layer("logits", (2,), 36))
        return replace(known, networks={"small": replace(known.networks["small"], layers=layers)})

    monkeypatch.setattr(Study, "facts", property(flat))
    planned = study(folder(), minutes=1e6)
    assert planned.config["patterns"] == {"networks": []} == planned.config["featvis"]
    StudiesBeside(Study.load(planned.config)).check()


def test_pictures_of_grey_photographs_are_of_a_factor_that_changes_them(
    ladder: list[FirstStudy], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ladder[0].config["featvis"]["units"]["factor"] == "hue"
    monkeypatch.setattr(
        photographs, "look_at", lambda planned: replace(looking(planned), grey=True)
    )
    grey = study(folder(), minutes=1e6).config
    assert grey["featvis"]["units"]["factor"] == "brightness"
    assert grey["designs"] == ladder[0].config["designs"]


def test_of_many_photographs_as_many_of_every_class_are_taken() -> None:
    images = listed_images(folder(cat=100, dog=700, owl=1100), 224)
    assert images.settings["samples_per_class"] == {"train": 50, "validation": 50}
    assert images.count == 300 <= MOST
    assert [*images.classes.items()] == [("owl", 1100), ("dog", 700), ("cat", 100)]
    open_settings = {"study": "one", "networks": {"small": SMALL}, **settings_of(STEPS[-1], 224)}
    own = Study.load(open_settings | {"dataset": dict(images.settings)})
    assert StandIn(own).counts.tolist() == [[50] * 3, [50] * 3]


def test_split_folders_stay_split() -> None:
    for part, count in (("train", 5), ("val", 3)):
        folder(f"photographs/{part}", a=count, b=count)
    images = listed_images(Path("photographs"), 224)
    assert "validation_fraction" not in images.settings
    assert images.taken == {"train": [5, 5], "validation": [3, 3]}


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("my pets", "my-pets"),
        ("data", "photographs-data"),  # the name of a folder of results
        ("2024", "photographs-2024"),
        ("\u732b", "photographs"),
    ],
)
def test_the_study_is_named_after_the_folder(name: str, called: str) -> None:
    assert listed_images(folder(name, a=2, b=2), 224).study_name == called


@pytest.mark.parametrize("classes", [{}, {"cat": 3}, {"cat": 3, "dog": 0}])
def test_folders_are_refused_in_the_words_of_the_workflow(classes: dict[str, int]) -> None:
    path = folder(**classes) if classes else Path("photographs")
    dataset = {"kind": "folder", "path": "photographs"}
    own = {"study": "one", "networks": {"small": SMALL}, "dataset": dataset, "designs": {}}
    with pytest.raises(ConfigError) as usual:
        Study.load(own).survey  # noqa: B018 - looks at the folder
    with pytest.raises(ConfigError) as here:
        study(path)
    assert str(here.value) == str(usual.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--minutes", "0"], "--minutes: 0 is not above 0."),
        (["--cores", "-1"], "--cores: -1 is not above 0."),
        (["--image-size", "8"], "--image-size: 8 is less than 16 pixels."),
        (["-o", "."], r".: a folder. Give another file with -o."),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_looked_at(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "nowhere", "--network", "resnet18", *arguments]) == 1
    assert capsys.readouterr().err.strip() == said
