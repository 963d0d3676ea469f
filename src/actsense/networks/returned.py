"""What a network returns: logits, or numbers between 0 and 1 already."""

__all__ = ["PROBES", "Returned", "look_at_outputs"]

import logging
from typing import Literal

import torch
from torch import Tensor, nn

from actsense.networks.foreign import foreign

Returned = Literal["logits", "probabilities", "sigmoids"]

PROBES = 2  # images of noise
EXTREME = 1e4  # times the normalised image: what stays in [0, 1] then is bounded
ROUNDING = 5e-3  # of a sum of probabilities, in half precision, too

log = logging.getLogger(__name__)


@torch.inference_mode()
def look_at_outputs(name: str, module: nn.Module, z: Tensor) -> Returned:
    """Tell from the outputs of images whether they are logits.

    Outputs that stay in [0, 1], also for images beyond all contrast, and always sum to 1 are
    probabilities; others that stay there are taken for sigmoids, each of a class of its own.

    Arguments:
        name: Name of the network, for messages.
        module: The network, in evaluation mode, on the CPU.
        z: Normalised images, (batch, 3, height, width).
    """
    with foreign(f"networks.{name}: its forward"):
        found = [module(z * scale) for scale in (1.0, EXTREME, -EXTREME)]
    if not all(isinstance(x, Tensor) and x.ndim == 2 and not x.is_complex() for x in found):
        return "logits"  # to be refused where layers are looked up
    outputs = torch.cat(found).float()
    if not outputs[: len(z)].isfinite().all() or ((outputs < 0) | (outputs > 1 + ROUNDING)).any():
        return "logits"
    if not outputs.any():  # of a last layer that was not trained yet
        return "logits"
    if not ((outputs.sum(dim=1) - 1).abs() > ROUNDING).any():  # NaN of an extreme says nothing
        log.info(
            "networks.%s: its outputs are probabilities; as logits their logarithms are taken",
            name,
        )
        return "probabilities"
    log.warning(
        "networks.%s: its outputs lie in [0, 1] and do not sum to 1, as sigmoids do. They are "
        "recorded and ranked as they are; cross-entropies and divergences take their softmax, "
        "which says little. Return logits to have these",
        name,
    )
    return "sigmoids"
