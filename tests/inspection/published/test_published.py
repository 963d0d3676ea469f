"""Published value files, written here by hand with h5py, read through the interface of a study."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import actsense
from actsense.augment import AUGMENTATIONS
from actsense.errors import ConfigError, MissingResultError
from actsense.inspection import open_study
from actsense.inspection.published.names import SETS, scalars
from actsense.inspection.published.source import ValueFileSource, holds_value_files

SET1 = ["erasing", "sharpness_const", "rolling", "grayscaling", "gaussian_blur"]
SET2 = ["brightness", "contrast", "saturation", "hue"]
SET2 += ["hflip", "rotation", "elliptic_local_blur"]
FLAGS = ("dead", "rare")  # ours, not published
CONTEXT = ["order", "class", "partition"]
# How many scalars of shpv belong to each factor, from the published boundaries.
SIZES = {"1": np.diff([0, 5, 6, 9, 10, 12, 13, 14, 15])}
SIZES["2"] = np.diff([0, 2, 4, 6, 8, 9, 11, 17, 18, 19, 20])
STEM, HEAD = (3, 2, 4), (5,)
NAME = "{}_alexnet_imagenet_ILSVRC_values_part=train+valid_augnm={}.hdf5"
UNIT = "modules_dict.features5.2"

Layers = Mapping[str, tuple[tuple[int, ...], Mapping[str, Any]]]


def write(path: Path, layers: Layers) -> Path:
    """Write groups with shape and datasets, packed as the archive is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, (shape, datasets) in layers.items():
            group = file.create_group(name)
            group.attrs["shape"] = shape
            for dataset, values in datasets.items():
                group.create_dataset(
                    dataset,
                    data=np.asarray(values, dtype=np.float32),
                    compression="gzip",
                    compression_opts=9,
                    shuffle=True,
                    fletcher32=True,
                )
    return path


def numbered(*shape: int) -> np.ndarray[Any, Any]:
    """Return 1, 2, 3, ...: every element tells where it stands."""
    return np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)


def sobol(factors: int, units: int) -> dict[str, Any]:
    pairs = factors * (factors - 1) // 2
    return {"si+sT": numbered(2, factors, units), "si2": numbered(1, pairs, units)}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return a folder with all kinds of values of two layers under set 1, as published."""
    rng = np.random.default_rng(0)
    layers = {"classifier.6": (HEAD, 5), "features.2": (STEM, 24)}
    folder = tmp_path / "archive"
    write(folder / NAME.format("si", 1), {n: (s, sobol(8, m)) for n, (s, m) in layers.items()})
    effects = {n: (s, {"shpv": rng.normal(1, 1, (15, m))}) for n, (s, m) in layers.items()}
    write(folder / NAME.format("shpv", 1), effects)
    for kind in ("sitv", "shptv"):
        moments = {
            n: (s, {"mean": rng.normal(size=m), "var": rng.random(m)})
            for n, (s, m) in layers.items()
        }
        write(folder / NAME.format(kind, 1), moments)
    return folder


def opened(folder: Path, design: str = "set1", network: str = "alexnet") -> Any:
    return open_study(folder)[network, design]


def held(path: Path, layer: str, dataset: str) -> np.ndarray[Any, Any]:
    with h5py.File(path) as file:
        return np.asarray(file[layer][dataset])


def test_the_layout_knows_the_augmentations_as_the_catalog_does() -> None:
    assert [*SETS["1"]] == SET1
    assert [*SETS["2"]] == SET2
    for number, names in SETS.items():
        counted = [1 + len(AUGMENTATIONS[name].parameters(224, 224)) for name in names]
        assert counted == [scalars(name) for name in names] == SIZES[number][:-3].tolist()


def test_such_a_folder_is_opened_like_a_study(archive: Path) -> None:
    study = actsense.open_study(archive)
    assert (study.path, study.networks) == (archive, ("alexnet",))
    assert study["alexnet", "set1"].stores == ("indices",)


def test_a_folder_names_networks_and_sets(archive: Path) -> None:
    write(archive / NAME.format("si", 2), {"features.2": (STEM, sobol(10, 24))})
    contrast = "cs_resnet18_imagenet_ILSVRC_values_hue_part=train.hdf5"
    write(archive / contrast, {"fc": (HEAD, {})})
    study = open_study(archive)
    assert holds_value_files(archive)
    assert study.networks == ("alexnet", "resnet18")
    assert study.designs("alexnet") == ("set1", "set2")
    assert study.designs("resnet18") == ("set2",)  # hue is in the second set alone
    assert opened(archive, "set2").factors == (*SET2, *CONTEXT)


def test_networks_of_two_datasets_stay_apart(archive: Path) -> None:
    other = NAME.format("si", 1).replace("imagenet_ILSVRC", "places365")
    write(archive / other, {"fc": (HEAD, sobol(8, 5))})
    assert open_study(archive).networks == ("alexnet_imagenet", "alexnet_places365")
    assert opened(archive, network="alexnet_places365").layers == ("fc",)


def test_factors_and_layers_have_our_names_and_order(archive: Path) -> None:
    run = opened(archive)
    assert run.factors == (*SET1, *CONTEXT)
    assert run.augmentations == tuple(SET1)
    assert run.layers == ("features.2", "probabilities")
    assert run.settings["design"] == "set1"
    assert run.has("indices")
    assert not run.has("contrast")


def test_every_number_arrives_at_its_factor_and_unit(archive: Path) -> None:
    layer = opened(archive).layer("features.2")
    written = numbered(2, 8, *STEM)
    assert layer.S1.dims == ("factor", "channel", "row", "col")
    np.testing.assert_array_equal(layer.S1, written[0])
    np.testing.assert_array_equal(layer.ST, written[1])
    one = layer.ST.sel(factor="class")[1, :, 2]  # class is the last but one
    np.testing.assert_array_equal(one, written[1, 6, 1, :, 2])
    np.testing.assert_array_equal(
        layer.S1[[4, 0], ::-1, 1:, ::2], written[0][[4, 0]][:, ::-1, 1:, ::2]
    )
    np.testing.assert_array_equal(layer.S1[2, ::2], written[0][2, ::2])
    assert opened(archive).layer("probabilities").S1.dims == ("factor", "unit")


@pytest.mark.parametrize("leading", [(1,), ()])
def test_pairs_are_symmetric_with_an_undefined_diagonal(
    tmp_path: Path, leading: tuple[int, ...]
) -> None:
    values = sobol(8, 24) | {"si2": numbered(28, 24).reshape(*leading, 28, 24)}
    write(tmp_path / NAME.format("si", 1), {"features.2": (STEM, values)})
    pairs = opened(tmp_path).layer("features.2").S2
    expected = np.full((8, 8, 24), np.nan)
    row = 0
    for j in range(8):
        for k in range(j + 1, 8):
            expected[j, k] = expected[k, j] = numbered(28, 24)[row]
            row += 1
    np.testing.assert_array_equal(pairs, expected.reshape(8, 8, *STEM))
    np.testing.assert_array_equal(
        pairs.sel(factor="class", factor_2="rolling"), expected[6, 2].reshape(STEM)
    )


def test_a_unit_that_nothing_moves_is_dead_and_undefined(tmp_path: Path) -> None:
    values, effects = sobol(8, 24), np.ones((15, 24))
    values["si+sT"][:, :, 7] = 0  # as the published estimators leave it
    effects[:, 7] = 0
    write(tmp_path / NAME.format("si", 1), {"features.2": (STEM, values)})
    write(tmp_path / NAME.format("shpv", 1), {"features.2": (STEM, {"shpv": effects})})
    layer = opened(tmp_path).layer("features.2")
    dead = np.zeros(24, dtype=bool)
    dead[7] = True
    np.testing.assert_array_equal(layer.dead, dead.reshape(STEM))
    for name in ("S1", "ST", "shapley", "shapley_clipped"):
        np.testing.assert_array_equal(layer[name].isnull().all("factor"), dead.reshape(STEM))
        assert layer[name].isnull().sum() == 8
    assert layer.S2.sel(factor="rolling", factor_2="class").isnull().sum() == 1


@pytest.mark.parametrize("number", ["1", "2"])
def test_a_factor_has_the_effects_of_all_its_numbers(tmp_path: Path, number: str) -> None:
    sizes = SIZES[number]
    effects = np.full((sizes.sum(), 24), 3.0)
    write(tmp_path / NAME.format("shpv", number), {"features.2": (STEM, {"shpv": effects})})
    shares = opened(tmp_path, f"set{number}").layer("features.2").shapley
    expected = np.broadcast_to((sizes / sizes.sum())[:, None], (len(sizes), 24))
    np.testing.assert_allclose(shares, expected.reshape(-1, *STEM), rtol=1e-6)


def test_negative_effects_are_kept_and_clipped_apart(tmp_path: Path) -> None:
    effects = np.zeros((15, 5))
    effects[0] = 4.0  # erasing: 4 - 1
    effects[1] = -1.0
    effects[5] = -2.0  # sharpness
    effects[6] = 5.0  # rolling
    effects[14] = 5e-9  # partition: below what is counted
    write(tmp_path / NAME.format("shpv", 1), {"fc": (HEAD, {"shpv": effects})})
    layer = opened(tmp_path).layer("fc")
    shares, clipped = layer.shapley.isel(unit=0), layer.shapley_clipped.isel(unit=0)
    np.testing.assert_allclose(shares[:3], [3 / 6, -2 / 6, 5 / 6], rtol=1e-6)
    np.testing.assert_allclose(clipped[:3], [3 / 8, 0, 5 / 8], rtol=1e-6)
    assert shares[-1] > 0
    assert clipped[-1] == 0


def test_moments_of_the_two_laws_stay_apart(archive: Path) -> None:
    layer = opened(archive).layer("features.2")
    for kind, suffix in (("sitv", ""), ("shptv", "_switched")):
        path = archive / NAME.format(kind, 1)
        for name, dataset in (("mean", "mean"), ("variance", "var")):
            expected = held(path, "features.2", dataset).reshape(STEM)
            np.testing.assert_array_equal(layer[name + suffix], expected)


def test_units_weigh_in_with_their_variance(archive: Path) -> None:
    run = opened(archive)
    root = run.indices.to_dataset()
    assert root["layer"].to_numpy().tolist() == ["features.2", "probabilities", "network"]
    assert root["units"].to_numpy().tolist() == [24, 5, 29]
    assert root["dead_units"].to_numpy().tolist() == [0, 0, 0]
    assert root["rare_units"].to_numpy().tolist() == [0, 0, 0]  # no file says
    flat = [run.layer(name).load() for name in run.layers]
    weights = [layer.variance.to_numpy().ravel().astype(float) for layer in flat]
    for name in ("S1", "ST", "S2"):
        axes = 2 if name == "S2" else 1
        sums = [
            layer[name].to_numpy().reshape(*(8,) * axes, -1) @ weight
            for layer, weight in zip(flat, weights, strict=True)
        ]
        totals = [weight.sum() for weight in weights]
        expected = [*(s / t for s, t in zip(sums, totals, strict=True)), sum(sums) / sum(totals)]
        np.testing.assert_allclose(root[name], np.stack(expected, axis=-1), rtol=1e-5)
    raw = held(archive / NAME.format("shpv", 1), "features.2", "shpv").sum(axis=1)
    grouped = np.array([part.sum() for part in np.split(raw, np.cumsum(SIZES["1"])[:-1])])
    np.testing.assert_allclose(
        root["shapley"].sel(layer="features.2"), grouped / grouped.sum(), rtol=1e-5
    )
    variance = np.concatenate(weights)
    np.testing.assert_allclose(root["variance"].sel(layer="network"), variance.mean(), rtol=1e-6)


def test_totals_that_need_what_is_not_there_are_left_out(archive: Path) -> None:
    (archive / NAME.format("sitv", 1)).unlink()
    root = opened(archive).indices.to_dataset()
    assert "S1" not in root
    assert "mean" not in root
    assert float(root["shapley"].sel(layer="network").sum()) == pytest.approx(1, abs=1e-6)


def write_contrasts(folder: Path, names: Sequence[str], part: str, start: float) -> None:
    for k, name in enumerate(names):
        values = {
            "cs_pvals": np.full(24, 0.01),
            "cs_stats": np.full(24, 100.0),
            "cs_rbscc": np.full(24, -(start + k)),  # signed: the point-biserial
            "cs_pbrcc": np.full(24, start + k + 0.5),  # the magnitude of the rank-biserial
        }
        path = f"cs_alexnet_imagenet_ILSVRC_values_{name}_part={part}_fdr-by-corrected..hdf5"
        write(folder / path, {"features.2": (STEM, values)})


def test_swapped_contrasts_have_their_true_names(archive: Path) -> None:
    write_contrasts(archive, ["gaussian_blur", "rolling", "erasing"], "valid", 1)
    write_contrasts(archive, ["rolling"], "train", 7)
    write_contrasts(archive, ["hue"], "train", 50)
    contrast = opened(archive).contrast["features.2"]
    assert contrast["partition"].to_numpy().tolist() == ["train", "valid"]
    # In the order of the set, whatever the files' alphabet; hue belongs to the other one.
    assert contrast["augmentation"].to_numpy().tolist() == ["erasing", "rolling", "gaussian_blur"]
    point, rank = (
        contrast[name].isel(channel=0, row=0, col=0)
        for name in ("point_biserial", "rank_biserial")
    )
    np.testing.assert_array_equal(point, [[np.nan, -7, np.nan], [-3, -2, -1]])
    np.testing.assert_array_equal(rank, [[np.nan, 7.5, np.nan], [3.5, 2.5, 1.5]])
    assert "swapped" in contrast["rank_biserial"].attrs["defects"]
    assert opened(archive, "set2").contrast["features.2"].sizes["augmentation"] == 1


def test_arrays_say_their_file_and_what_is_wrong_with_them(archive: Path) -> None:
    run = opened(archive)
    layer = run.layer("features.2")
    assert layer.ST.attrs["file"] == NAME.format("si", 1)
    assert "drawn anew for every evaluation" in layer.ST.attrs["defects"]
    assert "float32" in layer.variance_switched.attrs["defects"]
    assert all("defects" in array.attrs for name, array in layer.items() if name not in FLAGS)
    kinds = [name.split("_")[0] for name in json.loads(run.indices.attrs["files"])]
    assert kinds == ["shptv", "shpv", "si", "sitv"]


def test_only_what_is_asked_for_is_read(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = h5py.Dataset.__getitem__

    def counted(self: h5py.Dataset, key: Any, *rest: Any) -> Any:
        values = original(self, key, *rest)
        read.append(np.size(values))
        return values

    monkeypatch.setattr(h5py.Dataset, "__getitem__", counted)
    run = opened(archive)
    layer = run.layer("features.2")
    assert run.indices.to_dataset().sizes["layer"] == 3
    assert read == []
    layer.ST.sel(factor="rolling").isel(channel=1).load()
    assert sum(read) == 8 * 8  # all factors, to know dead units, of one channel
    read.clear()
    run.indices["shapley"].sel(layer="probabilities").load()
    assert sum(read) == 15 * 5


def test_segments_are_named_after_layer_and_colour(tmp_path: Path) -> None:
    name = (
        "{}_{}_alexnet_imagenet_ILSVRC_values_selected_single_units_part=train+valid_augnm=1.hdf5"
    )
    values = sobol(8, 24)
    values.pop("si2")  # dropped from the published files
    for channel in ("hue", "value"):
        path = tmp_path / "single_unit" / name.format(channel, "si")
        write(path, {UNIT: (STEM, values)})
    run = opened(tmp_path)
    assert sorted(run.segments.children) == ["features.5 hue", "features.5 value"]
    segment = run.segments["features.5 value"]
    np.testing.assert_array_equal(segment["S1"], numbered(2, 8, *STEM)[0])
    assert "S2" not in segment
    assert not run.has("indices")


def damaged(folder: Path) -> str:
    path = folder / NAME.format("si", 1)
    path.write_bytes(path.read_bytes()[:-500])
    return r"augnm=1\.hdf5: damaged or no HDF5 file"


def foreign(folder: Path) -> str:
    with h5py.File(folder / NAME.format("si", 1), "w") as file:
        file["table"] = [1, 2]
    return "'table' is no group with an attribute `shape`"


def empty(folder: Path) -> str:
    write(folder / NAME.format("si", 1), {})
    return "holds no layer"


def incomplete(folder: Path) -> str:
    write(folder / NAME.format("si", 1), {"features.2": (STEM, {"si2": numbered(1, 28, 24)})})
    return r"si_alexnet.*not in the layout of published values .*si\+sT"


def of_other_factors(folder: Path) -> str:
    write(folder / NAME.format("si", 1), {"features.2": (STEM, sobol(10, 24))})
    return r"si\+sT has shape \(2, 10, 24\) where \(2, 8, 24\) is due"


def of_other_pairs(folder: Path) -> str:
    values = sobol(8, 24) | {"si2": numbered(1, 27, 24)}
    write(folder / NAME.format("si", 1), {"features.2": (STEM, values)})
    return r"si2 has shape \(1, 27, 24\) where \(1, 28, 24\) is due"


def of_another_network(folder: Path) -> str:
    write(
        folder / NAME.format("sitv", 1),
        {"features.2": (HEAD, {"mean": HEAD * 5, "var": HEAD * 5})},
    )
    return "They cannot belong together"


def twice(folder: Path) -> str:
    path = folder / NAME.format("si", 1)
    path.with_name(path.name.replace("train+valid", "train")).write_bytes(path.read_bytes())
    return "hold the same values. Leave one there"


@pytest.mark.parametrize(
    "fault",
    [
        *(damaged, foreign, empty, incomplete),
        *(of_other_factors, of_other_pairs, of_another_network, twice),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_named(archive: Path, fault: Any) -> None:
    message = fault(archive)
    with pytest.raises(ConfigError, match=message):
        _ = opened(archive).indices


def test_an_unknown_set_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    write(tmp_path / NAME.format("si", 3), {"features.2": (STEM, sobol(8, 24))})
    with pytest.raises(ConfigError, match=r"augnm=3 is no published set .* 1, 2"):
        _ = opened(tmp_path, "set3").indices


def test_a_damaged_value_is_noticed_when_it_is_read(archive: Path) -> None:
    path = archive / NAME.format("sitv", 1)
    with h5py.File(path) as file:
        offset = file["features.2"]["mean"].id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[offset + 20] ^= 1
    path.write_bytes(data)
    layer = opened(archive).layer("features.2")
    with pytest.raises(ConfigError, match=r"sitv.*damaged"):
        layer["mean"].load()


def linked(group: h5py.Group, other: Path) -> None:
    del group["mean"]
    group["mean"] = h5py.ExternalLink(str(other), "secret")


def stored_elsewhere(group: h5py.Group, other: Path) -> None:
    del group["mean"]
    group.create_dataset("mean", (24,), "f4", external=[(str(other), 0, 96)])


def put_together(group: h5py.Group, other: Path) -> None:
    del group["mean"]
    layout = h5py.VirtualLayout((24,), "f4")
    layout[:] = h5py.VirtualSource(str(other), "secret", (24,))
    group.create_virtual_dataset("mean", layout)


def linked_group(group: h5py.Group, other: Path) -> None:
    group.parent["another"] = h5py.ExternalLink(str(other), "/")


@pytest.mark.parametrize("lead", [linked, stored_elsewhere, put_together, linked_group])
def test_a_file_that_leads_to_others_is_refused(
    archive: Path, tmp_path: Path, lead: Callable[[h5py.Group, Path], None]
) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["secret"] = np.zeros(24, np.float32)
    with h5py.File(archive / NAME.format("sitv", 1), "a") as file:
        lead(file["features.2"], other)
    with pytest.raises(ConfigError, match=r"sitv.*other files"):
        opened(archive).layer("features.2")["mean"].load()


def test_links_inside_a_file_are_followed_and_loops_end(archive: Path) -> None:
    before = opened(archive).layer("features.2")["mean"].load()
    with h5py.File(archive / NAME.format("sitv", 1), "a") as file:
        group = file["features.2"]
        group["held"] = group["mean"]
        del group["mean"]
        group["mean"] = h5py.SoftLink("/features.2/held")
        group["loop"] = group
    np.testing.assert_array_equal(opened(archive).layer("features.2")["mean"].load(), before)


def test_a_file_that_went_away_is_named(archive: Path) -> None:
    layer = opened(archive).layer("features.2")
    (archive / NAME.format("sitv", 1)).unlink()
    with pytest.raises(ConfigError, match=r"sitv.*not there any more"):
        layer["mean"].load()


def test_a_folder_without_value_files_says_what_they_are_called(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no published value files.*si_alexnet"):
        ValueFileSource(tmp_path)


def test_what_is_not_published_is_refused_in_words(archive: Path) -> None:
    study = open_study(archive)
    run, network = study["alexnet", "set1"], study["alexnet"]
    asked = {
        "holds no value files of masking. There are: indices": lambda: run.masking,
        "value files of contrast": lambda: run.contrast,
        "table 'layers'": lambda: run.table("layers"),
        "table 'lda'": lambda: network.table("lda"),
        "model card": lambda: network.card,
        "images": lambda: study.images,
        "table 'shuffle_scores'": lambda: study.table("shuffle_scores"),
    }
    for message, ask in asked.items():
        with pytest.raises(MissingResultError, match=message) as error:
            ask()
        assert str(archive) in str(error.value)
    assert run.tables == network.tables == study.tables == ()
    for names in ("vgg11", ("alexnet", "set2")):
        with pytest.raises(ConfigError, match=r"is not known.*Allowed: (alexnet|set1)"):
            study[names]


def test_a_whole_tree_can_be_loaded(archive: Path) -> None:
    tree = opened(archive).indices
    assert isinstance(tree, xr.DataTree)
    loaded = tree.load()
    np.testing.assert_array_equal(loaded["features.2"]["S1"], numbered(2, 8, *STEM)[0])
