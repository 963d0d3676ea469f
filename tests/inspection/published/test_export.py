"""Exported runs, read by hand as the published files are read, and by the interface of a study."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from scipy.stats import wilcoxon

from actsense.__main__ import main
from actsense.errors import ConfigError, MissingResultError
from actsense.inspection import open_study
from actsense.inspection.published.export import export_hdf5
from actsense.store import write_results

SET1 = ["erasing", "sharpness_const", "rolling", "grayscaling", "gaussian_blur"]
CONTEXT = ["order", "content", "partition", "class", "image"]
BOUNDARIES = [0, 5, 6, 9, 10, 12, 13, 14, 15]  # of the scalars in shpv, as published for set 1
STEM, HEAD = ("channel", "row", "col"), ("unit",)
LAYERS = {"features.2": (STEM, (2, 3, 4)), "probabilities": (HEAD, (5,))}
IMAGES = 30


def indices(rng: np.random.Generator, factors: int, layer: str) -> xr.Dataset:
    """Make up indices of a layer; some are negative, the second unit is dead."""
    names, shape = LAYERS[layer]
    square = rng.normal(0, 0.1, (factors, factors, *shape))
    square = (square + square.swapaxes(0, 1)) / 2
    square[np.arange(factors), np.arange(factors)] = np.nan
    shares = rng.normal(1, 0.3, (factors, *shape))
    data: dict[str, Any] = {
        "S1": rng.normal(0.1, 0.1, (factors, *shape)),
        "ST": rng.normal(0.3, 0.1, (factors, *shape)),
        "shapley": shares / shares.sum(axis=0),
        "S2": square,
    }
    inside = slice(factors - 4, None)  # content and its parts
    square[inside, inside] = np.nan
    data["shapley"][-4] = data["shapley"][-3:].sum(axis=0)
    data["shapley"] /= data["shapley"][:-3].sum(axis=0)
    dead, rare = (np.zeros(shape, dtype=bool) for _ in range(2))
    dead.flat[1] = rare.flat[2] = True
    for values in data.values():
        values[..., dead] = np.nan
    data = {
        name: (("factor", "factor_2")[: values.ndim - len(shape)] + names, values.astype("f4"))
        for name, values in data.items()
    }
    data["S1_ci"] = data["S1"]
    data["mean"] = names, rng.normal(size=shape)
    data["variance"] = names, rng.random(shape)
    data["dead"], data["rare"] = (names, dead), (names, rare)
    return xr.Dataset(data)


def contrasts(rng: np.random.Generator, augmentations: list[str], layer: str) -> xr.Dataset:
    names, shape = LAYERS[layer]
    data = {
        name: (("augmentation", *names), rng.uniform(-1, 1, (len(augmentations), *shape)))
        for name in ("rank_biserial", "point_biserial", "p_value")
    }
    coordinates = {"augmentation": augmentations}
    return xr.Dataset(data, coordinates, {"images": IMAGES}).astype("f4")


def write_run(folder: Path, augmentations: list[str], seed: int = 0) -> Path:
    """Write indices and contrasts of a run as the workflow does."""
    rng = np.random.default_rng(seed)
    factors = [*augmentations, *CONTEXT]
    children = {name: indices(rng, len(factors), name) for name in LAYERS}
    root = xr.Dataset(
        {"S1_ci": (("factor", "layer"), np.zeros((len(factors), 3)))},
        coords={"factor": factors, "factor_2": factors, "layer": [*LAYERS, "network"]},
    )
    configuration = {"study": "made", "dataset": {"kind": "imagenet"}}
    write_results(
        folder / "indices.zarr",
        {"": root, **children},
        attributes={"configuration": configuration, "replicates": 8},
    )
    found = {name: contrasts(rng, augmentations, name) for name in LAYERS}
    write_results(folder / "contrast.zarr", found, attributes={})
    return folder


@pytest.fixture
def study(tmp_path: Path) -> Path:
    write_run(tmp_path / "made/alexnet/set1", SET1)
    return tmp_path / "made"


def read(folder: Path, kind: str, layer: str = "features.2") -> dict[str, np.ndarray[Any, Any]]:
    """Read the arrays of a layer as a program does that knows the published files."""
    with h5py.File(folder / f"{kind}.hdf5") as file:
        return {name: dataset[()] for name, dataset in file[layer].items()}


SI = "si_alexnet_imagenet_ILSVRC_values_part=train+valid_augnm=1"


def test_files_are_named_as_the_published_ones(study: Path, tmp_path: Path) -> None:
    paths = export_hdf5(open_study(study)["alexnet", "set1"], tmp_path / "out")
    kinds = [SI.replace("si_", f"{kind}_", 1) for kind in ("si", "sitv", "shpv", "shptv")]
    kinds += [f"cs_alexnet_imagenet_ILSVRC_values_{name}_part=train+valid" for name in SET1]
    assert [path.name for path in paths] == [f"{name}.hdf5" for name in kinds]
    assert sorted(paths) == sorted((tmp_path / "out").iterdir())


def test_files_are_packed_as_the_published_ones(study: Path, tmp_path: Path) -> None:
    for path in export_hdf5(open_study(study)["alexnet", "set1"], tmp_path):
        with h5py.File(path) as file:
            assert list(file) == ["features.2", "classifier.6"]
            assert tuple(file["features.2"].attrs["shape"]) == (2, 3, 4)
            assert tuple(file["classifier.6"].attrs["shape"]) == (5,)
            assert file.attrs["made_by"].startswith("actsense")
            for group in file.values():
                for dataset in group.values():
                    packed = (dataset.compression, dataset.compression_opts)
                    assert packed == ("gzip", 9)
                    assert dataset.shuffle
                    assert dataset.fletcher32
                    assert dataset.dtype == np.float32


def test_a_reader_of_the_layout_finds_every_factor_but_the_image(
    study: Path, tmp_path: Path
) -> None:
    run = open_study(study)["alexnet", "set1"]
    export_hdf5(run, tmp_path)
    held, layer = read(tmp_path, SI), run.layer("features.2").load()
    slots = [*SET1, "order", "class", "partition"]
    for which, name in enumerate(("S1", "ST")):
        expected = layer[name].sel(factor=slots).to_numpy().reshape(8, -1)
        np.testing.assert_array_equal(
            held["si+sT"][which], np.where(layer.dead.to_numpy().ravel(), 0, expected)
        )
    assert held["si2"].shape == (1, 28, 24)
    row = 0
    for j, first in enumerate(slots):
        for second in slots[j + 1 :]:
            expected = layer.S2.sel(factor=first, factor_2=second).fillna(0).to_numpy().ravel()
            np.testing.assert_array_equal(held["si2"][0, row], expected)
            row += 1


def test_sums_of_a_factors_numbers_share_out_the_variance(study: Path, tmp_path: Path) -> None:
    run = open_study(study)["alexnet", "set1"]
    export_hdf5(run, tmp_path)
    held = read(tmp_path, SI.replace("si_", "shpv_", 1))
    assert held["shpv"].shape == (15, 24)
    # One player per factor: its first number has all, the others nothing.
    assert not np.delete(held["shpv"], BOUNDARIES[:-1], axis=0).any()
    groups = np.stack([part.sum(axis=0) for part in np.split(held["shpv"], BOUNDARIES[1:-1])])
    layer = run.layer("features.2").load()
    alive = ~layer.dead.to_numpy().ravel()
    assert not groups[:, ~alive].any()
    groups, image = groups[:, alive], held["image:shpv"][alive]
    total = groups.sum(axis=0) + image
    np.testing.assert_allclose(total, layer.variance.to_numpy().ravel()[alive], rtol=1e-5)
    slots = [*SET1, "order", "class", "partition"]
    shares = layer.shapley.sel(factor=slots).to_numpy().reshape(8, -1)[:, alive]
    np.testing.assert_allclose(groups / total, shares, rtol=1e-5, atol=1e-6)
    # Without the image, as programs normalise that know no such factor.
    rest = 1 - layer.shapley.sel(factor="image").to_numpy().ravel()[alive]
    np.testing.assert_allclose(groups / groups.sum(axis=0), shares / rest, rtol=1e-3)


@pytest.mark.parametrize("design", ["set1", "colour"])
def test_what_is_exported_is_read_back(tmp_path: Path, design: str) -> None:
    augmentations = SET1 if design == "set1" else ["hue", "patch_mask", "rolling"]
    write_run(tmp_path / "made/alexnet" / design, augmentations)
    run = open_study(tmp_path / "made")["alexnet", design]
    export_hdf5(run, tmp_path / "out")
    back = open_study(tmp_path / "out")["alexnet", design]
    assert (back.layers, back.factors) == (run.layers, run.factors)
    assert back.augmentations == tuple(augmentations)
    assert back.settings == run.settings
    for name in LAYERS:
        ours, theirs = run.layer(name), back.layer(name)
        for index in ("S1", "ST", "S2", "shapley", "mean", "variance", "dead", "rare"):
            assert theirs[index].dims == ours[index].dims
            np.testing.assert_allclose(theirs[index], ours[index], rtol=2e-6, atol=1e-7)
            assert "defects" not in theirs[index].attrs
        expected = run.contrast[name].to_dataset()
        for index in ("rank_biserial", "point_biserial", "p_value"):
            found = back.contrast[name][index].sel(partition="train+valid")
            np.testing.assert_array_equal(found, expected[index])


def test_the_statistic_is_that_of_the_signed_rank_test(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "made/alexnet/set1", SET1)
    differences = np.random.default_rng(1).normal(0.3, 1, IMAGES)
    ranks = np.abs(differences).argsort().argsort() + 1
    correlation = (ranks * np.sign(differences)).sum() / ranks.sum()
    layers = {}
    for name in LAYERS:
        data = contrasts(np.random.default_rng(2), SET1, name)
        data["rank_biserial"][:] = correlation
        layers[name] = data
    write_results(folder / "contrast.zarr", layers, attributes={})
    export_hdf5(open_study(tmp_path / "made")["alexnet", "set1"], tmp_path / "out")
    held = read(tmp_path / "out", f"cs_alexnet_imagenet_ILSVRC_values_{SET1[0]}_part=train+valid")
    expected = wilcoxon(differences, zero_method="zsplit").statistic
    np.testing.assert_allclose(held["cs_stats"], expected, rtol=1e-5)


def test_partitions_apart_have_files_of_their_own(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "made/alexnet/set1", SET1)
    halves = [
        {name: contrasts(np.random.default_rng(seed), SET1, name) for name in LAYERS}
        for seed in (3, 4)
    ]
    layers = {
        name: xr.concat([half[name] for half in halves], "partition")
        .assign_coords(partition=["train", "validation"])
        .transpose("augmentation", "partition", ...)
        .assign_attrs(images=[IMAGES, 5], pairs=[1, 2, 1, 1, 1])
        for name in LAYERS
    }
    write_results(folder / "contrast.zarr", layers, attributes={})
    paths = export_hdf5(open_study(tmp_path / "made")["alexnet", "set1"], tmp_path / "out")
    assert len(paths) == 4 + 2 * len(SET1)
    for part, half, images in (("train", halves[0], IMAGES), ("valid", halves[1], 5)):
        name = f"cs_alexnet_imagenet_ILSVRC_values_{SET1[1]}_part={part}"
        held, own = read(tmp_path / "out", name), half["features.2"].sel(augmentation=SET1[1])
        np.testing.assert_array_equal(held["rank_biserial"], own["rank_biserial"].data.ravel())
        both = 2 * images * (2 * images + 1) / 2  # ranks of all pairs together
        expected = both / 2 * (1 - abs(held["rank_biserial"]))
        np.testing.assert_allclose(held["cs_stats"], expected, rtol=1e-5)
    back = open_study(tmp_path / "out")["alexnet", "set1"].contrast["features.2"]
    assert back["partition"].to_numpy().tolist() == ["train", "valid"]


def test_names_of_contrasts_stay_swapped_as_published(study: Path, tmp_path: Path) -> None:
    run = open_study(study)["alexnet", "set1"]
    export_hdf5(run, tmp_path)
    held = read(tmp_path, "cs_alexnet_imagenet_ILSVRC_values_rolling_part=train+valid")
    ours = run.contrast["features.2"].to_dataset().sel(augmentation="rolling")
    np.testing.assert_array_equal(held["cs_rbscc"], ours.point_biserial.to_numpy().ravel())
    np.testing.assert_array_equal(held["cs_pbrcc"], abs(ours.rank_biserial.to_numpy().ravel()))
    assert (ours.rank_biserial < 0).any()


def test_designs_of_one_network_share_a_folder(tmp_path: Path) -> None:
    for seed, design in enumerate(("colour", "more")):
        write_run(tmp_path / "made/alexnet" / design, ["hue", "rolling"], seed)
        export_hdf5(open_study(tmp_path / "made")["alexnet", design], tmp_path / "out")
    study = open_study(tmp_path / "out")
    assert study.designs("alexnet") == ("colour", "more")
    colour, more = (
        study["alexnet", design].contrast["features.2"].rank_biserial.to_numpy()
        for design in ("colour", "more")
    )
    assert (colour != more).all()


def test_runs_without_contrasts_are_exported_without(study: Path, tmp_path: Path) -> None:
    (study / "alexnet/set1/contrast.zarr").rename(tmp_path / "elsewhere")
    paths = export_hdf5(open_study(study)["alexnet", "set1"], tmp_path / "out")
    assert len(paths) == 4
    (study / "alexnet/set1/indices.zarr").rename(tmp_path / "aside")
    (study / "alexnet/card.json").write_text("{}")
    (study / "alexnet/set1/masking.zarr").mkdir()
    with pytest.raises(MissingResultError, match="snakemake indices"):
        export_hdf5(open_study(study)["alexnet", "set1"], tmp_path / "out")


def test_an_earlier_export_is_replaced_and_nothing_else(study: Path, tmp_path: Path) -> None:
    run = open_study(study)["alexnet", "set1"]
    first = export_hdf5(run, tmp_path / "out")
    assert export_hdf5(run, tmp_path / "out") == first
    published = first[3]  # as if the published file of this name were there
    with h5py.File(published, "w") as file:
        file.attrs["shape"] = (1,)
    first[0].unlink()
    with pytest.raises(ConfigError, match=r"shptv_.*is there, and no earlier export"):
        export_hdf5(run, tmp_path / "out")
    assert not first[0].exists()
    published.write_text("no HDF5 at all")
    with pytest.raises(ConfigError, match="no earlier export"):
        export_hdf5(run, tmp_path / "out")


def test_value_files_are_not_exported_again(study: Path, tmp_path: Path) -> None:
    export_hdf5(open_study(study)["alexnet", "set1"], tmp_path / "out")
    with pytest.raises(ConfigError, match="already value files"):
        export_hdf5(open_study(tmp_path / "out")["alexnet", "set1"], tmp_path / "again")


def test_an_interrupted_export_leaves_no_half_file(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_study(study)["alexnet", "set1"]

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(h5py.Group, "create_dataset", stop)
    with pytest.raises(KeyboardInterrupt):
        export_hdf5(run, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_every_file_says_where_it_comes_from(study: Path, tmp_path: Path) -> None:
    run = open_study(study)["alexnet", "set1"]
    for path in export_hdf5(run, tmp_path):
        with h5py.File(path) as file:
            told = dict(file.attrs)
        assert json.loads(told["configuration"]) == run.settings
        assert (told["network"], told["design"], told["replicates"]) == ("alexnet", "set1", "8")
        assert json.loads(told["factors"]) == [*SET1, *CONTEXT]
        assert json.loads(told["boundaries"]) == BOUNDARIES
        assert len(told["note"]) > 40


def test_the_command_exports_and_names_the_files(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "--hdf5", str(tmp_path / "out"), str(study / "alexnet/set1")]) == 0
    printed = capsys.readouterr().out.split()
    assert sorted(printed) == sorted(map(str, (tmp_path / "out").iterdir()))
