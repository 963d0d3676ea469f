"""What long jobs say of their progress, in the log of each and in that of the whole run."""

import re
from pathlib import Path

import pytest
from pipeline import snakemake

SPOKEN = {
    "accumulate": r"mixed, replicate [01]: 3072 evaluations in",
    "cache_images": r"images: 1797 images in",
    "correlate": r"correlations: \d+ units in",
    "discriminate": r"discriminants: 8 cases in",
    "estimate_contrast": r"contrast: 40 images in",
    "estimate_indices": r"indices: \d+ units in",
    "evaluate_cells": r"masking: \d+ images in",
    "evaluate_interaction": r"interaction: \d+ images in",
    "evaluate_masks": r"masking: \d+ images in",
    "evaluate_transforms": r"transforms: \d+ images in",
    "map_saliency": r"saliency: \d+ images in",
    "match_classes": r"classes, mixed: \d+ rankings in",
    "sample_activations": r"mixed, replicate [01]: 3072 evaluations in",
    "sample_segments": r"mixed, replicate [01]: \d+ evaluations in",
    "train_network": r"training: 1347 images in .*; loss [\d.]+ after epoch 1",
}


def logs(finished: Path, rule: str) -> list[Path]:
    """List the logs of all jobs of a rule."""
    folder = finished / "results/tiny/logs"
    return sorted([*folder.glob(f"{rule}.log"), *folder.glob(f"{rule}/**/*.log")])


@pytest.mark.parametrize("rule", SPOKEN)
def test_every_job_of_a_long_rule_ends_with_what_it_has_done(finished: Path, rule: str) -> None:
    found = logs(finished, rule)
    assert found
    for path in found:
        assert re.search(rf"^[-\d]+ [:,\d]+ {SPOKEN[rule]}", path.read_text(), re.MULTILINE), path


def test_no_two_jobs_share_a_log_or_a_benchmark(finished: Path) -> None:
    """Networks a and a_b, designs b_c and c: joined by `_`, two pairs would have one name."""
    table = snakemake(finished, "--detailed-summary").stdout
    rows = [line.split("\t")[:4] for line in table.splitlines()[1:]]
    rows = [row for row in rows if row[-1] != "-"]  # moments and figures, not what was temporary
    assert len({log for *_, log in rows}) > len(SPOKEN)
    for output, _, rule, log in rows:
        folders = [name for name in Path(output).parts if name in ("one", "mixed")]
        named = Path("results/tiny/logs", rule, *folders)
        own = Path(log).with_suffix("")
        # Flows have a folder of their state, too.
        assert named in ((own.parents[1],) if rule == "train_flow" else (own, own.parent))
    places = finished / "results/tiny/logs", finished / "results/tiny/benchmarks"
    logs, benchmarks = (
        {path.relative_to(place).with_suffix("") for path in place.rglob("*.*")}
        for place in places
    )
    assert logs == benchmarks


def test_no_log_has_a_carriage_return(finished: Path) -> None:
    found = [*(finished / "results/tiny/logs").rglob("*.log")]
    found += (finished / ".snakemake/log").glob("*.log")
    assert len(found) > len(SPOKEN)
    assert not [path for path in found if set(path.read_bytes()) & set(b"\r\x1b")]


def test_what_a_run_prints_into_a_pipe_has_none_either(copied: Path) -> None:
    result = snakemake(copied, "results/tiny/one/mixed/indices.zarr", "--force")
    printed = result.stdout + result.stderr
    assert result.returncode == 0, printed
    assert re.search(r"^[-\d]+ [:,\d]+ indices: \d+ units in", printed, re.MULTILINE)
    assert "\r" not in printed
