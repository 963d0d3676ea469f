"""A model's name says which library it is of."""

from pathlib import Path

import pytest

from actsense.errors import ConfigError
from actsense.networks.settings import read_network
from actsense.networks.zoo.named import find_model, published_size


@pytest.mark.parametrize(
    ("model", "weights", "name", "settings"),
    [
        ("resnet18", None, "resnet18", ("torchvision", "DEFAULT")),
        ("resnet18.a1_in1k", None, "resnet18_a1_in1k", ("timm", "DEFAULT")),
        ("tf_efficientnet_lite0", None, "tf_efficientnet_lite0", ("timm", "packaged")),
        ("tf_efficientnet_lite0", "none", "tf_efficientnet_lite0", ("timm", "none")),
        ("regnetz_c16", "mine.pt", "regnetz_c16", ("timm", "mine.pt")),
    ],
)
def test_a_name_is_enough(
    *,
    model: str,
    weights: str | None,
    name: str,
    settings: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.pt").touch()
    found, network = find_model(model, weights)
    assert found == name
    assert network == {"kind": settings[0], "model": model, "weights": settings[1]}
    assert read_network(network).plain()["model"] == model


@pytest.mark.parametrize(
    ("model", "side"),
    [("alexnet", 224), ("inception_v3", 299), ("tf_efficientnet_lite4.in1k", 380)],
)
def test_images_are_as_large_as_the_weights_were_made_for(model: str, side: int) -> None:
    assert published_size(*find_model(model)) == side


def test_an_unknown_model_is_told_with_the_nearest_of_both_libraries() -> None:
    with pytest.raises(ConfigError, match=r"knows 'resnet81'\. Nearest: resnet18, ") as told:
        find_model("resnet81")
    nearest = str(told.value).partition("Nearest: ")[2].rstrip(".").split(", ")
    assert len({*nearest}) == len(nearest) == 5


def test_a_file_of_weights_is_there() -> None:
    with pytest.raises(ConfigError, match=r"^--weights: nowhere/mine\.pt is no file\. Allowed: D"):
        find_model("resnet18", "nowhere/mine.pt")
