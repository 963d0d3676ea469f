"""Numbers of the published study that ship with the package, and whose they are.

Of AlexNet, VGG11 and ResNet18 on ImageNet, and of AlexNet and ResNet18 on Places365 (arXiv
2503.03283, with its notebook on predictions and its tables of sizes and run times):

    accuracies.csv   shares of all validation images whose label is predicted first (`top1`) or
                     among the first five (`top5`), without masks, under one augmentation; three
                     draws of those with parameters
    costs.csv        forward passes, size of their activations in float32 and as they were
                     stored, images per second, days of sampling and of computing; experiments
                     are `contrast`, `sobol`, `shapley`, the two total variances `variance`
                     and `variance_shapley` under the laws of these, and `all` of them
"""

__all__ = ["Recognised", "published_table", "recognise"]

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any

import pandas as pd

from actsense.store.tables import read_shipped

DATASETS = {"imagenet": "ImageNet", "places365": "Places365"}
NETWORKS = {"alexnet": "AlexNet", "vgg11": "VGG11", "resnet18": "ResNet18"}
FACTORIES = ("torchvision.models:", "torchvision:models.")


@dataclass(frozen=True)
class Recognised:
    """A network of the published study.

    Attributes:
        network: Its architecture as torchvision calls it.
        dataset: The kind of its dataset.
    """

    network: str
    dataset: str

    def __str__(self) -> str:
        return f"{NETWORKS[self.network]} on {DATASETS[self.dataset]}"

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return its rows of a published table."""
        own = (table["network"] == self.network) & (table["dataset"] == self.dataset)
        return table[own]


def published_table(name: str) -> pd.DataFrame:
    """Return a table that ships with the package, `accuracies` or `costs`."""
    with as_file(files("actsense.acceptance") / f"numbers/{name}.csv") as path:
        return read_shipped(path)


def recognise(network: Mapping[str, Any], dataset: Mapping[str, Any]) -> Recognised | str:
    """Tell by its settings which published network one is, or say why it is none.

    Arguments:
        network: Settings of the network, as results keep them.
        dataset: Settings of the dataset, likewise.
    """
    architecture, kind = _architecture(network), dataset.get("kind", "?")
    if "published" in (kind, network.get("kind")):
        return "it was imported, and its numbers are the published ones themselves"
    if kind not in DATASETS:
        return f"its images are of kind {kind}, and published are {', '.join(DATASETS)}"
    if architecture not in NETWORKS:
        return f"its architecture is {architecture}, and published are {', '.join(NETWORKS)}"
    if network.get("weights", "none") == "none":
        return f"its weights are random, and those of {NETWORKS[architecture]} were trained"
    found = Recognised(architecture, kind)
    if found.of(published_table("costs")).empty:
        return f"nothing is published of {found}"
    return found


def _architecture(network: Mapping[str, Any]) -> str:
    """Return the name of an architecture, whoever builds it."""
    if network.get("kind") == "python":
        factory = str(network.get("factory", ""))
        known = [factory.removeprefix(one) for one in FACTORIES if factory.startswith(one)]
        return known[0] if known else factory
    model = str(network.get("model", network.get("architecture", "?")))
    return model.removesuffix(".tv_in1k")  # torchvision's own weights, as timm calls them
