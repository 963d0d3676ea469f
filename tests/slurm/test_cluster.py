"""The profile on a real cluster: a whole small study, and what happens to jobs that are killed."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from cluster import Cluster
from conftest import TINY, command, run, wait_for

ON_GPU = {
    *("train_network", "sample_activations", "estimate_contrast"),
    *("evaluate_masks", "sample_segments"),
    *("evaluate_transforms", "evaluate_cells", "evaluate_interaction", "map_saliency"),
    *("attack_images", "record_features", "embed_patterns"),
    *("visualise_features", "judge_pictures"),
    *("train_autoencoder", "record_representations", "train_flow"),
    *("measure_invariances", "show_demos"),
}
ON_CPU = {
    *("cache_images", "accumulate", "estimate_indices", "plot_indices"),
    *("correlate", "discriminate", "profile_masks", "match_classes", "compare_segments"),
    *("compare_transforms", "compare_cells", "compare_interactions", "compare_patterns"),
    *("compare_invariances", "write_page"),
}
WEIGHTS = "results/tiny/one/weights.pt"


def rule_of(job: dict[str, str]) -> str:
    return next(rule for rule in (*ON_GPU, *ON_CPU, "plot") if rule in job["Comment"])


def jobs_since(cluster: Cluster, before: int, rule: str) -> list[dict[str, str]]:
    return [job for job in cluster.jobs()[before:] if rule in job["Comment"]]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the same study without the cluster."""
    folder = tmp_path_factory.mktemp("local")
    shutil.copy(TINY, folder / "config.yaml")
    start = command(folder)[:5]
    subprocess.run([*start, "--cores", "all"], stdin=subprocess.DEVNULL, check=True)
    return folder


def test_networks_run_on_gpus_and_nothing_else_does(cluster: Cluster, finished: Path) -> None:
    jobs = cluster.jobs()
    assert {rule_of(job) for job in jobs} >= ON_GPU | ON_CPU
    for job in jobs:
        expected = "gpu" if rule_of(job) in ON_GPU else "cpu"
        assert job["Partition"] == expected, job
        assert ("gpu" in job.get("TresPerNode", "")) == (expected == "gpu"), job


def test_jobs_ask_for_what_their_rule_computes(cluster: Cluster, finished: Path) -> None:
    asked = {rule_of(job): (job["MinMemoryNode"], job["TimeLimit"]) for job in cluster.jobs()}
    assert len(set(asked.values())) > 3
    assert all(memory.endswith(("M", "G")) for memory, _ in asked.values())


def test_results_are_those_of_a_local_run_to_the_last_bit(finished: Path, local: Path) -> None:
    files = [path.relative_to(local) for path in (local / "results").rglob("*") if path.is_file()]
    compared = [
        path
        for path in files
        if path.suffix == ".csv" or path.name == "weights.pt" or "c/" in path.as_posix()
    ]
    assert len(compared) > 50
    different = [path for path in compared if _bytes(finished / path) != _bytes(local / path)]
    assert not different


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b"missing"


def test_nothing_is_left_of_the_shards(finished: Path) -> None:
    assert not [path for path in finished.rglob("shards/*") if path.is_file()]


def test_a_cancelled_job_is_tried_again(cluster: Cluster, study: Path) -> None:
    before = len(cluster.jobs())
    with subprocess.Popen(
        command(study, WEIGHTS), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        cluster.run("scancel", wait_for(cluster, "train_network", "RUNNING"))
        assert process.stderr is not None
        output = process.stderr.read()
    assert process.returncode == 0, output
    jobs = jobs_since(cluster, before, "train_network")
    assert [job["JobState"] for job in jobs] == ["CANCELLED", "COMPLETED"]
    first, second = (int(str(job["MinMemoryNode"]).removesuffix("M")) for job in jobs)
    assert second == 2 * first
    assert [job["TimeLimit"] for job in jobs] == ["02:00:00", "04:00:00"]
    assert (study / WEIGHTS).exists()


def test_a_job_out_of_memory_gets_more(cluster: Cluster, study: Path) -> None:
    before = len(cluster.jobs())
    memory = "train_network:mem_mb=250 if attempt == 1 else 3000"
    result = run(study, WEIGHTS, "--set-resources", memory)
    assert result.returncode == 0, result.stdout + result.stderr
    jobs = jobs_since(cluster, before, "train_network")
    assert [job["MinMemoryNode"] for job in jobs] == ["250M", "3000M"]
    assert jobs[0]["JobState"] != "COMPLETED"
    assert jobs[1]["JobState"] == "COMPLETED"


def test_a_job_beyond_its_time_is_reported_with_its_logs(cluster: Cluster, study: Path) -> None:
    settings = yaml.safe_load(TINY.read_text())
    settings["networks"]["one"]["epochs"] = 10**6
    (study / "config.yaml").write_text(yaml.safe_dump(settings))
    before = len(cluster.jobs())
    result = run(study, WEIGHTS, "--set-resources", "train_network:runtime=1", "--retries", "0")
    assert result.returncode != 0
    assert jobs_since(cluster, before, "train_network")[-1]["JobState"] == "TIMEOUT"
    told = result.stdout + result.stderr
    assert "results/tiny/logs/train_network/one.log" in told
    assert "slurm_logs/rule_train_network" in told
    assert not (study / WEIGHTS).exists()
