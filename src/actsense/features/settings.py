"""The settings of an attack on images, and how many are looked at to choose them."""

__all__ = ["SEARCHED", "Attack"]

from typing import Annotated, Literal

from pydantic import Field

from actsense.settings import Integer, Number, Section

LINF, L2 = 8 / 255, 1 / 64  # usual epsilons; of L2 per pixel of a side: 0.5 at 32 pixels
SEARCHED = 4  # times the images, where classes are what the network says of them
REACH = 2.5  # times epsilon that all steps together go by default, so that they can turn


class Attack(Section):
    """Images changed within a small distance until the network says something else.

    Projected gradient descent: steps along the gradient of the loss, projected onto the ball
    around the image.
    """

    norm: Literal["linf", "l2"] = Field(
        default="linf",
        description="What measures how far an image is moved: its largest change of a value, or "
        "the root of the sum of squares of all.",
    )
    epsilon: Annotated[Number, Field(gt=0)] | None = Field(
        default=None,
        description="How far at most, of values in [0, 1]; empty for 8/255, or with `l2` for a "
        "64th of the side in pixels.",
    )
    step: Annotated[Number, Field(gt=0)] | None = Field(
        default=None, description="How far a step goes; empty for 2.5 epsilon / steps."
    )
    steps: Integer = Field(default=20, ge=1, description="Steps of the attack.")
    recorded: Integer = Field(
        default=10,
        ge=1,
        description="How many of them are recorded, equally spaced, the last among them.",
    )
    targeted: bool = Field(
        default=False,
        description="Whether every image is moved towards a class drawn for it, not only away "
        "from its own.",
    )
    random_start: bool = Field(
        default=True, description="Whether it starts at a random place within the distance."
    )

    def radius(self, side: int) -> float:
        """Return epsilon for images of that side, pixels."""
        usual = LINF if self.norm == "linf" else L2 * side
        return usual if self.epsilon is None else float(self.epsilon)

    def pace(self, side: int) -> float:
        """Return the length of a step for images of that side, pixels."""
        usual = REACH * self.radius(side) / self.steps
        return usual if self.step is None else float(self.step)

    @property
    def kept(self) -> tuple[int, ...]:
        """The steps that are recorded, counted from 1, ascending."""
        count = min(self.recorded, self.steps)
        return tuple(-(-self.steps * (k + 1) // count) for k in range(count))
