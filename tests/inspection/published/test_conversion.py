"""An archive that was made, imported: every number at its place, sums of units by hand."""

import json
from pathlib import Path
from typing import Any

import archive as made
import numpy as np
import pandas as pd
import pytest
import yaml
from archive import CHOSEN, DRAWS, FACTORS, IMAGES, INSIDE, LAYERS, SET1, SIZES, STEM
from pipeline import planned, snakemake

import actsense
from actsense.__main__ import main
from actsense.errors import ConfigError
from actsense.inspection.published.conversion.convert import import_archive
from actsense.masking.profiles import profile_masks
from actsense.segments.patterns import compare_segments
from actsense.sensitivity.maps import SensitivityMaps
from actsense.single_class.tables import rank_classes
from actsense.store import read_facts, read_table
from actsense.study.imported import OF_VALUES, refused, survey_imported
from actsense.study.study import Study

ALL = "features.2"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[str]]:
    """Return the folder of an imported archive, what was in it, and what was told."""
    folder, told = tmp_path_factory.mktemp("imported"), list[str]()
    written = made.write_archive(folder / "archive/results")
    import_archive(folder / "archive", folder / "results/theirs", told=told.append)
    return folder / "results/theirs", written, told


def run(folder: Path) -> Path:
    return folder / "alexnet/set1"


def shares(effects: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Sum the numbers of every factor."""
    return np.stack([part.sum(axis=0) for part in np.split(effects, np.cumsum(SIZES)[:-1])])


def test_units_keep_their_values_and_have_no_intervals(imported: Any) -> None:
    folder, written, _ = imported
    opened = actsense.open_study(folder)["alexnet", "set1"]
    assert opened.factors == FACTORS
    assert opened.layers == (ALL, "probabilities")
    assert opened.indices.attrs["intervals"] == "none"
    for layer, name in ((ALL, ALL), ("probabilities", "classifier.6")):
        own, shape = written[name], LAYERS[name]
        data = opened.layer(layer).load()
        for k, index in enumerate(("S1", "ST")):
            expected = own["si"]["si+sT"][k].reshape(8, *shape)
            alive = ~data["dead"].to_numpy()
            np.testing.assert_array_equal(data[index].to_numpy()[:, alive], expected[:, alive])
        assert data["dead"].to_numpy().ravel().tolist() == [True] + [False] * (alive.size - 1)
        pair = data["S2"].sel(factor="class", factor_2="erasing").to_numpy().ravel()
        np.testing.assert_array_equal(pair[1:], own["si"]["si2"][0, 5, 1:])
        np.testing.assert_array_equal(data["mean"].to_numpy().ravel(), own["sitv"]["mean"])
        raw = shares(own["shpv"]["shpv"].astype(float))[:, 1:]
        np.testing.assert_allclose(
            data["shapley"].to_numpy().reshape(8, -1)[:, 1:],
            raw / raw.sum(axis=0),
            rtol=1e-5,
        )
        widths = [one for one in data if str(one).endswith("_ci")]
        assert len(widths) == 6
        assert all(data[one].isnull().all() for one in [*widths, "support"])
        assert not data["rare"].any()


def test_groups_of_units_are_ratios_of_sums(imported: Any) -> None:
    folder, written, _ = imported
    opened = actsense.open_study(folder)["alexnet", "set1"]
    own = written[ALL]
    variance = own["sitv"]["var"].astype(float).copy()
    variance[0] = 0  # dead
    weighed = own["si"]["si+sT"][0].astype(float) * variance
    channels = opened.indices[f"{ALL}/by_channel"].to_dataset()
    expected = weighed.reshape(8, 3, -1).sum(axis=2) / variance.reshape(3, -1).sum(axis=1)
    np.testing.assert_allclose(channels["S1"], expected, rtol=1e-5)
    effects = shares(own["shpv"]["shpv"].astype(float)).reshape(8, 3, -1).sum(axis=2)
    np.testing.assert_allclose(channels["shapley"], effects / effects.sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(
        channels["mean"], own["sitv"]["mean"].astype(float).reshape(3, -1).mean(axis=1), rtol=1e-6
    )
    root = opened.indices.to_dataset()
    assert root["layer"].to_numpy().tolist() == [ALL, "probabilities", "network"]
    assert root["units"].to_numpy().tolist() == [24, 6, 30]
    assert root["dead_units"].to_numpy().tolist() == [1, 1, 2]
    head = written["classifier.6"]
    head_variance = head["sitv"]["var"].astype(float).copy()
    head_variance[0] = 0
    total = weighed.sum(axis=1) + head["si"]["si+sT"][0].astype(float) @ head_variance
    np.testing.assert_allclose(
        root["S1"].sel(layer="network"), total / (variance.sum() + head_variance.sum()), rtol=1e-5
    )


def test_tables_have_all_rows_and_empty_intervals(imported: Any) -> None:
    folder, _, _ = imported
    tables = run(folder) / "tables"
    rows = {
        "layers": 3 * 8 * 3,
        "channels": 3 * 8 * 3,
        "pairs": 3 * 28,
        "units": 3,
        "contrast": 20,
    }
    for name, count in rows.items():
        table = read_table(tables / f"{name}.csv")
        assert len(table) == count
        for column in ("ci", "mean_ci"):
            assert column not in table or table[column].isna().all()


def test_contrasts_are_of_every_partition(imported: Any) -> None:
    folder, written, _ = imported
    contrast = actsense.open_study(folder)["alexnet", "set1"].contrast[ALL].to_dataset().load()
    assert contrast["point_biserial"].dims[:2] == ("augmentation", "partition")
    assert contrast["partition"].to_numpy().tolist() == ["train", "validation"]
    for (part, one), own in written["contrasts"].items():
        chosen = contrast.sel(augmentation=one, partition={"valid": "validation"}.get(part, part))
        np.testing.assert_array_equal(chosen["point_biserial"].to_numpy().ravel(), own[ALL])
        np.testing.assert_array_equal(
            chosen["rank_biserial"].to_numpy().ravel(), abs(own[ALL]) / 2
        )
    absent = contrast.sel(augmentation=SET1[4], partition="validation")
    assert absent["point_biserial"].isnull().all()
    assert contrast["mean_difference"].isnull().all()
    table = read_table(run(folder) / "tables/contrast.csv")
    one = table[(table["layer"] == ALL) & (table["augmentation"] == "rolling")]
    train = written["contrasts"]["train", "rolling"][ALL]
    row = one[one["partition"] == "train"].iloc[0]
    assert row["mean_point_biserial"] == pytest.approx(train.mean(), abs=1e-6)
    assert row["mean_abs_rank_biserial"] == pytest.approx(abs(train).mean() / 2, abs=1e-6)


def test_predictions_are_counted_over_images_and_draws(imported: Any) -> None:
    folder, written, _ = imported
    tree = actsense.open_study(folder)["alexnet", "set1"].masking
    root = tree.to_dataset().load()
    assert (root.attrs["images"], root.attrs["draws"]) == (IMAGES, DRAWS)
    # Unmasked on six inputs; two factors with two scales and fractions, and two soft masks.
    assert root.sizes["condition"] == 6 * (1 + 2 * (4 + 2))
    labels = written["labels"]
    rows = pd.DataFrame({name: root[name].to_numpy() for name in root.coords if name != "class"
                         and root[name].dims == ("condition",)})  # fmt: skip
    keys = {"none": "iaug=original", "soft": "iaug={}_invert=0", "inverse": "iaug={}_invert=1"}
    for place, row in rows.iterrows():
        factor = {"class": "class-1"}.get(row["factor"], row["factor"])
        key = keys.get(row["rule"], "alpha={1:.2f}_perc={2:.2f}_iaug={0}")
        found = written["predictions"][
            row["input"], key.format(factor, row["scale"], 1 - row["fraction"])
        ]
        shown = np.repeat(labels, len(found) // IMAGES)
        own = root.isel(condition=place)
        assert own["top1"].item() == pytest.approx((found[:, 0] == shown).mean())
        assert own["top5"].item() == pytest.approx((found == shown[:, None]).any(axis=1).mean())
        np.testing.assert_array_equal(own["predicted"][:6], np.bincount(found[:, 0], minlength=6))
        assert own["top1_low"] <= own["top1"] + 1e-9
        assert own["top1_high"] >= own["top1"] - 1e-9
    assert root["kl"].isnull().all()
    kept = tree["predictions"].to_dataset()
    masked = [(1, "original"), (1, SET1[0])]
    assert kept.sizes["prediction"] == 6 + 6 * (len(masked) + 1)
    np.testing.assert_array_equal(
        kept["classes"][0], written["predictions"]["original", "iaug=original"]
    )


def test_profiles_without_random_masks_are_against_the_unmasked_network(imported: Any) -> None:
    folder, written, _ = imported
    tables = profile_masks(run(folder) / "masking.zarr", seed=0)
    effects = tables["effects"]
    assert (effects["random_masks"] == 0).all()
    chosen = effects[(effects["input"] == "rolling") & (effects["factor"] == "erasing")]
    labels = np.repeat(written["labels"], DRAWS)

    def top1(key: str) -> float:
        return float((written["predictions"]["rolling", key][:, 0] == labels).mean())

    for scale, effect in chosen[["scale", "effect"]].itertuples(index=False):
        masked = [top1(f"alpha={scale:.2f}_perc={q:.2f}_iaug=erasing") for q in (0.5, 0.9)]
        assert effect == pytest.approx(np.mean(masked) - top1("iaug=original"))
    rho = tables["profiles"]
    np.testing.assert_allclose(rho["rho"], rho["rho_raw"])  # of raw accuracies, shifted


def test_segments_are_numbered_as_in_the_network(imported: Any) -> None:
    folder, written, _ = imported
    place = run(folder) / "segments"
    (one,) = read_facts(place / "units.json")
    assert one["layer"] == ALL
    assert one["channels"] == {str(k): [["sharpness_const", "S1", 0]] for k in CHOSEN}
    tree = actsense.open_study(folder)["alexnet", "set1"].segments
    for colour in ("hue", "saturation", "value"):
        data = tree[f"{ALL} {colour}"].to_dataset()
        assert data["channel"].to_numpy().tolist() == list(CHOSEN)
        expected = written[colour]["si"]["si+sT"][1].reshape(8, *INSIDE)
        np.testing.assert_array_equal(data["ST"][:, 1], expected[:, 1])
    table = read_table(run(folder) / "tables/segments.csv")
    assert sorted(table["colour"].unique()) == ["hue", "in place", "saturation", "value"]
    skipped = read_table(run(folder) / "tables/segments_skipped.csv")
    assert skipped["layer"].tolist() == ["probabilities"]
    found = compare_segments(
        place / "indices.zarr", run(folder) / "indices.zarr", place / "units.json",
        bootstrap=100, seed=0,
    )  # fmt: skip
    assert (found["correlations"].groupby(["colour", "index"]).size() == 28).all()


def test_classes_without_intervals_are_ranked_by_the_index(imported: Any) -> None:
    folder, written, _ = imported
    maps = SensitivityMaps({"set1": run(folder) / "indices.zarr"})
    ranking = yaml.safe_load((folder / "study.yaml").read_text())["single_class"]["ranking"]
    ranked = rank_classes(maps, "S1", maps.augmentations[2], ranking=ranking)
    index = written["classifier.6"]["si"]["si+sT"][0, 2]
    np.testing.assert_array_equal(ranked["unit"], 1 + np.argsort(-index[1:]))  # the first is dead
    assert ranked["ci"].isna().all()
    assert np.isnan(maps.reliability(ALL, "S1", maps.variables[0]))


def test_a_study_knows_what_was_imported(imported: Any, monkeypatch: Any) -> None:
    folder, _, told = imported
    monkeypatch.chdir(folder.parents[1])
    study = Study.load(yaml.safe_load((folder / "study.yaml").read_text()))
    assert study.imported
    assert study.runs == [("alexnet", "set1")]
    assert study.compared("alexnet", "masking") == ["set1"]
    found = survey_imported(study.settings, folder)
    assert found["layers"] == {"alexnet": [[ALL, [*STEM]], ["probabilities", [6]]]}
    assert found["held"]["alexnet"]["set1"] == ["indices", "contrast", "masking", "segments"]
    assert study.networks_pattern("downloaded") == "(?!)"
    assert study.settings.designs["set1"].factors == FACTORS
    assert refused("theirs", ["figures", "lda"]) == ""
    assert refused("theirs", ["spatial"]).startswith("spatial: needs images or weights")
    assert told[0] == "alexnet under set1: indices, contrasts, masked predictions, segments"
    assert told[1].startswith("Not in the archive: images, weights, model cards")


def test_what_was_imported_is_left_as_it_is(
    imported: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _, _ = imported
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")}
    with (folder / "study.yaml").open("a") as file:
        file.write("figures: {dpi: 50}\n")
    assert main(["import", str(folder.parents[1] / "archive"), str(folder)]) == 0
    assert capsys.readouterr().out.startswith("alexnet under set1: is there already\n")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")} == before
    assert (folder / "study.yaml").read_text().endswith("figures: {dpi: 50}\n")


def test_the_workflow_reads_them_and_samples_nothing(imported: Any) -> None:
    folder, _, _ = imported
    place = folder.parents[1]
    (place / "config.yaml").write_text((folder / "study.yaml").read_text())
    wanted = [name for name in OF_VALUES if name != "notebooks"]
    told = planned(snakemake(place, "-n", *wanted))
    read = {
        *("plot_indices", "plot_contrast", "correlate", "plot_correlation", "discriminate"),
        *("plot_discriminant", "profile_masks", "plot_masking", "match_classes", "plot_classes"),
        *("compare_segments", "plot_segments", "write_page"),
    }
    assert {*told} - {*wanted} == read
    assert all(told[rule] == 1 for rule in read)


def test_results_of_a_run_are_never_overwritten(imported: Any, tmp_path: Path) -> None:
    archive = imported[0].parents[1] / "archive"
    own = tmp_path / "results/ours/small/card.json"
    own.parent.mkdir(parents=True)
    own.touch()
    with pytest.raises(ConfigError, match=r"holds results of a run \(small/card.json\)"):
        import_archive(archive, tmp_path / "results/ours")
    with pytest.raises(ConfigError, match="no name for a study"):
        import_archive(archive, tmp_path / "results/data")


def test_segments_without_the_file_of_their_channels_are_told(tmp_path: Path) -> None:
    made.write_archive(tmp_path / "archive")
    for path in [*(tmp_path / "archive").glob("*.hdf5")]:
        if path.name.startswith("cs_") or "_pred_" in path.name:
            path.unlink()
    units = tmp_path / "archive/alexnet_single_units.json"
    listed = json.loads(units.read_text())
    units.unlink()
    told: list[str] = []
    import_archive(tmp_path / "archive", tmp_path / "results/theirs", told=told.append)
    assert "alexnet_single_units.json" in told[1]
    assert told[2].endswith("--units alexnet_single_units.json")
    assert not (run(tmp_path / "results/theirs") / "segments").exists()
    listed[0]["neurons"]["features.0"].pop(str(CHOSEN[0]))
    other = tmp_path / "alexnet_single_units.json"
    other.write_text(json.dumps(listed))
    with pytest.raises(ConfigError, match=r"names 1 channels of features\.2, the value files"):
        import_archive(tmp_path / "archive", tmp_path / "results/theirs", units=[other])


def test_published_values_and_images_do_not_mix(imported: Any) -> None:
    settings = yaml.safe_load((imported[0] / "study.yaml").read_text())
    with pytest.raises(ConfigError, match=r"networks.alexnet.kind: published does not go with"):
        Study.load(settings | {"dataset": {"kind": "digits"}})
