"""The pipeline itself: a whole run, what it leaves, and what a change repeats."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pipeline import configure, planned, snakemake, tiny
from scipy.stats import false_discovery_control

from actsense.sensitivity.moments_file import open_moments
from actsense.store import file_hash, read_results

RESULTS = Path("results/tiny/one/mixed")
FACTORS = ["brightness", "rolling", "order", "content", "partition", "class", "image"]
TARGETS = (
    *("data", "networks", "indices", "contrast", "figures"),
    *("correlation", "lda", "masking", "single_class", "segments", "spatial"),
)


def changed_design(**changes: Any) -> dict[str, Any]:
    return {"designs": {"mixed": tiny()["designs"]["mixed"] | changes}}


def changed_section(name: str, **changes: Any) -> dict[str, Any]:
    return {name: tiny()[name] | changes}


def changed_spatial(part: str, **changes: Any) -> dict[str, Any]:
    return changed_section("spatial", **{part: tiny()["spatial"][part] | changes})


def test_a_run_leaves_results_and_no_activations(finished: Path) -> None:
    made = {path.name for path in (finished / RESULTS).iterdir()}
    stores = {"indices.zarr", "contrast.zarr", "top_images.zarr"}
    assert stores | {"tables", "moments", "figures"} <= made
    assert not list((finished / RESULTS).glob("shards/*"))
    assert list((finished / RESULTS).rglob("*.png"))
    assert not list((finished / RESULTS).rglob("*.svg"))  # no figure twice


def test_indices_are_labelled_and_coherent(finished: Path) -> None:
    tree = read_results(finished / RESULTS / "indices.zarr")
    layer = tree["stage2"].to_dataset()
    assert list(tree["layer"].to_numpy()) == ["stage2", "logits", "probabilities", "network"]
    assert list(layer["factor"].to_numpy()) == FACTORS
    assert layer["S1"].dims == ("factor", "channel", "row", "col")
    assert tree["logits"]["ST"].dims == ("factor", "unit")
    alive = ~layer["dead"]
    shapley = layer["shapley"].sel(factor=FACTORS[:4]).sum("factor").where(alive)
    parts = layer["shapley"].sel(factor=FACTORS[4:]).sum("factor")
    np.testing.assert_allclose(shapley.to_numpy()[alive.to_numpy()], 1, rtol=1e-4)
    content = layer["shapley"].sel(factor="content")
    np.testing.assert_allclose(parts.where(alive), content.where(alive), rtol=1e-4, atol=1e-5)
    assert float((layer["S1"] - layer["ST"]).mean()) < 0


def test_provenance_is_inside(finished: Path) -> None:
    attributes = read_results(finished / RESULTS / "indices.zarr").attrs
    assert json.loads(attributes["configuration"])["study"] == "tiny"
    assert json.loads(attributes["configuration"])["precision"] == "float32"
    assert attributes["replicates"] == 2
    assert attributes["forward_passes"] <= attributes["evaluations"] == 2 * 128 * (2 + 16 + 2 * 3)
    assert {"weights_sha256", "dataset_sha256", "commit", "versions", "seed"} <= set(attributes)


def test_tables_are_tidy(finished: Path) -> None:
    layers = pd.read_csv(finished / RESULTS / "tables/layers.csv")
    assert list(layers.columns) == ["layer", "factor", "index", "value", "ci"]
    assert set(layers["index"]) == {"S1", "ST", "shapley"}
    contrast = pd.read_csv(finished / RESULTS / "tables/contrast.csv")
    assert set(contrast["augmentation"]) == {"brightness", "rolling"}
    assert (contrast["images"] == 40).all()


def test_spatial_tables_say_how_every_network_and_order_did(finished: Path) -> None:
    tables = finished / "results/tiny/spatial/tables"
    shuffle, cells = pd.read_csv(tables / "shuffle.csv"), pd.read_csv(tables / "cell_scores.csv")
    assert set(shuffle["mode"]) == {"grid", "bands"}
    assert set(shuffle["k"]) == {1, 2, 4}
    assert (shuffle.groupby(["mode", "k"]).size() == [1, 2, 2] * 2).all()
    assert (shuffle["images"] == 20).all()
    assert (shuffle.loc[shuffle["k"] == 1, "relative"].dropna() == 1).all()
    maps = {"gradient", "integrated_gradients", "smoothgrad", "occlusion", "regions"}
    assert set(cells["method"]) == maps | {"random", "greedy"}  # the search gets to all 16 cells
    np.testing.assert_allclose(cells.loc[cells["method"] == "random", "relative"], 1)
    assert set(pd.read_csv(tables / "interaction.csv")["size"]) == {4, 8}


def test_spatial_stores_know_their_settings(finished: Path) -> None:
    folder = finished / "results/tiny/one/spatial"
    for name in ("transforms", "cells", "interaction", "saliency"):
        attributes = read_results(folder / f"{name}.zarr").attrs
        assert name in json.loads(attributes["configuration"])["spatial"]
        assert {"weights_sha256", "dataset_sha256", "commit", "versions"} <= set(attributes)


def test_a_network_of_no_design_is_in_the_spatial_study_alone(tmp_path: Path) -> None:
    networks = tiny()["networks"] | {"bag": {"kind": "trained", "architecture": "bag"}}
    networks["bag"]["designs"] = []
    configure(tmp_path, networks=networks)
    jobs = planned(snakemake(tmp_path, "-n"))
    assert jobs["train_network"] == jobs["evaluate_cells"] == 2
    assert jobs["estimate_indices"] == jobs["correlate"] == jobs["compare_cells"] == 1


def test_a_later_rule_can_ask_for_a_checkpoint(tmp_path: Path) -> None:
    """What is asked for is trained, what comes after it is not, and the end has the same bits."""
    configure(tmp_path)
    weights = tmp_path / "results/tiny/one/weights.pt"
    assert snakemake(tmp_path, str(weights.relative_to(tmp_path))).returncode == 0
    straight = weights.read_bytes()
    weights.unlink()
    one = tiny()["networks"]["one"] | {"checkpoints": [0, 1]}
    configure(tmp_path, networks={"one": one})
    asked = "results/tiny/one/checkpoints/epoch_0.pt"
    result = snakemake(tmp_path, asked)
    assert result.returncode == 0, result.stdout + result.stderr
    assert not (tmp_path / asked).with_name("epoch_1.pt").exists()
    assert not weights.exists()
    result = snakemake(tmp_path, "networks")
    assert result.returncode == 0, result.stdout + result.stderr
    assert weights.read_bytes() == straight
    card = json.loads(weights.with_name("card.json").read_text())
    assert [entry["epoch"] for entry in card["checkpoints"]] == [0, 1]
    assert sorted(path.name for path in weights.parent.iterdir()) == [
        ".card.json.manifest",
        "card.json",
        "checkpoints",
        "weights.pt",
    ]


def test_a_student_waits_for_its_teacher(tmp_path: Path) -> None:
    young = tiny()["networks"]["one"] | {"teacher": "one", "checkpoints": [0]}
    younger = young | {"teacher": "young", "distil": "stage2", "checkpoints": []}
    configure(tmp_path, networks=tiny()["networks"] | {"young": young, "younger": younger})
    asked = "results/tiny/younger/weights.pt"
    jobs = {"cache_images": 1, "train_network": 3, "train_checkpoint": 1}
    assert planned(snakemake(tmp_path, "-n", asked)) == jobs


def test_a_design_may_do_without_analyses(tmp_path: Path) -> None:
    designs = tiny()["designs"]
    designs["layout"] = designs["mixed"] | {"augmentations": ["patch_shuffle"], "analyses": False}
    configure(tmp_path, designs=designs)
    jobs = planned(snakemake(tmp_path, "-n"))
    assert jobs["estimate_indices"] == jobs["estimate_contrast"] == jobs["plot_indices"] == 2
    assert jobs["evaluate_masks"] == jobs["sample_segments"] == jobs["discriminate"] == 1


def test_p_values_are_corrected_over_the_whole_network(finished: Path) -> None:
    tree = read_results(finished / RESULTS / "contrast.zarr")
    layers = [child.to_dataset() for child in tree.children.values()]
    raw, adjusted = (
        np.concatenate([layer[name].to_numpy().reshape(-1) for layer in layers])
        for name in ("p_value", "p_adjusted")
    )
    tested = np.isfinite(raw)
    expected = false_discovery_control(raw[tested], method="by")
    np.testing.assert_allclose(adjusted[tested], expected, rtol=1e-4)
    assert np.isnan(adjusted[~tested]).all()


@pytest.fixture(scope="module")
def replan(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., set[str]]:
    """Return what lists the rules that the finished study would repeat after a change."""
    study = shutil.copytree(finished, tmp_path_factory.mktemp("replan") / "study")

    def rules(**changes: Any) -> set[str]:
        configure(study, **changes)
        return set(planned(snakemake(study, "-n")))

    return rules


def test_a_finished_run_has_nothing_to_do(replan: Callable[..., set[str]]) -> None:
    assert replan() == set()


def test_the_page_says_what_was_shown_and_sampled(finished: Path) -> None:
    folder = finished / "results/tiny"
    images = pd.read_csv(folder / "data/manifest.csv")
    text = (folder / "index.html").read_text()
    assert f"saw {len(images):,} images of {images['class_name'].nunique()} classes" in text
    designs = {path.parent.name for path in folder.glob("*/*/indices.zarr")}
    assert text.count(" replicates of ") == len(designs)


def test_plotting_options_repeat_figures_only(replan: Callable[..., set[str]]) -> None:
    repeated = replan(figures={"units": 1, "dpi": 60})
    tables_with_figures = {
        *("compare_transforms", "compare_cells", "compare_interactions"),
        *("compare_patterns", "compare_invariances", "show_demos"),
    }
    assert tables_with_figures < repeated
    allowed = {*tables_with_figures, "figures", "write_page", "page", "all"}
    assert all(rule.startswith("plot") or rule in allowed for rule in repeated)


@pytest.mark.parametrize(
    ("changes", "repeated", "kept"),
    [
        (
            changed_design(base_points=64),
            {"sample_activations", "accumulate", "estimate_indices"},
            {"train_network", "cache_images"},
        ),
        (
            {"contrast": {"images": 20}},
            {"estimate_contrast", "correlate"},
            {"sample_activations", "accumulate", "train_network", "estimate_indices"},
        ),
        (
            changed_section("masking", images=30),
            {"evaluate_masks", "profile_masks", "match_classes"},
            {"estimate_indices", "estimate_contrast", "sample_segments", "correlate"},
        ),
        (
            changed_section("segments", base_points=32),
            {"sample_segments", "compare_segments"},
            {"estimate_indices", "evaluate_masks", "discriminate"},
        ),
        (
            changed_spatial("transforms", repeats=1),
            {"evaluate_transforms", "compare_transforms"},
            {"evaluate_cells", "evaluate_interaction", "map_saliency", "sample_activations"},
        ),
        (
            changed_spatial("cells", bootstrap=200),
            {"compare_cells"},
            {"evaluate_cells", "compare_transforms", "train_network"},
        ),
        (
            changed_section("invariance", samples=3),
            {"measure_invariances", "compare_invariances"},
            {"train_autoencoder", "record_representations", "train_flow"},
        ),
        (
            changed_design(divisions=[2]),  # no augmentation of the design cuts patches
            set(),
            {"sample_activations", "estimate_indices"},
        ),
        (
            {"precision": "bfloat16"},
            {"train_network", "sample_activations", "accumulate", "estimate_contrast"},
            {"cache_images"},
        ),
        ({"seed": 2}, {"cache_images", "train_network", "sample_activations"}, set()),
    ],
)
def test_a_change_repeats_what_depends_on_it(
    replan: Callable[..., set[str]],
    changes: dict[str, Any],
    repeated: set[str],
    kept: set[str],
) -> None:
    jobs = replan(**changes)
    assert repeated <= jobs
    assert not kept & jobs


def test_streaming_gives_the_same_bits(copied: Path) -> None:
    """The moments of both modes, block sums and all, are equal to the last bit."""
    path = RESULTS / "moments/replicates_0-1.zarr.zip"
    with open_moments(copied / path) as (_, state):
        stored = state.read()
    (copied / path).unlink()
    configure(copied, activations="stream")
    result = snakemake(copied, str(path))
    assert result.returncode == 0, result.stdout + result.stderr
    with open_moments(copied / path) as (_, state):
        streamed = state.read()

    assert streamed.points == stored.points == 128
    np.testing.assert_array_equal(streamed.sums, stored.sums)


def test_keeping_activations_keeps_the_file_of_a_shard(copied: Path) -> None:
    summed = RESULTS / "moments/replicates_0-1.zarr.zip"
    (copied / summed).unlink()
    configure(copied, keep_activations=True)
    result = snakemake(copied, str(summed))
    assert result.returncode == 0, result.stdout + result.stderr
    assert [path.name for path in (copied / RESULTS / "shards").iterdir()] == ["0-1.zarr.zip"]


def test_weights_that_are_not_trained_here_are_imported(copied: Path) -> None:
    configure(
        copied,
        networks={
            "net": {"kind": "torchvision", "model": "squeezenet1_1", "weights": "none"},
            "own": {"kind": "python", "factory": "my_network:build"},
        },
        activations="stream",
    )
    (copied / "my_network.py").write_text(
        "from torch import nn\n\n\ndef build():\n"
        "    head = nn.Linear(3600, 10)\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), head)\n"
    )
    targets = [f"results/tiny/{name}/weights.pt" for name in ("net", "own")]
    result = snakemake(copied, *targets)
    assert result.returncode == 0, result.stdout + result.stderr
    for target in targets:
        assert (copied / target).stat().st_size > 10_000
        card = json.loads((copied / target).with_name("card.json").read_text())
        assert card["sha256"] == file_hash(copied / target)


def test_every_named_target_begins_with_the_images(tmp_path: Path) -> None:
    configure(tmp_path)
    result = snakemake(tmp_path, "--rulegraph", "dot", "--", *TARGETS)
    assert result.returncode == 0, result.stdout + result.stderr
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', result.stdout))
    needs: dict[str, set[str]] = {name: set() for name in names.values()}
    for needed, rule in re.findall(r"(\d+) -> (\d+)", result.stdout):
        needs[names[rule]].add(names[needed])

    def begins(rule: str) -> bool:
        return rule == "cache_images" or any(map(begins, needs[rule]))

    assert set(TARGETS) <= set(needs)
    assert all(map(begins, TARGETS))


def test_a_bad_configuration_stops_before_anything_runs(tmp_path: Path) -> None:
    configure(tmp_path, device="tpu")
    result = snakemake(tmp_path)
    assert result.returncode != 0
    assert "Configuration: device: 'tpu' is not allowed" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert not (tmp_path / "results").exists()
