"""Everything that decides the numbers, and how they are made."""

__all__ = ["LONGEST", "Notebooks", "Settings"]

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from actsense.correlation.settings import Correlation
from actsense.data.settings import Dataset
from actsense.drawing.settings import Figures
from actsense.featvis.settings import Featvis
from actsense.invariance.settings import Invariance
from actsense.layout import LONGEST, NAME
from actsense.masking.settings import Masking
from actsense.networks.settings import NetworkSettings
from actsense.patterns.settings import Patterns
from actsense.recognition.settings import Recognition
from actsense.sampling.settings import DesignSettings
from actsense.segments.settings import Segments
from actsense.sensitivity.settings import Contrast
from actsense.settings import Integer, Number, Section
from actsense.single_class.settings import SingleClass
from actsense.spatial.settings import Spatial


def _name(given: str) -> str:
    if not re.fullmatch(NAME, given):
        raise PydanticCustomError("name", "refused by _name")
    return given


Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": NAME})]


class Notebooks(Section):
    """What the notebooks show beside the study."""

    published: str | None = Field(
        default=None,
        description="Folder of published value files to set beside the indices of the study.",
    )


class Settings(Section):
    """Everything that decides the numbers, and how they are made."""

    study: Name = Field(description="Name of the study; its results go to `results/<study>`.")
    seed: Integer = Field(
        default=0,
        ge=0,
        description="The one seed behind splits, training, designs and image order.",
    )
    dataset: Dataset
    networks: dict[Name, NetworkSettings] = Field(
        min_length=1,
        description="The networks to study, by name; their `kind` decides which keys they take.",
    )
    designs: dict[Name, DesignSettings] = Field(
        description="Groups of augmentations that act together, by name; `{}` where only the "
        "studies beside the indices are asked for, such as `spatial`."
    )
    contrast: Contrast = Contrast()
    correlation: Correlation = Correlation()
    lda: Recognition = Recognition()
    masking: Masking = Masking()
    single_class: SingleClass = SingleClass()
    segments: Segments = Segments()
    spatial: Spatial = Spatial()
    patterns: Patterns = Patterns()
    featvis: Featvis = Featvis()
    invariance: Invariance = Invariance()
    activations: Literal["store", "stream"] = Field(
        default="store",
        description="`store` writes activations to disk between two jobs and deletes them when "
        "they are used; `stream` never writes them. The numbers are the same.",
    )
    keep_activations: bool = Field(
        default=False,
        description="Keep the stored activations; docs/api.md says how they are read.",
    )
    store_budget_gb: Number = Field(
        default=20,
        gt=0,
        description="Gigabytes of activations that may be on disk at a time.",
    )
    job_minutes: Number = Field(
        default=60,
        gt=0,
        description="Longest time of a job of sampling, contrasts or masks, as far as the speed "
        "of the network is known: stated as `images_per_second`, or kept by `snakemake plan`. "
        "Another number makes again what took longer, so settle it before a long run.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="Where networks run; `auto` takes a CUDA device where there is one.",
    )
    precision: Literal["float32", "tf32", "bfloat16", "float16"] = Field(
        default="float32",
        description="What networks compute in; activations are recorded as float32. `float32` is "
        "exact; `tf32` is faster on CUDA devices and rounds factors to 10 bits; `bfloat16` and "
        "`float16` are PyTorch's autocast, faster still and coarser.",
    )
    batch_size: Integer = Field(
        default=256,
        ge=1,
        description="Images per forward pass; halved by itself where the device has too little "
        "memory.",
    )
    memory_gb: Number = Field(
        default=3,
        ge=1,
        description="Gigabytes that a job may take where it can choose: it walks units and base "
        "points in tiles that fit. No number depends on it. On a CUDA device a job takes most of "
        "the memory of that device.",
    )
    figures: Figures = Figures()
    notebooks: Notebooks = Notebooks()
