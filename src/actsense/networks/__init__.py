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

from actsense.networks.bag import BagNetwork
from actsense.networks.graph import LayerGraph
from actsense.networks.layers import Layer, resolve_layers
from actsense.networks.network import Network, load_network, outline_network
from actsense.networks.recorder import Recorder
from actsense.networks.training import train_network
from actsense.networks.weights import download_weights, import_weights
