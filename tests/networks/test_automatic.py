"""Layers that are chosen by themselves: do they have the names that a reader would give?"""

import re
from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from actsense.layers import Layer
from actsense.networks.layers import lay_out, resolve_layers
from actsense.networks.network import outline_network
from actsense.networks.settings import read_network

STAGES = {
    "alexnet": "features.2 features.5 features.7 features.9 avgpool classifier.2 classifier.5",
    "vgg16_bn": "features.6 features.13 features.23 features.33 avgpool classifier.1 classifier.4",
    "resnet18": "maxpool layer1 layer2 layer3 avgpool",
    "resnet50": "maxpool layer1 layer2 layer3 layer4 avgpool",
    "densenet121": "features.pool0 features.denseblock1 features.denseblock2 features.denseblock3 "
    "features.denseblock4",
    "googlenet": "maxpool2 inception3b inception4c inception4e inception5b avgpool",
    "squeezenet1_1": "features.2 features.4 features.7 features.10 features.12",
    "shufflenet_v2_x1_0": "maxpool stage2 stage3 stage4 conv5",
    "mnasnet1_0": "layers.5 layers.8 layers.9 layers.10 layers.11 layers.12 layers.13 layers.16",
    "mobilenet_v2": "features.1 features.3 features.6 features.10 features.13 features.16 "
    "features.17 features.18",
    "efficientnet_b0": "features.0 features.1 features.2 features.3 features.4 features.5 "
    "features.6 features.7 avgpool",
    "convnext_tiny": "features.0 features.1 features.3 features.5 features.7 avgpool",
    "swin_t": "features.0 features.1 features.3 features.5 features.7 avgpool",
    "maxvit_t": "stem blocks.0 blocks.1 blocks.2 blocks.3 classifier.0 classifier.4",
    "vit_b_16": "conv_proj encoder.layers.encoder_layer_1 encoder.layers.encoder_layer_3 "
    "encoder.layers.encoder_layer_5 encoder.layers.encoder_layer_7 "
    "encoder.layers.encoder_layer_9 encoder.layers.encoder_layer_11",
}
TIMM_STAGES = {
    "regnety_002": "stem s1 s2 s3 s4 head.global_pool",
    "resnet50d": "maxpool layer1 layer2 layer3 layer4 global_pool",
    "resnetv2_50": "stem.pool stages.0 stages.1 stages.2 stages.3 head.global_pool",
    "tf_efficientnet_lite0": "blocks.0 blocks.1 blocks.2 blocks.3 blocks.4 blocks.5 blocks.6 "
    "bn2 global_pool",
    "convnext_tiny": "stem stages.0 stages.1 stages.2 stages.3 head.global_pool",
    "swin_tiny_patch4_window7_224": "patch_embed layers.0 layers.1 layers.2 layers.3 "
    "head.global_pool",
    "deit_tiny_distilled_patch16_224": "patch_embed blocks.1 blocks.3 blocks.5 blocks.7 blocks.9 "
    "blocks.11",
    "mixer_s32_224": "stem blocks.0 blocks.2 blocks.3 blocks.4 blocks.6 blocks.7",
    "hrnet_w18_small": "act2 incre_modules.0 incre_modules.1 incre_modules.2 "
    "incre_modules.3 final_layer global_pool",
    "inception_v4": "features.3 features.4 features.9 features.17 features.21 global_pool",
    "levit_128s": "stem.conv4 stages.0.blocks.0 stages.0.blocks.1 stages.1.downsample "
    "stages.1.blocks stages.2.downsample stages.2.blocks",
}


def chosen(kind: str, model: str) -> tuple[Layer, ...]:
    """Return the layers of a network of a library."""
    settings = read_network({"kind": kind, "model": model, "weights": "none"})
    return lay_out(outline_network("net", settings, classes=1000, image_size=224), "auto", 224)


@pytest.mark.parametrize(
    ("kind", "model", "names"),
    [
        *(("torchvision", model, names) for model, names in STAGES.items()),
        *(("timm", model, names) for model, names in TIMM_STAGES.items()),
    ],
)
def test_layers_of_published_networks_are_named(kind: str, model: str, names: str) -> None:
    layers = chosen(kind, model)
    assert [layer.name for layer in layers] == [*names.split(), "probabilities"]
    assert 6 <= len(layers) <= 10
    maps = [layer for layer in layers if len(layer.shape) == 3 and layer.shape[1:] != (1, 1)]
    assert len(maps) >= 4
    assert all(rows == cols for _, rows, cols in (layer.shape for layer in maps))
    assert layers[-1].stop < 2.6e6


class Block(nn.Module):
    """A residual block whose activation functions are no modules."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if inputs != outputs:
            convolution = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(outputs))

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps."""
        out = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(maps)))))
        return functional.relu(out + self.shortcut(maps))


class ResNet(nn.Module):
    """A ResNet for small images: twenty convolutions, and no module that pools."""

    def __init__(self, blocks: int = 2, widths: tuple[int, ...] = (4, 8, 16, 32)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        inputs = widths[0]
        self.stages = len(widths)
        for k, width in enumerate(widths):
            strides = [2 if k else 1] + [1] * (blocks - 1)
            chain = [Block(width if j else inputs, width, s) for j, s in enumerate(strides)]
            setattr(self, f"layer{k + 1}", nn.Sequential(*chain))
            inputs = width
        self.linear = nn.Linear(inputs, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Return ten logits per image."""
        maps = functional.relu(self.bn1(self.conv1(images)))
        for k in range(self.stages):
            maps = getattr(self, f"layer{k + 1}")(maps)
        return self.linear(maps.mean(dim=(2, 3)))


class AlexNet(nn.Module):
    """Five convolutions under a published name, and none of the published places."""

    def __init__(self) -> None:
        super().__init__()
        convolutions = [nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2)]
        for inputs, outputs in ((4, 6), (6, 8), (8, 8), (8, 8)):
            convolutions += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        self.features = nn.Sequential(*convolutions, nn.MaxPool2d(2))
        self.classifier = nn.Linear(8 * 4 * 4, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Return ten logits per image."""
        return self.classifier(self.features(images).flatten(1))


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (ResNet(), "conv1 layer1 layer2 layer3 layer4"),
        (
            AlexNet(),
            "features.1 features.2 features.4 features.6 features.8 features.10 features.11",
        ),
    ],
)
def test_namesakes_of_published_networks_have_layers_of_their_own(
    module: nn.Module, names: str
) -> None:
    assert resolve_layers(module.eval(), "auto", 32) == [*names.split(), "probabilities"]


def test_a_changed_published_network_has_layers_of_its_own() -> None:
    """As small images want it: the pooling of the stem is taken out."""
    from torchvision.models import resnet18

    module = resnet18(num_classes=10)
    module.conv1, module.maxpool = nn.Conv2d(3, 64, 3, padding=1), nn.Identity()
    names = resolve_layers(module.eval(), "auto", 32)
    assert names == [*["relu", "layer1", "layer2", "layer3", "layer4", "avgpool"], "probabilities"]


def test_stages_that_are_few_are_seen_at_even_depths() -> None:
    names = resolve_layers(ResNet(3, (4, 8, 16)).eval(), "auto", 32)
    stages = [f"layer{k}.{j}" for k in (1, 2, 3) for j in (1, 2)]
    assert names == ["conv1", *stages, "probabilities"]


def test_the_inside_of_a_block_is_no_chain() -> None:
    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            parts = (nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 1))
            self.chain = nn.Sequential(*parts)

        def forward(self, maps: Tensor) -> Tensor:
            return maps + self.chain(maps)

    pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
    module = nn.Sequential(nn.Conv2d(3, 4, 3), Inner(), Inner(), *pooled, nn.Linear(4, 2)).eval()
    assert resolve_layers(module, "auto", 8) == ["0", "1", "2", "3", "probabilities"]


def test_the_way_to_the_trunk_is_no_layer() -> None:
    """A wrapper around a network, and a wrapper around that."""
    inner = nn.Module()
    inner.backbone = ResNet()
    inner.forward = lambda images: inner.backbone(images)  # type: ignore[method-assign]
    names = resolve_layers(inner.eval(), "auto", 32)
    stages = [f"backbone.{name}" for name in ("conv1", "layer1", "layer2", "layer3", "layer4")]
    assert names == [*stages, "probabilities"]


def test_pooling_belongs_to_what_is_pooled_and_a_norm_is_no_layer() -> None:
    inner = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    parts = {"block": inner, "pool": nn.MaxPool2d(2), "norm": nn.BatchNorm2d(4)}
    head = {"flat": nn.Flatten(), "hidden": nn.Linear(36, 8), "act": nn.Tanh()}
    module = nn.Sequential(
        OrderedDict(parts | head | {"drop": nn.Dropout(), "out": nn.Linear(8, 2)})
    ).eval()
    assert resolve_layers(module, "auto", 8) == ["block", "pool", "act", "probabilities"]


def test_padding_and_dropout_are_no_layers() -> None:
    def convolution(inputs: int, outputs: int) -> nn.Sequential:
        padded = nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(inputs, outputs, 3))
        return nn.Sequential(padded, nn.BatchNorm2d(outputs), nn.ReLU6(), nn.Dropout2d())

    module = nn.Sequential(
        *(nn.ZeroPad2d((0, 1, 0, 1)), convolution(3, 4), nn.MaxPool2d(2), nn.ZeroPad2d(2)),
        *(convolution(4, 8), nn.Dropout2d(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        *(nn.Dropout(), nn.Linear(8, 10)),
    )
    assert resolve_layers(module.eval(), "auto", 32) == ["1", "2", "4", "6", "probabilities"]


def test_a_network_of_linear_layers_has_its_hidden_ones() -> None:
    hidden = [m for k in (48, 16, 16) for m in (nn.Linear(k, 16), nn.ReLU())]
    module = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(16, 3)).eval()
    assert resolve_layers(module, "auto", 4) == ["4", "6", "probabilities"]


def test_a_recurrent_step_is_no_layer() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.step = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
            self.head = nn.Linear(4, 3)

        def forward(self, images: Tensor) -> Tensor:
            maps = self.stem(images)
            for _ in range(3):
                maps = self.step(maps).relu()
            return self.head(maps.mean(dim=(2, 3)))

    assert resolve_layers(Recurrent().eval(), "auto", 8) == ["stem", "probabilities"]


def test_tokens_are_maps_of_patches(vision_transformer: nn.Module) -> None:
    layers = lay_out(vision_transformer, "auto", 32)
    assert [layer.name for layer in layers] == ["conv_proj", *blocks(4), "probabilities"]
    assert {layer.shape for layer in layers[:-1]} == {(12, 4, 4)}


def blocks(count: int) -> list[str]:
    return [f"encoder.layers.encoder_layer_{k}" for k in range(count)]


@pytest.fixture
def vision_transformer() -> nn.Module:
    """A vision transformer of torchvision with few units."""
    from torchvision.models import VisionTransformer

    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = VisionTransformer(
            image_size=32,
            patch_size=8,
            num_layers=4,
            num_heads=2,
            hidden_dim=12,
            mlp_dim=24,
            num_classes=10,
        )
        nn.init.normal_(module.heads.head.weight)
    return module.eval().requires_grad_(False)


def test_no_chosen_layer_pads_drops_or_normalises_alone() -> None:
    for kind, models in (("torchvision", STAGES), ("timm", TIMM_STAGES)):
        for name in " ".join(models.values()).split():
            assert not re.search(r"pad|drop|norm|flatten|identity", name), (kind, name)
