"""The networks to study: one section per kind."""

__all__ = [
    "DISTILLED",
    "LOGITS",
    "NetworkSettings",
    "Published",
    "Python",
    "Timm",
    "Torchvision",
    "Trained",
    "checkpoint_epochs",
    "read_network",
    "teacher_of",
    "weights_file",
]

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter
from pydantic_core import PydanticCustomError

from actsense.networks.published import Published
from actsense.networks.recipe import DEPTHS, WIDENINGS, WIDTHS
from actsense.settings import Integer, List, Number, PowerOfTwo, Section, Tuple

LOGITS = "logits"  # what a student learns of its teacher, unless it is a layer
DISTILLED = ("distil", "teacher_layer", "distil_temperature", "distil_weight")
TEMPERATURE, WEIGHT = 4.0, 0.9  # of distillation, as usual
MOMENTUM, DECAY = 0.9, 0.1  # as in He et al.

Layers = Annotated[
    Literal["auto"] | Annotated[List[str], Field(min_length=1)],
    Field(
        description="`auto`, 6 to 10 layers that a reader of the architecture would name, or the "
        "names of the modules whose outputs are recorded."
    ),
]
Layout = Annotated[
    Literal["auto", "channels_first", "channels_last"],
    Field(
        description="Axes of maps behind that of images, (channel, row, col) or (row, col, "
        "channel), of layers where images of two sizes do not tell.",
        exclude_if=lambda layout: layout == "auto",
    ),
]


def _of_unit_images(values: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse statistics of images in 0 to 255: none of images in [0, 1] is above 1."""
    if max(map(abs, values)) > 1:
        raise PydanticCustomError(
            "byte_statistics",
            "{values} is for images of 0 to 255; networks here get images in [0, 1]. Divide mean "
            "and std by 255: {divided}.",
            {
                "values": [*values],
                "divided": "[" + ", ".join(f"{value / 255:.5g}" for value in values) + "]",
            },
        )
    return values


PerChannel = Annotated[
    Annotated[
        Tuple[Annotated[Number, Field(json_schema_extra={"minimum": -1, "maximum": 1})]],
        Field(min_length=3, max_length=3),
        AfterValidator(_of_unit_images),
    ]
    | None,
    Field(
        description="Three numbers, per colour channel of images in [0, 1]; empty for the usual "
        "ones."
    ),
]
PositivePerChannel = Annotated[
    Annotated[
        Tuple[Annotated[Number, Field(gt=0, json_schema_extra={"maximum": 1})]],
        Field(min_length=3, max_length=3),
        AfterValidator(_of_unit_images),
    ]
    | None,
    Field(
        description="Three positive numbers, per colour channel of images in [0, 1]; empty for "
        "the usual ones."
    ),
]
Outputs = Annotated[
    Literal["auto", "imagenet", "classes", "numbers"] | Annotated[Tuple[str], Field(min_length=2)],
    Field(
        description="What the outputs are, so that images can be called right or wrong: their "
        "names, in order, of which some are classes of the dataset; `imagenet`, synsets and names "
        "of ImageNet; `classes`, those of the dataset in the order of texts (0, 1, 10, 2), as "
        "torchvision's ImageFolder takes it; `numbers`, classes are called by the numbers of "
        "outputs; `auto`, found by the names of the weights, of ImageNet, by number or order.",
        exclude_if=lambda outputs: outputs == "auto",
    ),
]
OwnDesigns = Annotated[
    List[str] | None,
    Field(
        description="Designs that sample the network, or empty for all; with none only `spatial` "
        "does."
    ),
]
OwnPoints = Annotated[
    PowerOfTwo | None,
    Field(
        description="Base points of every replicate for this network, instead of those of the "
        "designs.",
        exclude_if=lambda points: points is None,
    ),
]
Speed = Annotated[
    Annotated[Number, Field(gt=0)] | None,
    Field(
        description="Images that pass augmentations and network every second on the device that "
        "will run them, instead of what `snakemake plan` measured; sizes automatic shards.",
        exclude_if=lambda speed: speed is None,
    ),
]


def _usual_width(given: dict[str, Any]) -> int:
    return WIDTHS.get(given["architecture"], 8)


def _usual_depth(given: dict[str, Any]) -> int:
    return DEPTHS.get(given["architecture"], 0)


def _usual_widening(given: dict[str, Any]) -> int:
    return WIDENINGS.get(given["architecture"], 0)


class Trained(Section):
    """A network trained on the dataset."""

    kind: Literal["trained"] = "trained"
    architecture: Literal["compact", "bag", "resnet", "wide_resnet"] = Field(
        default="compact",
        description="`compact`, an ordinary small network; `bag`, a bag of local features: its "
        "logits are the mean of what it sees in small windows; `resnet` and `wide_resnet`, the "
        "residual networks for images of 32 pixels of He et al. and of Zagoruyko & Komodakis.",
    )
    receptive_field: Literal[5, 9, 17, 33] = Field(
        default=9, description="Side of the windows of a `bag`, pixels."
    )
    layers: Layers = "auto"
    width: Integer = Field(
        default_factory=_usual_width,
        ge=1,
        description="Channels of the first stage, of a `wide_resnet` before it; left out, it is "
        "8, of residual networks 16.",
    )
    depth: Integer = Field(
        default_factory=_usual_depth,
        ge=0,
        description="Layers with weights: 6 n + 2 of a `resnet`, left out 56; 6 n + 4 of a "
        "`wide_resnet`, left out 28.",
        exclude_if=lambda depth: depth == 0,
    )
    widening: Integer = Field(
        default_factory=_usual_widening,
        ge=0,
        description="How many times wider the stages of a `wide_resnet` are than those of a "
        "`resnet`; left out, it is 10.",
        exclude_if=lambda widening: widening == 0,
    )
    dropout: Number = Field(
        default=0,
        ge=0,
        lt=1,
        description="Share of activations left out inside the blocks of a `wide_resnet` while "
        "it is trained.",
        exclude_if=lambda dropout: dropout == 0,
    )
    epochs: Integer = Field(default=8, ge=1, description="Passes over the train images.")
    batch_size: Integer = Field(default=128, ge=1, description="Images per step.")
    learning_rate: Number = Field(default=0.005, gt=0, description="Its highest value.")
    weight_decay: Number = Field(
        default=0.01, ge=0, description="Of the optimizer: decoupled of `adamw`, L2 of `sgd`."
    )
    optimizer: Literal["adamw", "sgd"] = Field(
        default="adamw",
        description="`adamw`, or `sgd`, stochastic gradient descent with momentum.",
        exclude_if=lambda optimizer: optimizer == "adamw",
    )
    momentum: Number = Field(
        default=MOMENTUM,
        ge=0,
        lt=1,
        description="Of `sgd`.",
        exclude_if=lambda momentum: momentum == MOMENTUM,
    )
    nesterov: bool = Field(
        default=False,
        description="Whether the momentum of `sgd` is Nesterov's.",
        exclude_if=lambda nesterov: not nesterov,
    )
    schedule: Literal["one_cycle", "steps"] = Field(
        default="one_cycle",
        description="Of the learning rate: `one_cycle` rises to it and falls to nothing; `steps` "
        "begins with it and falls at the milestones.",
        exclude_if=lambda schedule: schedule == "one_cycle",
    )
    milestones: List[Annotated[Integer, Field(ge=1)]] = Field(
        default=(),
        description="Epochs, ascending, after which `steps` lowers the learning rate.",
        exclude_if=lambda milestones: not milestones,
    )
    decay: Number = Field(
        default=DECAY,
        gt=0,
        lt=1,
        description="What the learning rate is multiplied by at every milestone.",
        exclude_if=lambda decay: decay == DECAY,
    )
    augment: Literal["shift", "crop_flip"] = Field(
        default="shift",
        description="How train images vary: `shift` moves all of a batch alike by up to a 16th of "
        "the side, the border repeated; `crop_flip` moves every image by itself by up to an 8th, "
        "mean colour behind the border, and mirrors half of them.",
        exclude_if=lambda augment: augment == "shift",
    )
    learns: Literal["class", "background"] = Field(
        default="class",
        description="What it is trained to tell: the `class`; or, of the dataset of digits, the "
        "`background`, which of the photographs is behind the digit. Its outputs are photographs "
        "then, and no class is one of them.",
        exclude_if=lambda learns: learns == "class",
    )
    checkpoints: List[Annotated[Integer, Field(ge=0)]] = Field(
        default=(),
        description="Epochs, ascending, after which the state of the training is kept; 0 is "
        "before the first.",
        exclude_if=lambda epochs: not epochs,
    )
    teacher: str | None = Field(
        default=None,
        description="Another network of the study that it learns from, beside the labels.",
        exclude_if=lambda teacher: teacher is None,
    )
    distil: Annotated[str, Field(min_length=1)] = Field(
        default=LOGITS,
        description="What it learns of its teacher: `logits`, or the name of a layer of its own, "
        "whose features are to be linear in those of the teacher.",
        exclude_if=lambda distil: distil == LOGITS,
    )
    teacher_layer: str | None = Field(
        default=None,
        description="What that layer is called in the teacher, if it has another name there.",
        exclude_if=lambda layer: layer is None,
    )
    distil_temperature: Number = Field(
        default=TEMPERATURE,
        gt=0,
        description="What logits of both are divided by where they are compared.",
        exclude_if=lambda temperature: temperature == TEMPERATURE,
    )
    distil_weight: Number = Field(
        default=WEIGHT,
        ge=0,
        le=1,
        description="Share of the teacher in the loss; the rest is that of the labels.",
        exclude_if=lambda weight: weight == WEIGHT,
    )
    mean: PerChannel = None
    std: PositivePerChannel = None
    designs: OwnDesigns = None
    base_points: OwnPoints = None
    images_per_second: Speed = None

    @property
    def taught(self) -> dict[str, Any]:
        """What the network learns of its teacher, and how; nothing without one."""
        keys = ("teacher", *DISTILLED)
        return {key: getattr(self, key) for key in keys} if self.teacher else {}

    @property
    def outputs(self) -> tuple[str, ...] | None:
        """Nothing to say if they are the classes that it was trained on, or else their names."""
        if self.learns == "class":
            return None
        from actsense.data.photographs import PHOTOGRAPHS  # only this needs what reads images

        return tuple(PHOTOGRAPHS)


class Torchvision(Section):
    """Any classifier of torchvision."""

    kind: Literal["torchvision"] = "torchvision"
    model: str = Field(description="Its name in torchvision, such as `alexnet`.")
    weights: str = Field(
        default="DEFAULT",
        description="`DEFAULT`, another weights name of the model, `none`, or a file.",
    )
    layers: Layers = "auto"
    outputs: Outputs = "auto"
    layout: Layout = "auto"
    mean: PerChannel = None
    std: PositivePerChannel = None
    designs: OwnDesigns = None
    base_points: OwnPoints = None
    images_per_second: Speed = None


class Timm(Section):
    """Any classifier of timm, PyTorch Image Models."""

    kind: Literal["timm"] = "timm"
    model: str = Field(
        description="Its name in timm, such as `resnet50`, or with the tag of published weights, "
        "`resnet50.a1_in1k`."
    )
    weights: str = Field(
        default="DEFAULT",
        description="`DEFAULT`, another tag of the model's published weights, `none`, a file, or "
        "`packaged`: ImageNet weights of `tf_efficientnet_lite0` that need no download.",
    )
    layers: Layers = "auto"
    outputs: Outputs = "auto"
    layout: Layout = "auto"
    mean: PerChannel = None
    std: PositivePerChannel = None
    designs: OwnDesigns = None
    base_points: OwnPoints = None
    images_per_second: Speed = None


class Python(Section):
    """A module of your own."""

    kind: Literal["python"] = "python"
    factory: str = Field(description="`module:callable` that returns a torch.nn.Module.")
    arguments: dict[str, Any] = Field(default={}, description="Keyword arguments of the callable.")
    weights: str = Field(
        default="none",
        description="`none`, as the callable leaves them, or the file of a state dict or of a "
        "checkpoint that holds one, also `.safetensors`.",
    )
    layers: Layers = "auto"
    outputs: Outputs = "auto"
    layout: Layout = "auto"
    mean: PerChannel = None
    std: PositivePerChannel = None
    designs: OwnDesigns = None
    base_points: OwnPoints = None
    images_per_second: Speed = None


NetworkSettings = Annotated[
    Trained | Torchvision | Timm | Python | Published, Field(discriminator="kind")
]


def checkpoint_epochs(settings: NetworkSettings) -> tuple[int, ...]:
    """Return the epochs after which the state of a training is kept, ascending; often none."""
    return settings.checkpoints if isinstance(settings, Trained) else ()


def teacher_of(settings: NetworkSettings) -> list[str]:
    """Name the network that one learns from; often none."""
    own = settings.teacher if isinstance(settings, Trained) else None
    return [] if own is None else [own]


def weights_file(settings: NetworkSettings) -> Path | None:
    """Return the file that the weights of a network are read from, there or not yet.

    Of torchvision's and timm's networks, a word without dots and slashes is a published set,
    unless a file is called so.
    """
    if isinstance(settings, Trained) or settings.weights == "none":
        return None
    path = Path(settings.weights).expanduser()
    published = not isinstance(settings, Python) and re.fullmatch(r"\w+", settings.weights)
    return None if published and not path.is_file() else path


def read_network(plain: Mapping[str, Any]) -> NetworkSettings:
    """Return the settings of a network from plain values, among which its `name` may stand."""
    own = {key: value for key, value in plain.items() if key != "name"}
    return TypeAdapter[NetworkSettings](NetworkSettings).validate_python(own)
