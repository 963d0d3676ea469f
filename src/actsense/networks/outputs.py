"""What the outputs of a network are called, and whether they are the classes of a dataset."""

__all__ = ["name_outputs"]

import logging
from collections.abc import Sequence

from actsense.errors import ConfigError
from actsense.networks.network import Network

log = logging.getLogger(__name__)


def name_outputs(network: Network, known: Sequence[str], outputs: int) -> tuple[list[str], str]:
    """Return the names of the outputs, and what images are labelled by.

    Arguments:
        network: The network.
        known: Classes of the dataset.
        outputs: Number of outputs of the network.

    Returns:
        `class` if there is one output per class; else `prediction`: images are labelled by what
        the network itself says of them when they are intact.

    Raises:
        ConfigError: If there are fewer than two classes or outputs.
    """
    if min(outputs, len(known)) < 2:
        raise ConfigError(
            f"Predictions need two classes at least; the dataset has {len(known)}, the network "
            f"{network.name} has {outputs} outputs. Add images of other classes."
        )
    if outputs == len(known):
        return list(known), "class"
    log.info(
        "%s has %d outputs for %d classes: its predictions are compared with those on intact "
        "images",
        *(network.name, outputs, len(known)),
    )
    return network.classes or [str(k) for k in range(outputs)], "prediction"
