"""A speed is measured once, and shards follow from what was written down."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from actsense.errors import ConfigError
from actsense.planning import speed
from actsense.planning.report import measure_study, plan_study
from actsense.planning.speed import measured_speeds
from actsense.sampling.kept_speed import keep_speed, kept_speeds, speed_file, unmeasured
from actsense.study.study import Study

REPOSITORY = Path(__file__).parents[2]
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(speed, "SECONDS", 0.001)


def study(**changes: Any) -> Study:
    given = yaml.safe_load((REPOSITORY / "workflow/studies/test.yaml").read_text())
    designs = {"mixed": given["designs"]["mixed"] | {"base_points": 1024}}
    return Study.load(given | {"designs": designs, "activations": "stream"} | changes)


def test_a_study_is_cut_as_if_its_kept_speed_were_stated() -> None:
    before = study()
    assert before.sharding("one", "mixed").parts == 1
    keep_speed(before.results, "one", {"mixed": 2.0, "other": 30.0}, "here")
    one = before.plain["networks"]["one"] | {"images_per_second": 2.0}
    kept, stated = study(), study(networks={"one": one})
    assert kept.sharding("one", "mixed") == stated.sharding("one", "mixed")
    assert kept.sharding("one", "mixed").parts > 1
    assert before.looked_at_again().sharding("one", "mixed") == kept.sharding("one", "mixed")
    faster = study(networks={"one": one | {"images_per_second": 1e6}})
    assert faster.sharding("one", "mixed").parts == 1  # stated: obeyed
    assert kept.sampling_settings("one", "mixed") == stated.sampling_settings("one", "mixed")


def test_a_measured_speed_is_kept_and_planned_with() -> None:
    own = study()
    measure_study(own, ["one"], CPU)
    known = kept_speeds(own.results, "one")
    assert known["images_per_second"].keys() == {"mixed"}
    assert known["device"] == f"cpu ({torch.get_num_threads()} threads)"
    text = plan_study(own.looked_at_again(), CPU)
    assert f"one as kept in speed.json beside its results, measured on {known['device']}" in text


def test_jobs_inherit_what_their_run_read(monkeypatch: pytest.MonkeyPatch) -> None:
    own = study()
    monkeypatch.setenv("ACTSENSE_SURVEY", "{}")
    own.bequeath()
    keep_speed(own.results, "one", {"mixed": 2.0}, "here")
    assert study().sharding("one", "mixed").parts == 1
    assert study().looked_at_again().sharding("one", "mixed").parts > 1


def test_nothing_is_measured_once_it_is_sampled_stated_or_kept(tmp_path: Path) -> None:
    networks = study().settings.networks | {"two": study().settings.networks["one"]}
    assert unmeasured(tmp_path, networks) == ["one", "two"]
    moments = tmp_path / "one/mixed/moments"
    moments.mkdir(parents=True)
    assert unmeasured(tmp_path, networks) == ["one", "two"]  # an empty folder is nothing
    (moments / "replicates_0-1.zarr.zip").touch()
    assert unmeasured(tmp_path, networks) == ["two"]
    assert (
        unmeasured(tmp_path, networks | {"two": networks["one"].replaced(images_per_second=1)})
        == []
    )
    keep_speed(tmp_path, "two", {"mixed": 1.0}, "here")
    assert unmeasured(tmp_path, networks) == []


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"images_per_second": {"a": 0}, "device": "b"}']
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    path = speed_file(tmp_path, "one")
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"speed\.json: not a speed .* delete it"):
        kept_speeds(tmp_path, "one")


def test_the_parts_of_the_work_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"_passing": 0.5, "_augmenting": 0.25, "_summing": 0.25}
    calls: list[str] = []
    for name, each in seconds.items():
        monkeypatch.setattr(
            speed, name, lambda *_, name=name, each=each: (calls.append(name), each)[1]
        )
    for way, expected in (("stream", 1.0), ("store", 4 / 3)):
        own = study(activations=way)
        assert measured_speeds(speed.StandIn(own), {"one": ["mixed"]}, CPU) == {
            ("one", "mixed"): expected
        }
    assert calls == ["_passing", "_augmenting", "_summing", "_passing", "_augmenting"]


def test_a_study_without_designs_is_planned_and_measured_on_images_as_they_are() -> None:
    own = study(designs={}, featvis={"images": 20})
    assert own.runs == []
    measure_study(own, ["one"], CPU)
    assert kept_speeds(own.results, "one")["images_per_second"].keys() == {""}
    _, rest = plan_study(own.looked_at_again(), CPU).split("\none\n")
    studies = {row.split()[0] for row in rest.split("\nall networks\n")[0].splitlines()}
    assert {"networks", "spatial", "patterns"} <= studies
    assert not {"sensitivity", "masking", "segments"} & studies
