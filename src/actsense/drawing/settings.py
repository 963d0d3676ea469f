"""How figures are drawn."""

__all__ = ["Figures"]

from pydantic import Field

from actsense.settings import Integer, Section


class Figures(Section):
    """What the figures show; changing it draws figures again and nothing else."""

    units: Integer = Field(
        default=6, ge=1, le=12, description="Most sensitive units shown per factor map."
    )
    dpi: Integer = Field(default=150, ge=50, le=600, description="Dots per inch of the PNG files.")
