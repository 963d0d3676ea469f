"""Networks: where they come from, and what is recorded inside them."""

__all__ = [
    "BagNetwork",
    "Layer",
    "LayerGraph",
    "Network",
    "Recorder",
    "download_weights",
    "import_weights",
    "load_network",
    "outline_network",
    "resolve_layers",
    "train_network",
]

from actsense.models.bag import BagNetwork
from actsense.models.graph import LayerGraph
from actsense.models.layers import Layer, resolve_layers
from actsense.models.network import Network, load_network, outline_network
from actsense.models.recorder import Recorder
from actsense.models.training import train_network
from actsense.models.weights import download_weights, import_weights
