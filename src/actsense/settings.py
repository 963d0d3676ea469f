"""What all settings have in common: frozen, strict, and described where they are defined.

A section of the configuration is a `Section`, beside the study that it belongs to; its docstring
and the descriptions of its fields are what users read. Values are taken as they are written: a
text is no number, true and false are no integers, and numbers are finite.
"""

__all__ = [
    "Integer",
    "List",
    "Number",
    "PowerOfTwo",
    "Resamples",
    "Section",
    "Tuple",
    "ValidationImages",
    "added",
]

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WrapValidator
from pydantic_core import PydanticCustomError

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)


def added(default: Any, **described: Any) -> Any:
    """Declare a key that came later than results of its section.

    At its default it is left out wherever settings are written down, so that results made before
    there was such a key are up to date.

    Arguments:
        default: What results before it were made with.
        described: The rest of the field.
    """
    return Field(default=default, exclude_if=lambda value: value == default, **described)


def _name_the_kind(schema: dict[str, Any]) -> None:
    """Require the key that says which of several sections is meant."""
    if "kind" in schema["properties"]:
        schema["required"] = ["kind", *schema.get("required", ())]


class Section(BaseModel):
    """One section of a configuration."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        json_schema_extra=_name_the_kind,
    )

    def replaced(self, **changes: Any) -> Self:
        """Return the section with other values under some of its keys."""
        return type(self).model_validate(self.plain() | changes)

    def plain(self) -> dict[str, Any]:
        """Return the section as it would be written in YAML, with every default not `added`."""
        return {key: _plain(value) for key, value in self.model_dump().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [*map(_plain, value)] if isinstance(value, list | tuple) else value


def _whole(value: Any) -> Any:
    """Take 1.0 for 1, as YAML's own schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unchanged(value: Any, check: Callable[[Any], float]) -> Any:
    """Keep an integer that is a number an integer, so that it is written as it was given."""
    check(value)
    return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _different(values: tuple[H, ...]) -> tuple[H, ...]:
    if repeated := [value for value, count in Counter(values).items() if count > 1]:
        raise PydanticCustomError("repeated", "{value} is there twice", {"value": repeated[0]})
    return values


def _power_of_two(points: int) -> int:
    if points & (points - 1):
        lower = 1 << (points.bit_length() - 1)
        raise PydanticCustomError(
            "power_of_two",
            "{points} is not a power of two, which the balance of Sobol' points needs. "
            "Nearest: {lower}, {upper}.",
            {"points": points, "lower": lower, "upper": 2 * lower},
        )
    return points


Integer = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[float, WrapValidator(_unchanged)]
PowerOfTwo = Annotated[Integer, Field(ge=2), AfterValidator(_power_of_two)]
Tuple = Annotated[tuple[T, ...], BeforeValidator(_tuple)]
# Of different things.
List = Annotated[
    Tuple[H], AfterValidator(_different), Field(json_schema_extra={"uniqueItems": True})
]
ValidationImages = Annotated[
    Integer, Field(ge=2, description="Validation images, taken in turn from every class.")
]
Resamples = Annotated[
    Integer, Field(ge=100, description="Resamples of images behind the intervals.")
]
