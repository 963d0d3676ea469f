"""Laws of the settings: what is written is what is meant, in whatever way it is written."""

from collections.abc import Iterator
from copy import deepcopy
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from actsense.errors import ConfigError
from actsense.study.configuration import check, filled
from actsense.study.schema import Schema, configuration_schema, resolved
from actsense.study.settings import Settings

REPOSITORY = Path(__file__).parents[2]
SCHEMA = configuration_schema()
INDEPENDENT = Draft202012Validator(SCHEMA)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,5}", fullmatch=True).map("n_{}".format)
ODD = [None, True, -1, 0, 1, 1.0, 2.5, 9.0, 10**6, "x", "", "auto", [], ["x", "x"], {}, {"x": 1}]
MISSING = object()
SMALL: dict[str, Any] = {
    "study": "small",
    "dataset": {"kind": "digits"},
    "designs": {"colour": {"augmentations": ["hue"], "base_points": 16}},
}
Path_ = tuple[str | int, ...]


def written(schema: Schema) -> SearchStrategy[Any]:
    """Draw what a part of the schema allows."""
    schema = resolved(schema, SCHEMA)
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return st.one_of([written(option) for option in schema[choice]])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    return {
        "object": lambda: mapping(schema),
        "array": lambda: st.lists(
            written(schema["items"]),
            min_size=schema.get("minItems", 0),
            max_size=schema.get("maxItems", schema.get("minItems", 0) + 2),
            unique_by=repr if "uniqueItems" in schema else None,
        ),
        "string": lambda: NAMES,
        "boolean": st.booleans,
        "null": st.none,
        "integer": lambda: st.integers(
            low := schema.get("minimum", 0), schema.get("maximum", low + 99)
        ).map(lambda number: number - (number - low) % schema.get("multipleOf", 1)),
        "number": lambda: st.floats(
            schema.get("minimum", schema.get("exclusiveMinimum", -9)),
            schema.get("maximum", schema.get("exclusiveMaximum", 99)),
            exclude_min="exclusiveMinimum" in schema,
            exclude_max="exclusiveMaximum" in schema,
        ),
    }[schema["type"]]()


def mapping(schema: Schema) -> SearchStrategy[dict[str, Any]]:
    """Draw a mapping with all keys that must be given, and some of the others."""
    if "properties" not in schema:
        inner = schema["additionalProperties"]
        each = written(inner) if isinstance(inner, dict) else st.integers()
        return st.dictionaries(NAMES, each, min_size=schema.get("minProperties", 0), max_size=2)
    values = {name: written(inner) for name, inner in schema["properties"].items()}
    if "base_points" in values:  # a power of two, which a schema cannot say
        values["base_points"] = st.integers(1, 20).map(lambda power: 2**power)
    if {"divisions", "modes"} <= {*values}:  # of shuffled patches
        values["divisions"] = values["divisions"].map(with_curves)
    must = {name: values.pop(name) for name in schema.get("required", ())}
    return st.fixed_dictionaries(must, optional=values)


def with_curves(divisions: list[Any]) -> list[Any]:
    """Add what a schema cannot ask of divisions: two squares, and none of them twice."""
    square = {
        repr(k[0]) if isinstance(k, list) and k[0] == k[1] else repr(k): k for k in divisions
    }
    return [*square.values(), 9991, 9992]


CONFIGURATIONS = mapping(SCHEMA)


def places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Yield where something stands, below a mapping or list."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in inside:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def changed(config: dict[str, Any], path: Path_, value: Any) -> dict[str, Any]:
    """Return a copy with another value at a place, or without it."""
    copy: Any = deepcopy(config)
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    if value is MISSING:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return dict(copy)


def accepted(config: dict[str, Any]) -> bool:
    try:
        Settings.model_validate(config)
    except ValidationError:
        return False
    return True


def demo() -> dict[str, Any]:
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    return filled(config, check(config))


def at(config: Any, path: Path_) -> Any:
    for key in path:
        config = config[key]
    return config


NUMBERS = [path for path in places(demo()) if type(at(demo(), path)) in (int, float)]
MAPPINGS = [(), *(path for path in places(demo()) if isinstance(at(demo(), path), dict))]


@settings(max_examples=40, deadline=None)
@given(CONFIGURATIONS)
def test_settings_survive_being_written_and_read(config: dict[str, Any]) -> None:
    own = Settings.model_validate(config)
    assert Settings.model_validate(own.plain()) == own
    once = filled(config, own)
    assert repr(filled(once, Settings.model_validate(once))) == repr(once)
    assert yaml.safe_load(yaml.safe_dump(once)) == once


@settings(deadline=None)
@given(CONFIGURATIONS, st.data())
def test_the_schema_and_the_settings_refuse_the_same(
    config: dict[str, Any], data: st.DataObject
) -> None:
    assert INDEPENDENT.is_valid(config)
    assert accepted(config)
    path = data.draw(st.sampled_from([*places(config)]))
    value = data.draw(st.sampled_from([MISSING, *ODD]))
    other = changed(config, path, value)
    if path[-1] != "base_points" or value in (None, MISSING) or isinstance(value, str | bool):
        assert accepted(other) == INDEPENDENT.is_valid(other), (path, value)


@pytest.mark.parametrize("path", NUMBERS, ids=lambda path: ".".join(map(str, path)))
def test_numbers_are_numbers_and_finite(path: Path_) -> None:
    for wrong in (True, nan, inf, str(at(demo(), path))):
        with pytest.raises(ConfigError) as caught:
            check(changed(demo(), path, wrong))
        (line,) = str(caught.value).splitlines()
        assert line.startswith(f"Configuration: {'.'.join(map(str, path))}: {wrong!r} ")
        assert "Allowed: " in line
    if isinstance(number := at(demo(), path), int):
        again = filled(config := changed(demo(), path, float(number)), check(config))
        assert at(again, path) == number


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: ".".join(path) or "all")
def test_unknown_keys_are_named_with_the_nearest(path: tuple[str, ...]) -> None:
    if path in (("networks",), ("designs",)) or not at(demo(), path):
        return  # names are free there, or none is given
    known = next(iter(at(demo(), path)))
    with pytest.raises(
        ConfigError, match=rf"{known}_: unknown key\. Did you mean '{known}'\? All"
    ):
        check(changed(demo(), (*path, f"{known}_"), 1))


def test_all_mistakes_are_named_together() -> None:
    config = demo()
    for number, path in enumerate(NUMBERS):
        config = changed(config, path, f"no number {number}")
    with pytest.raises(ConfigError) as caught:
        check(config)
    assert len(str(caught.value).splitlines()) == len(NUMBERS)


def test_settings_do_not_change() -> None:
    own = check(demo())
    with pytest.raises(ValidationError, match="frozen"):
        own.batch_size = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]},
            (
                "networks.net.mean: [123.675, 116.28, 103.53] is for images of 0 to 255; networks "
                "here get images in [0, 1]. Divide mean and std by 255: [0.485, 0.456, 0.406].",
                "networks.net.std: [58.395, 57.12, 57.375] is for images of 0 to 255",
                "[0.229, 0.224, 0.225].",
            ),
        ),
        ({"mean": [103.939, 116.779, 123.68], "std": [1, 1, 1]}, ("[0.4076, 0.45796, 0.48502]",)),
        ({"std": [58.395, 57.12, 57.375]}, ("networks.net.std",)),
        ({"mean": [-127.5, -127.5, -127.5]}, ("[-0.5, -0.5, -0.5]",)),
    ],
)
@pytest.mark.parametrize("kind", ["python", "torchvision", "timm", "trained"])
def test_statistics_of_bytes_are_refused_with_those_of_images_up_to_one(
    given: dict[str, Any], words: tuple[str, ...], kind: str
) -> None:
    own = {"kind": kind, **given}
    own |= {"python": {"factory": "a:b"}, "trained": {}}.get(kind, {"model": "alexnet"})
    with pytest.raises(ConfigError) as refused:
        check(SMALL | {"networks": {"net": own}})
    for said in words:
        assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == len(given) - ([1, 1, 1] in given.values())


@pytest.mark.parametrize(
    ("mean", "std"),
    [(0.485, 0.229), (0.5, 0.5), (0, 1), (0, 1 / 255), (0.485, 1 / 255), (-0.5, 1), (1, 1)],
)
def test_statistics_that_networks_do_have_are_taken(mean: float, std: float) -> None:
    own = {"kind": "python", "factory": "a:b", "mean": [mean] * 3, "std": [std] * 3}
    network = check(SMALL | {"networks": {"net": own}}).networks["net"]
    assert network.mean == (mean,) * 3
    assert network.std == (std,) * 3


@pytest.mark.parametrize("step", ["[*{0}, *{0}]", "{{a: *{0}, b: *{0}}}"])
def test_aliases_that_unfold_without_end_are_refused(step: str) -> None:
    lines = ["x0: &x0 [1, 1]", *(f"x{k + 1}: &x{k + 1} {step.format(f'x{k}')}" for k in range(40))]
    with pytest.raises(ConfigError, match="unfolds to more than 100,000 values"):
        check(SMALL | yaml.safe_load("\n".join(lines)))


def test_a_line_break_in_a_name_breaks_no_line() -> None:
    with pytest.raises(ConfigError, match=r"networks\.a\\n: the name") as refused:
        check(SMALL | {"networks": {"a\n": {"kind": "trained"}}})
    assert "\n" not in str(refused.value)
