"""The intervals of rank correlations."""

__all__ = ["Correlation"]

from pydantic import Field

from actsense.settings import Integer, Section


class Correlation(Section):
    """Rank correlations between the maps."""

    bootstrap: Integer = Field(
        default=1000,
        ge=100,
        description="Resamples of positions or units behind the intervals.",
    )
