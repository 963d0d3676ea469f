"""The configuration of a study: defaults filled in, every mistake named in one line."""

__all__ = ["check", "read_schema"]

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import yaml
from jsonschema import Draft202012Validator, ValidationError

from actsense.errors import ConfigError, choose
from actsense.layout import RESERVED

Settings = dict[str, Any]
TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "integer": "an integer",
    "null": "empty",
    "auto": "auto",
}


def read_schema(path: Path) -> Settings:
    """Read a JSON schema written in YAML."""
    return cast("Settings", yaml.safe_load(path.read_text()))


def check(given: Mapping[str, Any], schema: Settings) -> Settings:
    """Return the configuration with every default filled in.

    Sections with a `kind` are checked against the definition of that kind alone, so that the
    message is about what was meant.

    Arguments:
        given: The configuration as read.
        schema: The JSON schema; `$defs` holds one definition per kind, `<section>_<kind>`.

    Raises:
        ConfigError: With one line per mistake: the key, what was given, what is allowed.
    """
    mistakes = [*_mistakes(given, schema, schema, "")]
    if not mistakes:
        for key, section, kind in _kinds(given):
            mistakes += _kind_mistakes(section, schema, key, kind)
        mistakes += [*_design_mistakes(given), *_own_designs_mistakes(given)]
        mistakes = mistakes or [*_own_points_mistakes(given)]
    _refuse(mistakes)
    filled = cast("Settings", _filled(given, schema, schema))
    for key, section, kind in _kinds(filled):
        section |= _filled(section, schema["$defs"][f"{kind}_{section['kind']}"], schema)
        filled = _placed(filled, key, section)
    _refuse([*_size_mistakes(filled)])
    return filled


def _refuse(mistakes: Sequence[str]) -> None:
    if mistakes:
        raise ConfigError("\n".join(f"Configuration: {mistake}" for mistake in mistakes))


def _kinds(config: Mapping[str, Any]) -> Iterator[tuple[str, Settings, str]]:
    yield "dataset", dict(config["dataset"]), "dataset"
    for name, network in config["networks"].items():
        yield f"networks.{name}", dict(network), "network"


def _placed(config: Settings, key: str, section: Settings) -> Settings:
    first, _, rest = key.partition(".")
    inner = {**config[first], rest: section} if rest else section
    return {**config, first: inner}


def _kind_mistakes(section: Settings, schema: Settings, key: str, kind: str) -> list[str]:
    known = [name.removeprefix(f"{kind}_") for name in schema["$defs"] if name.startswith(kind)]
    try:
        choose(f"{key}.kind", str(section.get("kind")), known)
    except ConfigError as error:
        return [str(error)]
    definition = schema["$defs"][f"{kind}_{section['kind']}"]
    return [*_mistakes(section, definition, schema, key)]


def _design_mistakes(config: Mapping[str, Any]) -> Iterator[str]:
    for name, design in config["designs"].items():
        key = f"designs.{name}"
        yield from _points_mistakes(key, design["base_points"])
        yield from _shards_mistakes(key, design, design["base_points"])


def _own_designs_mistakes(config: Mapping[str, Any]) -> Iterator[str]:
    for name, network in config["networks"].items():
        for design in network.get("designs") or ():
            if design not in config["designs"]:
                yield (
                    f"networks.{name}.designs: there is no design {design!r}. "
                    f"Allowed: {', '.join(config['designs'])}."
                )


def _own_points_mistakes(config: Mapping[str, Any]) -> Iterator[str]:
    """Check the networks that have base points of their own, once all else is in order."""
    for name, network in config["networks"].items():
        if points := network.get("base_points"):
            yield from _points_mistakes(f"networks.{name}", points)
            for design, described in config["designs"].items():
                yield from _shards_mistakes(f"designs.{design}", described, points, f" of {name}")


def _size_mistakes(config: Mapping[str, Any]) -> Iterator[str]:
    """Check what cannot be larger than the images, once their size is known."""
    side, spatial = config["dataset"]["image_size"], config["spatial"]
    divisions = {"spatial.transforms": spatial["transforms"]["divisions"]}
    divisions |= {f"designs.{name}": d["divisions"] for name, d in config["designs"].items()}
    largest = {f"{key}.divisions": (max(given), side) for key, given in divisions.items()}
    largest["spatial.cells.size"] = (spatial["cells"]["size"], side // 2)
    for key, (given, allowed) in largest.items():
        if given > allowed:
            yield (
                f"{key}: {given} is too large for images of {side}x{side} pixels "
                f"(dataset.image_size). Allowed: 1 to {allowed}."
            )


def _points_mistakes(key: str, points: int) -> Iterator[str]:
    if points & (points - 1):
        lower = 1 << (points.bit_length() - 1)
        yield (
            f"{key}.base_points: {points} is not a power of two, which the balance of Sobol' "
            f"points needs. Nearest: {lower}, {2 * lower}."
        )


def _shards_mistakes(key: str, design: Settings, points: int, owner: str = "") -> Iterator[str]:
    shards, blocks = design.get("shards", "auto"), max(1, points // 16)
    if shards != "auto" and shards > blocks:
        yield (
            f"{key}.shards: {shards} is more than the {blocks} blocks of a replicate{owner} of "
            f"{points} base points. Allowed: 1 to {blocks}, or auto."
        )


def _mistakes(value: Any, schema: Settings, root: Settings, where: str) -> Iterator[str]:
    validator = Draft202012Validator({**schema, "$defs": root["$defs"]})
    for error in sorted(validator.iter_errors(value), key=lambda e: list(map(str, e.path))):
        path = ".".join(map(str, error.path))
        yield from _lines(error, ".".join(filter(None, [where, path])))


def _lines(error: ValidationError, key: str) -> Iterator[str]:
    prefix = f"{key}." if key else ""
    rule = error.validator
    got: Any = error.instance
    allowed: Any = error.validator_value
    schema = cast("Settings", error.schema)
    if rule == "additionalProperties":
        known = sorted(schema["properties"])
        for name in sorted(set(got) - set(known)):
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            yield f"{prefix}{name}: unknown key.{hint} Allowed: {', '.join(known)}."
    elif rule == "required":
        for name in allowed:
            if name not in got:
                yield f"{prefix}{name}: missing. {schema['properties'][name]['description']}"
    elif rule in ("type", "anyOf"):
        wanted = schema.get("description", allowed)
        wrong = "has the wrong type" if rule == "type" else "is not allowed"
        yield f"{key}: {got!r} {wrong}. Allowed: {_type(allowed)} ({wanted})"
    elif rule == "enum":
        near = get_close_matches(str(got), map(str, allowed), n=3)
        hint = f" Nearest: {', '.join(near)}." if near else ""
        yield f"{key}: {got!r} is not allowed.{hint} Allowed: {', '.join(map(str, allowed))}."
    elif rule == "pattern" or "propertyNames" in map(str, error.schema_path):
        yield (
            f"{key}: the name {got!r} is not allowed. Names start with a letter and hold letters, "
            f"digits, '-' and '_' only; {', '.join(RESERVED)} are taken."
        )
    else:
        yield f"{key}: {error.message}. {schema.get('description', '')}".rstrip()


def _type(allowed: Any) -> str:
    names = allowed if isinstance(allowed, list) else [allowed]
    kinds = [n if isinstance(n, str) else n.get("const") or n.get("type", "see") for n in names]
    return " or ".join(TYPES.get(kind, f"a {kind}") for kind in kinds)


def _filled(value: Any, schema: Settings, root: Settings) -> Any:
    """Return the value with the schema's defaults wherever it says nothing."""
    schema = _resolved(schema, root)
    if not isinstance(value, Mapping):
        return value
    filled = dict(value)
    for name, inner in schema.get("properties", {}).items():
        if name in filled:
            filled[name] = _filled(filled[name], inner, root)
        elif "default" in _resolved(inner, root):
            filled[name] = _filled(_resolved(inner, root)["default"], inner, root)
    each = schema.get("additionalProperties")
    if isinstance(each, dict):
        known = schema.get("properties", {})
        filled |= {n: _filled(v, each, root) for n, v in filled.items() if n not in known}
    return filled


def _resolved(schema: Settings, root: Settings) -> Settings:
    """Follow a reference to a definition; what stands beside the reference comes first."""
    if "$ref" not in schema:
        return schema
    return cast("Settings", root["$defs"][schema["$ref"].rpartition("/")[2]] | schema)
