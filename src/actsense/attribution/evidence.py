"""What the windows of a bag of local features say of a class, laid on the pixels of an image.

Either what the logit is made of is spread over the windows it comes from, or every pixel gets the
evidence of the window around it.
"""

__all__ = ["dense_evidence", "evidence_map"]

from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

from actsense.device.precision import arithmetic
from actsense.errors import ConfigError
from actsense.networks.bag import BagNetwork
from actsense.networks.subject import Subject


@torch.no_grad()
def evidence_map(subject: Subject, images: Tensor, targets: Tensor) -> Tensor:
    """Spread the share of every window in the logit evenly over the pixels of the window.

    A map sums to the logit. A pixel that no window covers gets 0: it has no part in the logit.

    Arguments:
        subject: A bag of local features.
        images: Images in [0, 1], (batch, 3, height, width).
        targets: Class of every map, (batch,).

    Returns:
        Maps, (batch, height, width) float32, in the unit of logits.

    Raises:
        ConfigError: If the network is no bag of local features.
    """
    evidence = _evidence(subject, subject.normalise(images), targets)
    windows = _bag(subject).windows
    share = evidence / (evidence[0].numel() * windows.side**2)
    square = share.new_ones(1, 1, windows.side, windows.side)
    with arithmetic("float32", subject.device):
        spread = functional.conv_transpose2d(share[:, None], square, stride=windows.jump)[:, 0]
    rows, columns = images.shape[2] - spread.shape[1], images.shape[3] - spread.shape[2]
    return functional.pad(spread, (0, columns, 0, rows))


@torch.no_grad()
def dense_evidence(subject: Subject, images: Tensor, targets: Tensor) -> Tensor:
    """Return at every pixel the evidence of the window around it.

    All windows are evaluated by shift and stitch: one pass over the whole image for each of the
    jump^2 ways to shift it. Around the normalised image there are zeros.

    Arguments:
        subject: A bag of local features.
        images: Images in [0, 1], (batch, 3, height, width).
        targets: Class of every map, (batch,).

    Returns:
        Maps, (batch, height, width) float32, in the unit of logits.

    Raises:
        ConfigError: If the network is no bag of local features.

    Source:
        The maps: Brendel & Bethge (2019), Approximating CNNs with bag-of-local-features models
        works surprisingly well on ImageNet, ICLR. Shift and stitch: Long, Shelhamer & Darrell
        (2015), Fully convolutional networks for semantic segmentation, CVPR.
    """
    windows = _bag(subject).windows
    padded = functional.pad(subject.normalise(images), (windows.side // 2,) * 4)
    dense = images.new_empty(len(images), *images.shape[2:])
    for top, left in product(range(windows.jump), repeat=2):
        shifted = padded[:, :, top:, left:]
        dense[:, top :: windows.jump, left :: windows.jump] = _evidence(subject, shifted, targets)
    return dense


def _evidence(subject: Subject, z: Tensor, targets: Tensor) -> Tensor:
    """Return the evidence of all windows for one class per image, (batch, rows, columns)."""
    with subject.arithmetic():
        evidence = _bag(subject).evidence(z)
    return evidence[torch.arange(len(targets), device=targets.device), targets].float()


def _bag(subject: Subject) -> BagNetwork:
    module = subject.network.module
    if not isinstance(module, BagNetwork):
        raise ConfigError(
            f"networks.{subject.network.name}: {type(module).__name__} has no windows whose "
            "evidence could be shown. Take a network with `architecture: bag`."
        )
    return module
