"""Names of published value files, and the order of what they hold."""

from pathlib import Path

import pytest

from actsense.inspection.published.names import file_name, layer_order, parse_name
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
