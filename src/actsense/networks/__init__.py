"""Networks: where they come from, and one that is opened: shown images, tapped at its layers."""

__all__ = [
    "BagNetwork",
    "LayerGraph",
    "Network",
    "Subject",
    "Tap",
    "Training",
    "download_weights",
    "import_weights",
    "load_network",
    "open_subject",
    "open_subjects",
    "outline_network",
    "resolve_layers",
    "train_checkpoint",
    "train_network",
]

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actsense.networks.bag import BagNetwork
    from actsense.networks.graph import LayerGraph
    from actsense.networks.layers import resolve_layers
    from actsense.networks.network import Network, load_network, outline_network
    from actsense.networks.opening import open_subject, open_subjects
    from actsense.networks.subject import Subject
    from actsense.networks.taps import Tap
    from actsense.networks.training import Training, train_checkpoint, train_network
    from actsense.networks.weights import download_weights, import_weights

# Who reads a configuration imports the settings here and nothing that does the work.
HOMES = {
    "BagNetwork": "bag",
    "LayerGraph": "graph",
    "resolve_layers": "layers",
    "Network": "network",
    "load_network": "network",
    "outline_network": "network",
    "Subject": "subject",
    "open_subject": "opening",
    "open_subjects": "opening",
    "Tap": "taps",
    "Training": "training",
    "train_checkpoint": "training",
    "train_network": "training",
    "download_weights": "weights",
    "import_weights": "weights",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
