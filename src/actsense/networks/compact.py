"""The small network of the embedded study."""

__all__ = ["CompactNetwork"]

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional

POOLED = 4  # side of the last feature map, pixels


class CompactNetwork(nn.Module):
    """Four stages of 3x3 convolutions, halving the side, and two linear layers.

    Every activation function is a module of its own, so it can be recorded by name. At 32x32
    and width 8, `layers: auto` records 15,434 units.

    Arguments:
        classes: Number of classes.
        width: Channels of the first stage; they double from stage to stage.
    """

    def __init__(self, classes: int, *, width: int = 8) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(OrderedDict(conv=_convolution(3, width)))
        self.stage2 = _stage(width)
        self.stage3 = _stage(2 * width)
        self.stage4 = _stage(4 * width)
        self.hidden = nn.Linear(8 * width * POOLED**2, 8 * width)
        self.hidden_relu = nn.ReLU()
        self.classifier = nn.Linear(8 * width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (batch, 3, height, width) to logits (batch, classes)."""
        features = self.stage4(self.stage3(self.stage2(self.stage1(images))))
        pooled = functional.adaptive_avg_pool2d(features, POOLED)  # does nothing at 32x32
        hidden = self.hidden_relu(self.hidden(pooled.flatten(1)))
        logits: Tensor = self.classifier(hidden)
        return logits


def _stage(width: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            pool=nn.MaxPool2d(2),
            conv1=_convolution(width, 2 * width),
            conv2=_convolution(2 * width, 2 * width),
        )
    )


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            norm=nn.BatchNorm2d(outputs),
            relu=nn.ReLU(),
        )
    )
