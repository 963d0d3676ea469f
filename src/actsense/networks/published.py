"""A network of which there are published values alone: nothing of it can be built."""

__all__ = ["Published"]

from typing import ClassVar, Literal

from pydantic import Field

from actsense.settings import List, Section


class Published(Section):
    """A network of which there are published values alone, imported by `actsense import`."""

    kind: Literal["published"] = "published"
    designs: List[str] | None = Field(
        default=None, description="Designs that there are values of, or empty for all."
    )
    # What networks that are built have settings for.
    base_points: ClassVar[None] = None
    images_per_second: ClassVar[None] = None
    layers: ClassVar[Literal["auto"]] = "auto"
    weights: ClassVar[str] = "none"
    outputs: ClassVar[Literal["auto"]] = "auto"
    layout: ClassVar[Literal["auto"]] = "auto"
    mean: ClassVar[None] = None
    std: ClassVar[None] = None
