"""A network whose logits are a mean over what it sees through small windows.

The same layers look at every window of an image alone, and a linear layer turns what they find
into the *evidence* of that window for every class. Where a window lies plays no part, nor does
anything that two windows show together.
"""

__all__ = ["RECEPTIVE_FIELDS", "BagNetwork", "Windows"]

from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor, nn

from actsense.errors import ConfigError

STAGES = {5: 1, 9: 2, 17: 3, 33: 4}  # by the side of the windows, pixels
RECEPTIVE_FIELDS = tuple(STAGES)


@dataclass(frozen=True)
class Windows:
    """Square windows in rows and columns; the first lies in the top left corner of the image.

    Attributes:
        side: Of every window, pixels; odd.
        jump: From one window to the next, pixels.
    """

    side: int
    jump: int

    def count(self, length: int) -> int:
        """Count the windows along so many pixels; less than a jump may be left over."""
        return (length - self.side) // self.jump + 1


class BagNetwork(nn.Module):
    """A bag of local features: convolutions without padding, and a linear layer at every place.

    The windows of the first convolution are 3 pixels wide. Each stage has one more convolution of
    3x3, on places twice as far apart as in the stage before, and one of 1x1. Windows overlap: the
    next one lies about a quarter of their side away. Every activation function is a module of its
    own, so it can be recorded by name. At 32x32, with width 8 and windows of 9 pixels, there are
    12x12 windows, and `layers: auto` records 14,954 units.

    Arguments:
        classes: Number of classes.
        width: Channels of the first convolution; they double from stage to stage.
        receptive_field: Side of the windows, pixels: 5, 9, 17 or 33; no image may be smaller.

    Attributes:
        windows: Where the windows lie.

    Raises:
        ConfigError: If there are no windows of that side.

    Source:
        Brendel & Bethge (2019), Approximating CNNs with bag-of-local-features models works
        surprisingly well on ImageNet, ICLR. Theirs are ResNets; the principle is the same.
    """

    def __init__(self, classes: int, *, width: int = 8, receptive_field: int = 9) -> None:
        super().__init__()
        if receptive_field not in STAGES:
            raise ConfigError(
                f"receptive_field: {receptive_field} pixels cannot be built. Allowed: "
                f"{', '.join(map(str, STAGES))}."
            )
        stages = STAGES[receptive_field]
        self.windows = Windows(receptive_field, jump=2 ** (stages - 1))
        features: OrderedDict[str, nn.Module] = OrderedDict(stem=_convolution(3, width, side=3))
        for k in range(1, stages + 1):
            # The last stage keeps its places: windows that overlap more, more evidence per image.
            features[f"stage{k}"] = _stage(width, stride=2 if k < stages else 1)
            width *= 2
        self.features = nn.Sequential(features)
        self.classifier = nn.Sequential(
            OrderedDict(evidence=nn.Conv2d(width, classes, 1), mean=_Mean())
        )

    def evidence(self, images: Tensor) -> Tensor:
        """Return the evidence of every window for every class.

        Arguments:
            images: Normalised images, (batch, 3, height, width).

        Returns:
            Evidence, (batch, classes, rows, columns), in the unit of the logits: they are its mean
            over rows and columns.
        """
        evidence: Tensor = self.classifier[0](self.features(images))
        return evidence

    @property
    def recorded(self) -> list[str]:
        """What `layers: auto` takes, but for `probabilities`: the stem and the ends of stages."""
        *stages, _ = self.features.named_children()
        return [*(f"features.{name}" for name, _ in stages), "features"]

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (batch, 3, height, width) to logits (batch, classes)."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


class _Mean(nn.Module):
    """Mean over places."""

    def forward(self, evidence: Tensor) -> Tensor:
        return evidence.mean(dim=(2, 3))


def _stage(width: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=_convolution(width, 2 * width, side=3, stride=stride),
            conv2=_convolution(2 * width, 2 * width, side=1),
        )
    )


def _convolution(inputs: int, outputs: int, *, side: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(inputs, outputs, side, stride=stride, bias=False),
            norm=nn.BatchNorm2d(outputs),
            relu=nn.ReLU(),
        )
    )
