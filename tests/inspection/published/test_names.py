"""Names of published value files, and the order of what they hold."""

from itertools import product
from pathlib import Path

import pytest

from actsense.inspection.published.folders import archive_files
from actsense.inspection.published.names import (
    file_name,
    layer_order,
    parse_name,
    parse_predictions,
)
from actsense.inspection.published.source import holds_value_files

NAME = "{}_alexnet_imagenet_ILSVRC_values_part=train+valid_augnm={}.hdf5"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (NAME.format("si", 2), ("si", "alexnet", "imagenet", "set2", None, None)),
        (
            "shpv_vit_b_16_places365_values_part=train+valid_augnm=1.hdf5",
            ("shpv", "vit_b_16", "places365", "set1", None, None),
        ),
        (
            "cs_vgg11_imagenet_ILSVRC_values_hue_part=valid_fdr-by-corrected..hdf5",
            ("cs", "vgg11", "imagenet", None, "hue", None),
        ),
        (
            "cs_vgg11_imagenet_ILSVRC_values_part=train_elliptic_local_blur.hdf5",
            ("cs", "vgg11", "imagenet", None, "elliptic_local_blur", None),
        ),
        (
            "cs_alexnet_imagenet_ILSVRC_values_sharpness_part=train.hdf5",
            ("cs", "alexnet", "imagenet", None, "sharpness_const", None),
        ),
        (
            "hue_sitv_resnet18_imagenet_ILSVRC_values_selected_single_units"
            "_part=train+valid_augnm=2.hdf5",
            ("sitv", "resnet18", "imagenet", "set2", None, "hue"),
        ),
        (
            "si_my_folder_net_digits_values_part=train+valid_augnm=colour.hdf5",
            ("si", "my_folder_net", "digits", "colour", None, None),
        ),
    ],
)
def test_names_of_files_say_what_they_hold(name: str, expected: tuple[str | None, ...]) -> None:
    file = parse_name(Path(name))
    assert file is not None
    found = (file.kind, file.network, file.dataset, file.design, file.augmentation, file.channel)
    assert found == expected


@pytest.mark.parametrize(
    "name",
    [
        "si_alexnet_imagenet_ILSVRC_values_pred_NOFCL_part=valid.hdf5",
        "cs_alexnet_imagenet_ILSVRC_values_pred_NOFCL_part=valid.hdf5",
        "cs_alexnet_imagenet_ILSVRC_values_part=valid.hdf5",
        "alexnet_activations_part=train_original.hdf5",
        "notes.hdf5",
    ],
)
def test_other_files_are_left_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert parse_name(tmp_path / name) is None
    assert not holds_value_files(tmp_path)


def test_a_name_that_is_written_is_read_back() -> None:
    for design, kept in (("set2", "augnm=2."), ("colour", "augnm=colour.")):
        name = file_name("cs", "my_net", "imagenet", design, "hue")
        file = parse_name(Path(name))
        assert file is not None
        assert kept in name
        assert (file.network, file.design, file.augmentation) == ("my_net", design, "hue")


@pytest.mark.parametrize(
    "layers",
    [
        ["features.2", "features.5", "features.10", "avgpool", "classifier.1", "classifier.6"],
        ["maxpool", "layer1", "layer2", "layer3", "avgpool", "fc"],
        ["features.1", "features.3", "head"],
        ["encoder_layer_2", "encoder_layer_11", "heads"],
    ],
)
def test_layers_follow_one_another_as_in_the_network(layers: list[str]) -> None:
    assert sorted(reversed(layers), key=layer_order) == layers


SET1 = ("erasing", "sharpness_const", "rolling", "grayscaling", "gaussian_blur")
SET2 = ("brightness", "contrast", "saturation", "hue", "hflip", "rotation", "elliptic_local_blur")


def listing() -> dict[str, list[str]]:
    """Return the names of all HDF5 files of the published listing of results on ImageNet."""
    names: dict[str, list[str]] = {"activations": [], "values": [], "predictions": []}
    for network in ("alexnet", "vgg11", "resnet18"):
        stem = f"{network}_imagenet_ILSVRC"
        for part, one in product(("train", "valid"), ("original", *SET1, *SET2)):
            names["activations"].append(f"cs_{stem}_activations_part={part}_{one}.hdf5")
            if one != "original":
                names["values"].append(f"cs_{stem}_values_part={part}_{one}.hdf5")
        for kind, number in product(("sitv", "si", "shptv", "shpv"), (1, 2)):
            end = f"part=train+valid_augnm={number}.hdf5"
            names["activations"].append(f"{kind}_{stem}_activations_{end}")
            names["values"].append(f"{kind}_{stem}_values_{end}")
        for value in ("si", "siT", "shpv"):
            names["predictions"].append(f"{value}_{stem}_values_pred_NOFCL_part=valid.hdf5")
        for number in (1, 2) if network != "vgg11" else ():
            end = f"selected_single_units_part=train+valid_augnm={number}.hdf5"
            for kind in ("sitv", "shpv"):
                names["activations"].append(f"{kind}_{stem}_activations_{end}")
            for kind, channel in product(("sitv", "si", "shpv"), ("hue", "saturation", "value")):
                names["values"].append(f"{channel}_{kind}_{stem}_values_{end}")
    return names


@pytest.mark.parametrize("tag", ["", "_TEST"])
def test_values_predictions_and_activations_of_the_published_listing_are_told_apart(
    tag: str,
) -> None:
    names = listing()
    assert {kind: len(found) for kind, found in names.items()} == {
        "activations": 110,
        "values": 132,
        "predictions": 9,
    }
    for kind, found in names.items():
        paths = [Path(one.replace("_part=", f"{tag}_part=", 1)) for one in found]
        if tag:  # where it stands in references of the test
            paths = [Path(p.name.replace("_pred_NOFCL_TEST", "_TEST_pred_NOFCL")) for p in paths]
        assert all((parse_name(path) is not None) == (kind == "values") for path in paths)
        read = [parse_predictions(path) for path in paths]
        assert all((one is not None) == (kind == "predictions") for one in read)
    values = {parse_predictions(Path(name)).value for name in names["predictions"]}  # type: ignore[union-attr]
    assert values == {"S1", "ST", "shapley"}
    told = [parse_name(Path(name)) for name in names["values"]]
    assert {one.network for one in told if one} == {"alexnet", "vgg11", "resnet18"}
    assert {one.dataset for one in told if one} == {"imagenet"}
    assert {one.augmentation for one in told if one} == {None, *SET1, *SET2}
    assert sum(one.channel is not None for one in told if one) == 36


def test_results_are_found_in_the_folders_of_the_archive(tmp_path: Path) -> None:
    own = tmp_path / "places" / "results" / NAME.format("si", 1)
    inside = own.parent / "single_unit" / NAME.format("sitv", 1)
    others = [
        tmp_path / "test" / own.name,
        tmp_path / "x.zarr" / own.name,
        inside.parent / "notes.txt",
    ]
    for path in (own, inside, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert archive_files(tmp_path, ".hdf5") == [own, inside]
    assert archive_files(tmp_path / "test", ".hdf5") == [others[0]]
