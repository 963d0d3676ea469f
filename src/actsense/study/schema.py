"""The JSON schema of a configuration, made from the models, and what it allows in words."""

__all__ = ["allowed", "configuration_schema", "resolved"]

from collections.abc import Mapping
from typing import Any

from actsense.study.settings import Settings

Schema = dict[str, Any]

# Limits that stand inside a list or a choice keep the names that the models know them by.
LIMITS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
}
LENGTHS = {"minLength": "minItems", "maxLength": "maxItems"}
KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "integer": "an integer",
    "number": "a number",
    "null": "empty",
    "boolean": "true or false",
}


def configuration_schema() -> Schema:
    """Return the JSON schema of a configuration."""
    made: Schema = _tidied(Settings.model_json_schema())
    return made


def resolved(schema: Schema, root: Schema) -> Schema:
    """Follow a reference to a definition; what stands beside the reference comes first."""
    if "$ref" not in schema:
        return schema
    own = {key: value for key, value in schema.items() if key != "$ref"}
    return dict(root["$defs"][schema["$ref"].rpartition("/")[2]]) | own


def allowed(schema: Schema, root: Schema) -> str:
    """Say in words what a schema allows.

    Arguments:
        schema: The part of it that is meant.
        root: The whole, which holds the definitions.
    """
    schema = resolved(schema, root)
    if choices := schema.get("anyOf"):
        empty_first = sorted(choices, key=lambda choice: choice.get("type") != "null")
        return " or ".join(allowed(choice, root) for choice in empty_first)
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "pattern" in schema:
        return "a name"
    kind = KINDS[schema.get("type", "object")]
    if "items" in schema:
        return f"{kind} of {_count(schema)}, each {allowed(schema['items'], root)}"
    if "properties" in schema:
        return f"{kind} of {' and '.join(schema['properties'])}"
    if "minLength" in schema:
        return f"{kind} that is not empty"
    return f"{kind} {_range(schema)}".rstrip()


def _count(schema: Schema) -> str:
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    count = str(least) if least == most else f"at least {least}" if least else "any number"
    return f"{count}, all different" if schema.get("uniqueItems") else count


def _range(schema: Schema) -> str:
    words = {
        "exclusiveMinimum": "above {}",
        "minimum": "from {}",
        "exclusiveMaximum": "below {}",
        "maximum": "to {}" if "minimum" in schema else "up to {}",
    }
    limits = [text.format(schema[key]) for key, text in words.items() if key in schema]
    limits += [f"in steps of {schema['multipleOf']}"] if "multipleOf" in schema else []
    return (" " if "minimum" in schema else " and ").join(limits)


def _tidied(node: Any) -> Any:
    """Leave out what the models add for others, and name all limits as the standard does."""
    if isinstance(node, list):
        return [*map(_tidied, node)]
    if not isinstance(node, Mapping):
        return node
    renamed = LIMITS | (LENGTHS if node.get("type") == "array" else {})
    tidy: Schema = {}
    for key, value in dict[str, Any](node).items():
        if key in ("properties", "$defs"):
            tidy[key] = {name: _tidied(inner) for name, inner in value.items()}
        elif key == "default":
            tidy[key] = {} if isinstance(value, dict) and "$ref" in node else value
        elif key not in ("title", "discriminator"):
            tidy[renamed.get(key, key)] = _tidied(value)
    if patterns := tidy.pop("patternProperties", None):
        ((pattern, inner),) = patterns.items()
        tidy |= {"propertyNames": {"pattern": pattern}, "additionalProperties": inner}
    return tidy
