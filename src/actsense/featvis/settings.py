"""The settings of feature visualisation: of which targets pictures are made, and how."""

__all__ = [
    "Facets",
    "Featvis",
    "Objective",
    "Picture",
    "PositiveRamp",
    "Ramp",
    "Scheduled",
    "Search",
    "Units",
]

from typing import Annotated, Literal

from pydantic import Field

from actsense.settings import Integer, List, Number, Resamples, Section


class Ramp(Section):
    """A number that changes evenly from the first iteration to the last."""

    start: Annotated[Number, Field(ge=0)]
    end: Annotated[Number, Field(ge=0)]

    def at(self, iteration: int, iterations: int) -> float:
        """Return the number at an iteration, counted from 1."""
        passed = (iteration - 1) / max(1, iterations - 1)
        return float(self.start + (self.end - self.start) * passed)


class PositiveRamp(Ramp):
    """A number above 0 that changes evenly from the first iteration to the last."""

    start: Annotated[Number, Field(gt=0)]
    end: Annotated[Number, Field(gt=0)]


Scheduled = Annotated[Number, Field(ge=0)] | Ramp
Positive = Annotated[Number, Field(gt=0)] | PositiveRamp


class Facets(Section):
    """How images are split by what a layer responds to, and what is taken from each part."""

    count: Literal["auto"] | Annotated[Integer, Field(ge=1)] = Field(
        default="auto",
        description="How many facets; `auto`, as many as part the images best, by silhouette, "
        "and leave each its members.",
    )
    most: Annotated[Integer, Field(ge=2)] = Field(
        default=8, description="The most facets that `auto` tries."
    )
    members: Annotated[Integer, Field(ge=1)] = Field(
        default=10, description="Images that a facet's response is the weighted mean of."
    )
    channels: Literal["auto"] | Annotated[Integer, Field(ge=1)] = Field(
        default="auto",
        description="Channels that the picture of a facet drives; `auto`, one in forty, but 4 at "
        "least and 50 at most.",
    )
    components: Annotated[Integer, Field(ge=1)] = Field(
        default=50, description="Principal components that images are compared in, at most."
    )
    space: Literal["pca", "tsne"] = Field(
        default="pca",
        description="Where images are split: among principal components, or in the plane of a "
        "t-SNE, as published.",
    )
    choice: Literal["nearest", "farthest"] = Field(
        default="nearest",
        description="Members of a facet: the nearest to its centre among its own, or the "
        "farthest among all, as the published code takes them.",
    )
    weights: Literal["softmax", "inverse"] = Field(
        default="softmax",
        description="Weights of members at distance d: exp(-d / spread of the distances), or "
        "exp(1 / d), as published.",
    )
    rank: Literal["contrast", "response"] = Field(
        default="contrast",
        description="Channels are chosen that respond to the facet more than to all images, in "
        "standard deviations, or that respond most, as published.",
    )


class Units(Section):
    """Units that feel a factor most, and least, by their indices."""

    factor: str = Field(description="The factor, such as an augmentation of a design.")
    by: Literal["shapley", "S1", "ST"] = Field(
        default="shapley", description="The index that says how much a unit feels the factor."
    )
    design: str | None = Field(
        default=None,
        description="The design whose indices are read; empty for the first of the network's that "
        "has the factor.",
    )
    layers: Annotated[List[str], Field(min_length=1)] | None = Field(
        default=None, description="Layers that units are taken from; empty for all with positions."
    )
    top: Annotated[Integer, Field(ge=1)] = Field(
        default=6, description="Units that feel it most, one of a channel at most."
    )
    controls: Annotated[Integer, Field(ge=0)] = Field(
        default=6,
        description="Units of the same layers that feel it least, which the others are compared "
        "with.",
    )


class Objective(Section):
    """What a picture is good at."""

    power: Annotated[Number, Field(ge=0)] = Field(
        default=1.0,
        description="Activations of a facet's channels are multiplied by this power of the "
        "response's cosine with that of the facet.",
    )
    distance: Literal["charbonnier", "huber", "l2", "l1", "cosine", "distribution"] = Field(
        default="charbonnier",
        description="What the response of a picture differs from that of its facet by; "
        "`distribution`, between sorted activations over all places, channel by channel.",
    )
    balance: Annotated[Number, Field(ge=0)] = Field(
        default=1.0,
        description="Length of the distance's gradient in lengths of the activation's, at the "
        "start; 0 for activations alone.",
    )
    penalty: str | None = Field(
        default=None,
        description="Name of a module whose input is kept small, or empty.",
    )
    penalty_weight: Scheduled = Field(
        default=0.0001, description="Weight of the mean size of that input."
    )
    variation: Annotated[Number, Field(ge=0)] = Field(
        default=0.0, description="Weight of differences between neighbouring pixels."
    )
    diversity: Annotated[Number, Field(ge=0)] = Field(
        default=1.0,
        description="Weight of how alike several pictures of a target are to the layer; needs "
        "`variants` of two or more.",
    )


class Picture(Section):
    """What is changed to make a picture, and where it starts."""

    model: Literal["fourier", "pixels", "maco"] = Field(
        default="fourier",
        description="Waves of decorrelated colours; pixels; or phases of waves alone, at the "
        "magnitudes of the study's images.",
    )
    start: Literal["mean", "image", "grey", "noise"] = Field(
        default="mean",
        description="The weighted mean of a facet's members, or of a unit's strongest images; "
        "the first of them; grey; or noise.",
    )
    decay: Annotated[Number, Field(ge=0)] = Field(
        default=1.2, description="Waves of frequency f are scaled by f to minus this power."
    )


class Search(Section):
    """How a picture is looked for; numbers with a start and an end change evenly between them."""

    iterations: Annotated[Integer, Field(ge=1)] = Field(default=256, description="Steps.")
    optimiser: Literal["adam", "sgd"] = Field(
        default="adam", description="Adam, or steps with Nesterov's momentum, as published."
    )
    learning_rate: Scheduled | None = Field(
        default=None, description="Length of a step; empty for what suits optimiser and picture."
    )
    jitter_px: Annotated[Integer, Field(ge=0)] | None = Field(
        default=None,
        description="Pixels that the picture is moved by at random in every iteration, at most; "
        "empty for a sixteenth of its side.",
    )
    zoom: Annotated[Number, Field(ge=0, lt=1)] = Field(
        default=0.05, description="Share that it is enlarged or reduced by, at most."
    )
    rotation_degrees: Annotated[Number, Field(ge=0, le=180)] = Field(
        default=5.0, description="Degrees that it is turned by, at most."
    )
    mask_sigma_px: Positive | None = Field(
        default=None,
        description="Standard deviation of a window around the centre that gradients, blur and "
        "denoising are weighted with, pixels; empty for none.",
    )
    blur_sigma_px: Scheduled | None = Field(
        default=None, description="Standard deviation of a blur now and then, pixels."
    )
    blur_every: Annotated[Integer, Field(ge=1)] = Field(
        default=10, description="Iterations from one blur to the next."
    )
    denoise_weight: Positive | None = Field(
        default=None,
        description="Faithfulness of a denoising step by total variation now and then; small "
        "numbers are smoother.",
    )
    denoise_every: Annotated[Integer, Field(ge=1)] = Field(
        default=10, description="Iterations from one denoising to the next."
    )
    brightness_levels: Number = Field(
        default=5.0, description="Grey levels of 255 that the picture is brightened by at a time."
    )
    brightness_every: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None, description="Iterations from one brightening to the next; empty for none."
    )
    canvas: Annotated[Number, Field(ge=1)] = Field(
        default=1.0, description="Side of the canvas that the picture is a window of, in sides."
    )
    window: Annotated[Number, Field(ge=0)] = Field(
        default=0.4, description="Standard deviation of the window's place, in free margins."
    )
    window_every: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None, description="Iterations from one window to the next; empty for one alone."
    )


class Featvis(Section):
    """Pictures of what layers and units respond to."""

    networks: List[str] | None = Field(
        default=None,
        description="Networks that pictures are made of, or empty for all; `[]`, none.",
    )
    images: Annotated[Integer, Field(ge=4)] | Annotated[List[Integer], Field(min_length=4)] = (
        Field(
            default=500,
            description="Validation images that pictures are compared with, in turn from every "
            "class; or their rows in the manifest.",
        )
    )
    classes: Annotated[List[str], Field(min_length=1)] | None = Field(
        default=None, description="Names of the classes that these are of, or empty for all."
    )
    layers: Literal["auto"] | List[str] = Field(
        default="auto",
        description="Layers whose facets are drawn; `auto`, the last with positions, or with none "
        "the last.",
    )
    facets: Facets = Facets()
    units: Units | None = Field(
        default=None, description="Units that are drawn by their sensitivity, or empty for none."
    )
    channels: List[str] = Field(
        default=(),
        description="Layers of which every channel is drawn, or every unit of a vector.",
    )
    objective: Objective = Objective()
    picture: Picture = Picture()
    search: Search = Search()
    variants: Annotated[Integer, Field(ge=1)] = Field(
        default=1, description="Pictures of every target, which differ by `objective.diversity`."
    )
    seeds: Annotated[Integer, Field(ge=1)] = Field(
        default=2,
        description="Starts of every target, which tell how much a picture owes to chance; the "
        "first is shown.",
    )
    control: bool = Field(
        default=True,
        description="Whether facets are drawn once more by the same architecture with random "
        "weights.",
    )
    kept: Annotated[Integer, Field(ge=2)] = Field(
        default=5, description="Pictures that are kept on the way, with the start and the result."
    )
    bootstrap: Resamples = 2000
