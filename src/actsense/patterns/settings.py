"""The settings of the patterns study: which features, and what is made of them."""

__all__ = ["Patterns"]

from typing import Annotated, Literal

from pydantic import Field

from actsense.features.settings import Attack
from actsense.settings import Integer, List, Number, Resamples, Section


class Patterns(Section):
    """How visual patterns emerge over depth, over training, and under attack."""

    networks: List[str] | None = Field(
        default=None,
        description="Networks that are looked at, or empty for all that have layers with "
        "positions; with none the study is left out.",
    )
    images: Annotated[
        Integer, Field(ge=4, description="Validation images, taken in turn from every class.")
    ] = 500
    classes: Annotated[Integer, Field(ge=2)] | Annotated[List[str], Field(min_length=2)] = Field(
        default=10,
        description="How many classes at most, spread over all that the network knows, or their "
        "names; probabilities are among these alone.",
    )
    layers: Literal["auto"] | Annotated[List[str], Field(min_length=1)] = Field(
        default="auto",
        description="`auto`, at most four of the recorded layers with positions, spread over the "
        "depth, or the names of modules with positions.",
    )
    grid: Literal["auto"] | Annotated[Integer, Field(ge=1)] = Field(
        default="auto",
        description="Regions along a side, onto which the maps of all networks are averaged; "
        "`auto`, as many as the smallest of them has, at most 14.",
    )
    temperature: Number = Field(
        default=4.0,
        gt=0,
        description="What logits are divided by before they become probabilities.",
    )
    threshold: Number = Field(
        default=0.4,
        gt=0,
        le=1,
        description="Probability of a class from which on a region is a knowledge point.",
    )
    seeds: Integer = Field(
        default=8, ge=1, description="Starts of the embedding of images; the best is kept."
    )
    others: Integer = Field(
        default=100, ge=2, description="Images that the regions of an image are compared with."
    )
    controls: List[Literal["shuffled", "random", "regions"]] = Field(
        default=("shuffled", "random", "regions"),
        description="Null controls: probabilities `shuffled` among images, the same architecture "
        "with `random` weights, `regions` in a random order.",
    )
    baselines: List[Literal["pca", "tsne", "lle", "isomap"]] = Field(
        default=("pca", "tsne", "lle", "isomap"),
        description="Embeddings of the same features that the own one is compared with.",
    )
    bootstrap: Resamples = 2000
    attack: Attack = Attack()
