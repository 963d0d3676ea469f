"""What a library says of the weights that it publishes."""

__all__ = ["Expected", "Published"]

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor


@dataclass(frozen=True)
class Expected:
    """What the weights of a library expect and return.

    Attributes:
        mean: Per colour channel of images in [0, 1].
        std: Like it.
        image_size: Side of the images that the weights were published for, pixels.
        outputs: Number of outputs; None where a file or the dataset decides it.
        classes: Names of the outputs, None where nobody has published them.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    image_size: int | None
    outputs: int | None
    classes: list[str] | None


@dataclass(frozen=True)
class Published:
    """Weights that can be downloaded.

    Attributes:
        name: What the library calls them.
        source: Their address, or their place on a hub.
        fetch: Downloads them into an empty folder, checks their hash and returns their state
            dict; raises OSError, HTTPException or RuntimeError.
    """

    name: str
    source: str
    fetch: Callable[[Path], dict[str, Tensor]]
