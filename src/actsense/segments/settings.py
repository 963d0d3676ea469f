"""How many channels form a segment, and how often it is sampled."""

__all__ = ["Segments"]

from pydantic import Field

from actsense.settings import Integer, PowerOfTwo, Section, added


class Segments(Section):
    """Parts of the network that see one colour channel alone."""

    channels: Integer = Field(
        default=2,
        ge=1,
        description="Channels chosen per factor and layer, by their index times their variance.",
    )
    units: dict[str, str] = added(
        {},
        description="By network, a JSON file that lists its segments and their channels instead, "
        "as published or as an own `units.json`; only those are sampled.",
    )
    base_points: PowerOfTwo = Field(
        default=1024, description="Base points of every replicate; a power of two."
    )
    bootstrap: Integer = Field(
        default=1000,
        ge=100,
        description="Resamples of channels behind the intervals of the comparisons.",
    )
