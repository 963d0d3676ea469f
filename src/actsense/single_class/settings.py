"""How often random sets of classes are drawn."""

__all__ = ["SingleClass"]

from pydantic import Field

from actsense.settings import Integer, Section


class SingleClass(Section):
    """Classes that are most sensitive, and what the damaged network predicts."""

    null_draws: Integer = Field(
        default=10000,
        ge=100,
        description="Random sets of classes that the predictions are compared with.",
    )
