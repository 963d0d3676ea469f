"""What is planned against what Snakemake says and a run leaves."""

import json
from pathlib import Path

import pytest
import yaml
from PIL import Image
from pipeline import REPOSITORY, configure, planned, snakemake

from actsense.planning.cost import counted_facts, study_costs
from actsense.planning.speed import StandIn
from actsense.planning.work import WorkTable
from actsense.store import read_results
from actsense.study.study import Study

SPATIAL = ("transforms.zarr", "cells.zarr", "interaction.zarr", "saliency.zarr")
KEPT = "one/speed.json"
PATTERNS = ("attack.zarr", "features.zarr", "patterns.zarr", "pictures.zarr")
INVARIANCES = ("autoencoder.pt", "latents.zarr", "flows", "kept.zarr")


def study(path: Path) -> Study:
    return Study.load(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    "name",
    [
        "config.yaml",
        "workflow/studies/test.yaml",
        "workflow/studies/photographs.yaml",
        "workflow/studies/invariances-digits.yaml",
        "workflow/studies/invariances-texture.yaml",
        "workflow/studies/published-exact.yaml",  # published.yaml asks for less of the same
        "workflow/studies/published-places.yaml",
    ],
)
def test_the_jobs_are_those_of_a_dry_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text((REPOSITORY / name).read_text())
    assert WorkTable(study(REPOSITORY / name).facts).jobs == planned(snakemake(tmp_path, "-n"))


def test_published_invariances_are_those_of_a_dry_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "workflow/studies/invariances-animals.yaml"
    (tmp_path / "config.yaml").write_text((REPOSITORY / name).read_text())
    for animal in ("cat", "fox"):
        folder = tmp_path / "data/animals" / animal
        folder.mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (140, 130), (number, 0, 0)).save(folder / f"{number}.png")
    jobs = WorkTable(study(REPOSITORY / name).facts).jobs
    assert jobs == planned(snakemake(tmp_path, "-n"))
    states, layers = 2, 8 + 5
    assert jobs["train_flow"] == states * layers


def test_streaming_jobs_are_those_of_a_dry_run(tmp_path: Path) -> None:
    network = {"kind": "trained", "layers": ["stage2", "logits"]}
    configure(
        tmp_path,
        activations="stream",
        contrast={"images": 400},
        networks={
            "one": network
            | {"base_points": 64, "images_per_second": 1, "width": 2, "checkpoints": [0, 4]},
            "two": {"kind": "torchvision", "model": "resnet18", "weights": "none"},
        },
        designs={"mixed": {"augmentations": ["hue"], "base_points": 256, "replicates": 3}},
        job_minutes=5,
    )
    own = study(tmp_path / "config.yaml")
    assert own.sharding("one", "mixed").parts > 1
    jobs = WorkTable(own.facts).jobs
    assert min(jobs["contrast_part"], jobs["mask_part"]) > 1  # of the slow network alone
    assert jobs == planned(snakemake(tmp_path, "-n"))


def test_without_designs_the_jobs_are_those_of_the_studies_beside(tmp_path: Path) -> None:
    configure(tmp_path, designs={}, featvis={})
    jobs = planned(snakemake(tmp_path, "-n"))
    assert WorkTable(study(tmp_path / "config.yaml").facts).jobs == jobs
    assert jobs["compare_transforms"] == 1
    assert not {"estimate_indices", "estimate_contrast", "evaluate_masks"} & jobs.keys()


def test_a_run_leaves_the_planned_files_and_gigabytes(finished: Path) -> None:
    counted = counted_facts(StandIn(study(finished / "config.yaml")))
    costs = study_costs(WorkTable(counted), dict.fromkeys([("one", "mixed"), ("one", "")], 1.0))
    expected = sum(cost.files_kept for cost in costs)
    files = [path for path in (finished / "results").rglob("*") if path.is_file()]
    assert len(files) <= expected
    assert len(files) >= 0.97 * expected  # empty arrays have no file

    stores = ("moments", "indices.zarr", "contrast.zarr", "top_images.zarr", "masking.zarr")
    counted = {*stores, "images.zarr", "weights.pt", *SPATIAL, *PATTERNS, *INVARIANCES}
    kept = sum(path.stat().st_size for path in files if set(path.parts) & counted)
    text = sum(path.stat().st_size for path in files if path.name == "zarr.json")
    # The page is counted with larger figures.
    planned_bytes = sum(cost.kept for cost in costs if cost.study != "findings") * 1e9
    assert 0.5 * planned_bytes < kept - text < planned_bytes + 100_000  # headers of zip files


def test_a_run_makes_the_planned_evaluations(finished: Path) -> None:
    own = study(finished / "config.yaml")
    works = WorkTable(counted_facts(StandIn(own))).studies["sensitivity"]
    (sampling,) = (work for work in works if work.rule == "sample_activations")
    attributes = read_results(finished / "results/tiny/one/mixed/indices.zarr").attrs
    assert attributes["evaluations"] == own.design("one", "mixed").evaluations
    assert attributes["forward_passes"] == sampling.passes  # of so few blocks all are looked at
    designs = json.loads(attributes["configuration"])["designs"]
    assert designs["mixed"]["base_points"] == 128


def test_a_plan_is_printed_and_keeps_the_speed_alone(tmp_path: Path) -> None:
    configure(tmp_path)
    assert planned(snakemake(tmp_path, "-n", "plan")) == {"measure_speed": 1, "plan": 1}
    result = snakemake(tmp_path, "plan")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("Study tiny\n")
    assert "one as kept in speed.json beside its results, measured on cpu" in result.stdout
    assert "Done" not in result.stdout
    home = tmp_path / "results/tiny"
    made = {path for path in home.rglob("*") if path.is_file() and path.suffix != ".tsv"}
    logs, record = (
        ("logs/plan.log", "logs/measure_speed.log"),
        ("study.json", ".study.json.manifest"),
    )
    assert made == {home / name for name in (*logs, *record, KEPT)}
    assert planned(snakemake(tmp_path, "-n", "plan")) == {"plan": 1}
