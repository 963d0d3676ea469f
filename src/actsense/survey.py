"""What only files and models can tell about a study: looked up once per run."""

__all__ = ["survey"]

from typing import Any

from actsense.data import archive_folder, count_classes, dataset_archives, missing_archives
from actsense.models import outline_network
from actsense.models.layers import lay_out
from actsense.models.zoo import names_file

Settings = dict[str, Any]


def survey(settings: Settings) -> Settings:
    """Look up the classes of a study, its archives, and its networks.

    Arguments:
        settings: A checked configuration.

    Returns:
        `classes`, the number of them; the `folder` of archives, their paths in it, `archives`,
        and the names of the `missing` ones; and by network `layers`, name and shape of the
        recorded ones, and `origins`: `trained`, `downloaded` or `imported`.

    Raises:
        ConfigError: If a folder, a model or a layer does not exist.
    """
    dataset, networks = settings["dataset"], settings["networks"]
    classes = count_classes(dataset)
    return {
        "classes": classes,
        "folder": str(archive_folder(dataset)),
        "archives": [str(path) for path in dataset_archives(dataset)],
        "missing": missing_archives(dataset),
        "layers": {
            name: _layers(name, network, classes, dataset["image_size"])
            for name, network in networks.items()
        },
        "origins": {name: _origin(network) for name, network in networks.items()},
    }


def _layers(name: str, network: Settings, classes: int, side: int) -> list[list[Any]]:
    outline = outline_network(name, network, classes=classes, image_size=side)
    return [[layer.name, list(layer.shape)] for layer in lay_out(outline, network["layers"], side)]


def _origin(network: Settings) -> str:
    if network["kind"] == "trained":
        return "trained"
    published = network["kind"] == "torchvision" and network["weights"] != "none"
    return "downloaded" if published and not names_file(network["weights"]) else "imported"
