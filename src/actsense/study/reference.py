"""What users read of the settings, written from the models: a schema for editors, and a page.

Run as a program, it writes both into the repository that it is started in: `make configuration`.
"""

__all__ = ["PAGE", "SCHEMA", "page", "schema_text"]

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from actsense.study.schema import Schema, allowed, configuration_schema, resolved

SCHEMA = Path("workflow/schemas/config.schema.yaml")
PAGE = Path("docs/configuration.md")
ORDER = (
    *("$schema", "title", "description", "type", "$ref", "const", "enum", "pattern"),
    *("additionalProperties", "required", "minItems", "maxItems", "uniqueItems", "items"),
    *("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "minProperties", "propertyNames", "anyOf", "oneOf"),
    *("default", "properties", "$defs"),
)
HEAD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Configuration of a study",
}


class _Dumper(yaml.SafeDumper):
    """Short lists in one line."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything where it belongs."""
        return True


def _sequence(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
    flat = not any(isinstance(item, dict | list) for item in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flat)


_Dumper.add_representer(list, _sequence)


def schema_text() -> str:
    """Return the schema as YAML that can be read."""
    text: str = yaml.dump(
        _ordered(HEAD | configuration_schema()),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=99,
    )
    return (
        f"# Written by `make configuration` from the models in src/actsense/*/settings.py.\n{text}"
    )


def page() -> str:
    """Return the page of all settings."""
    return "\n".join(_page()) + "\n"


def _ordered(node: Any) -> Any:
    if isinstance(node, list):
        return [*map(_ordered, node)]
    if not isinstance(node, dict):
        return node
    ordered: Schema = {}
    for key in sorted(node, key=ORDER.index):
        value = node[key]
        if key in ("properties", "$defs"):
            ordered[key] = {name: _ordered(inner) for name, inner in value.items()}
        else:
            ordered[key] = value if key == "default" else _ordered(value)
    return ordered


def _page() -> Iterator[str]:
    root = configuration_schema()
    yield "# Configuration"
    yield ""
    yield "Every key of `config.yaml`, with what it allows and its default. A key without one must"
    yield "be given; sections may be left out. A mistake is one line that names the key, what was"
    yield "given and what is allowed. `make configuration` writes this page."
    yield ""
    yield "## The study"
    yield ""
    own, sections = _split(root, root)
    yield from _table(own, root, root["required"])
    for name, section in sections.items():
        yield from _section(name, section, root)


def _split(schema: Schema, root: Schema) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """Tell keys with a value from those with keys of their own."""
    fields = {name: resolved(field, root) for name, field in schema["properties"].items()}
    sections = {name for name, field in fields.items() if _parts(field, root)}
    return (
        {name: field for name, field in fields.items() if name not in sections},
        {name: fields[name] for name in fields if name in sections},
    )


def _parts(field: Schema, root: Schema) -> list[Schema]:
    """Return the sections that a key may hold: one, one for each kind, or none."""
    if isinstance(inner := field.get("additionalProperties"), dict):
        field = resolved(inner, root)
    parts = [resolved(part, root) for part in field.get("oneOf", [field])]
    return [part for part in parts if "properties" in part]


def _section(name: str, field: Schema, root: Schema, level: int = 2) -> Iterator[str]:
    named = isinstance(field.get("additionalProperties"), dict)
    yield ""
    yield f"{'#' * level} `{name}.<name>`" if named else f"{'#' * level} `{name}`"
    yield ""
    yield field["description"]
    for part in _parts(field, root):
        own, sections = _split(part, root)
        kind = own.get("kind", {}).get("const")
        if kind:
            yield ""
            yield f"{'#' * (level + 1)} `kind: {kind}`"
            yield ""
            yield part["description"]
        if own := {key: value for key, value in own.items() if key != "kind"}:
            yield ""
            yield from _table(own, root, part.get("required", []))
        for inner, described in sections.items():
            yield from _section(f"{name}.{inner}", described, root, level + 1)


def _table(fields: dict[str, Schema], root: Schema, required: list[str]) -> Iterator[str]:
    yield "| key | allowed | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in fields.items():
        derived = "must be given" if name in required else "derived"
        default = _value(field["default"]) if "default" in field else derived
        yield f"| `{name}` | {allowed(field, root)} | {default} | {field['description']} |"


def _value(default: Any) -> str:
    """Return a default as it would be written."""
    if default is None:
        return "empty"
    written = yaml.safe_dump(default, default_flow_style=True, width=1000)
    return f"`{written.removesuffix('...' + chr(10)).strip()}`"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
