"""How often random sets of classes are drawn."""

__all__ = ["SingleClass"]

from typing import Literal

from pydantic import Field

from actsense.settings import Integer, Section, added


class SingleClass(Section):
    """Classes that are most sensitive, and what the damaged network predicts."""

    null_draws: Integer = Field(
        default=10000,
        ge=100,
        description="Random sets of classes that the predictions are compared with.",
    )
    ranking: Literal["bound", "index"] = added(
        "bound",
        description="`bound`: classes rank by the lower end of the interval of index times "
        "variance. `index`: by the index alone, as published, which noise leads.",
    )
