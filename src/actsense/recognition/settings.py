"""How often the discriminant analysis is fitted."""

__all__ = ["Recognition"]

from pydantic import Field

from actsense.settings import Integer, Section


class Recognition(Section):
    """Linear discriminant analysis, which factor produced a map?"""

    folds: Integer = Field(
        default=5,
        ge=2,
        description="Folds of the cross-validation; the maps of a channel share a fold.",
    )
    repeats: Integer = Field(
        default=10, ge=1, description="Cross-validations, each with other folds."
    )
    permutations: Integer = Field(
        default=100,
        ge=20,
        description="Cross-validations with labels shuffled within channels, for the null.",
    )
