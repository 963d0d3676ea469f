"""Settings of a flow and of its training."""

__all__ = ["Embedder", "FlowSettings", "FlowTraining"]

from typing import Annotated, Literal

from pydantic import Field

from actsense.settings import Integer, Number, Section, Tuple

Positive = Annotated[Integer, Field(ge=1)]
Share = Annotated[Number, Field(ge=0, lt=1)]


class Embedder(Section):
    """What a representation is summed up by for the flow."""

    size: Positive | None = Field(
        default=None,
        description="Numbers that a representation is embedded into; empty for as many as the "
        "latent has.",
    )
    depth: Annotated[Integer, Field(ge=2)] = Field(
        default=4,
        description="Widths of the network that embeds a vector, evenly spaced from its length "
        "to `size`.",
    )
    widths: Tuple[Positive] | None = Field(
        default=None, description="Widths between these two, in place of `depth`."
    )
    halvings: Annotated[Integer, Field(ge=0)] | None = Field(
        default=None,
        description="How often the sides of a map are halved before it is read as a whole; empty "
        "until four places or fewer are left, and five times at most.",
    )
    channels: Positive = Field(
        default=64, description="Channels after the first halving; each further one doubles them."
    )
    channels_most: Positive = Field(default=1024, description="Channels at most.")
    noise: Annotated[Number, Field(ge=0)] = Field(
        default=0.0,
        description="Noise on representations in training, against learning them by heart, in "
        "standard deviations of a channel.",
    )


class FlowTraining(Section):
    """How a flow is trained."""

    steps: Positive = Field(default=4000, description="Steps at most.")
    batch_size: Annotated[Integer, Field(ge=2)] = Field(
        default=256, description="Latents in a step."
    )
    learning_rate: Annotated[Number, Field(gt=0)] = Field(
        default=1e-3, description="Length of the first steps; falls as a cosine."
    )
    final_rate: Annotated[Number, Field(ge=0, le=1)] = Field(
        default=0.01,
        description="What is left of it in the last step, as a share; 1 for no decay.",
    )
    betas: Annotated[Tuple[Share], Field(min_length=2, max_length=2)] = Field(
        default=(0.9, 0.99), description="Memories of Adam."
    )
    weight_decay: Annotated[Number, Field(ge=0)] = Field(
        default=0.0, description="Decay of the weights of matrices and kernels, as in AdamW."
    )
    clip: Annotated[Number, Field(gt=0)] | None = Field(
        default=10.0, description="Largest norm of a gradient; empty for any."
    )
    average: Share = Field(
        default=0.995,
        description="Memory of the moving average of weights that is kept; 0 for the last ones.",
    )
    check_every: Positive = Field(
        default=100, description="Steps from one look at the validation images to the next."
    )
    looked_at: Annotated[Integer, Field(ge=2)] = Field(
        default=2048, description="Validation images that are looked at, evenly spaced, at most."
    )
    patience: Positive | None = Field(
        default=10,
        description="Looks without a higher likelihood after which training stops; empty for "
        "never. The best weights are kept either way.",
    )


class FlowSettings(Section):
    """A conditional invertible network, and its training."""

    blocks: Positive = Field(default=8, description="Blocks of the network.")
    width: Positive = Field(default=128, description="Hidden units of a block's networks.")
    hidden: Annotated[Integer, Field(ge=0)] = Field(
        default=1, description="Layers between the first and the last of a block's networks."
    )
    bound: Annotated[Number, Field(gt=0)] = Field(
        default=2.0, description="Largest logarithm of what a coupling scales by."
    )
    networks: Literal["shared", "separate"] = Field(
        default="shared",
        description="One network for shift and scale of a half, or one for each, as published.",
    )
    embedder: Embedder = Embedder()
    training: FlowTraining = FlowTraining()
