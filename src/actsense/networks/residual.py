"""Residual networks for small images: those of He et al., and wide ones.

Three stages of equally many blocks, each with two 3x3 convolutions and a way around them; the
second and the third stage halve the side and double the channels. Depth counts layers: 6 for a
block in every stage, and 2 more, or 4 more where a wide network has convolutions in ways around.
Every activation function is a module of its own, so it can be recorded by name.
"""

__all__ = ["ResidualNetwork", "WideResidualNetwork"]

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from actsense.errors import ConfigError
from actsense.networks.recipe import BESIDE, PER_BLOCK, depth_mistake


class ResidualNetwork(nn.Module):
    """A residual network for images of 32 pixels; ways around blocks have no parameters.

    Arguments:
        classes: Number of classes.
        depth: Layers with weights, 6 n + 2 for n blocks in every stage.
        width: Channels of the first stage.

    Raises:
        ConfigError: If there is no such depth.

    Source:
        He et al. (2016), Deep residual learning for image recognition, CVPR, section 4.2; ways
        around of option A.
    """

    def __init__(self, classes: int, *, depth: int = 56, width: int = 16) -> None:
        super().__init__()
        blocks = _blocks("resnet", depth)
        self.stem = nn.Sequential(
            OrderedDict(conv=_convolution(3, width), norm=nn.BatchNorm2d(width), relu=nn.ReLU())
        )
        self.stage1 = _stage(_Block, blocks, width, width)
        self.stage2 = _stage(_Block, blocks, width, 2 * width)
        self.stage3 = _stage(_Block, blocks, 2 * width, 4 * width)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(4 * width, classes)
        _draw_weights(self)

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (batch, 3, height, width) to logits (batch, classes)."""
        features = self.stage3(self.stage2(self.stage1(self.stem(images))))
        logits: Tensor = self.classifier(self.pool(features).flatten(1))
        return logits


class WideResidualNetwork(nn.Module):
    """A residual network with more channels and fewer layers; blocks begin with the activation.

    Stages therefore end with a sum, which is recorded before it passes an activation function.

    Arguments:
        classes: Number of classes.
        depth: Layers with weights, 6 n + 4 for n blocks in every stage.
        width: Channels before the first stage.
        widening: How many times as many channels the first stage has.
        dropout: Share of the activations between the convolutions of a block that is left out
            while the network is trained.

    Raises:
        ConfigError: If there is no such depth.

    Source:
        Zagoruyko & Komodakis (2016), Wide residual networks, BMVC.
    """

    def __init__(
        self,
        classes: int,
        *,
        depth: int = 28,
        width: int = 16,
        widening: int = 10,
        dropout: float = 0,
    ) -> None:
        super().__init__()
        blocks, wide = _blocks("wide_resnet", depth), width * widening

        def block(inputs: int, outputs: int, stride: int) -> nn.Module:
            return _PreactivatedBlock(inputs, outputs, stride, dropout)

        self.stem = _convolution(3, width)
        self.stage1 = _stage(block, blocks, width, wide, stride=1)
        self.stage2 = _stage(block, blocks, wide, 2 * wide)
        self.stage3 = _stage(block, blocks, 2 * wide, 4 * wide)
        self.norm = nn.BatchNorm2d(4 * wide)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(4 * wide, classes)
        _draw_weights(self)

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (batch, 3, height, width) to logits (batch, classes)."""
        features = self.stage3(self.stage2(self.stage1(self.stem(images))))
        pooled = self.pool(self.relu(self.norm(features)))
        logits: Tensor = self.classifier(pooled.flatten(1))
        return logits


class _Block(nn.Module):
    """Two convolutions, and the input around them: every second place, missing channels 0."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(inputs, outputs, stride=stride)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = _convolution(outputs, outputs)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.around = _Padded(outputs - inputs, stride) if inputs != outputs else nn.Identity()
        self.relu2 = nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        inner = self.relu1(self.norm1(self.conv1(features)))
        outer: Tensor = self.relu2(self.norm2(self.conv2(inner)) + self.around(features))
        return outer


class _Padded(nn.Module):
    """Take every second place, and add channels of zeros."""

    def __init__(self, more: int, stride: int) -> None:
        super().__init__()
        self.more, self.stride = more, stride

    def forward(self, features: Tensor) -> Tensor:
        taken = features[:, :, :: self.stride, :: self.stride]
        return functional.pad(taken, (0, 0, 0, 0, 0, self.more))


class _PreactivatedBlock(nn.Module):
    """Activation before each of two convolutions; where the size changes, around them, too."""

    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.relu1 = nn.ReLU()
        self.conv1 = _convolution(inputs, outputs, stride=stride)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.conv2 = _convolution(outputs, outputs)
        self.around = (
            nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False) if inputs != outputs else None
        )

    def forward(self, features: Tensor) -> Tensor:
        active = self.relu1(self.norm1(features))
        inner = self.conv2(self.dropout(self.relu2(self.norm2(self.conv1(active)))))
        outer: Tensor = inner + (features if self.around is None else self.around(active))
        return outer


def _blocks(architecture: str, depth: int) -> int:
    """Return how many blocks every stage has."""
    if mistake := depth_mistake(architecture, depth):
        raise ConfigError(f"depth: {mistake}")
    return (depth - BESIDE[architecture]) // PER_BLOCK


def _stage(
    block: Callable[[int, int, int], nn.Module],
    count: int,
    inputs: int,
    outputs: int,
    *,
    stride: int | None = None,
) -> nn.Sequential:
    """Return blocks, of which the first one halves the side where there are more channels."""
    if stride is None:
        stride = 1 if inputs == outputs else 2
    made = OrderedDict(block1=block(inputs, outputs, stride))
    for number in range(2, count + 1):
        made[f"block{number}"] = block(outputs, outputs, 1)
    return nn.Sequential(made)


def _convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


def _draw_weights(network: nn.Module) -> None:
    """Draw weights with the variance that keeps that of what flows back, biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
