"""The configuration of a study: defaults filled in, every mistake named in one line."""

__all__ = ["check", "filled", "typed"]

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from actsense.data.settings import Digits, Photographs, PublishedImages
from actsense.errors import ConfigError
from actsense.layout import RESERVED
from actsense.networks.recipe import recipe_mistakes
from actsense.networks.settings import DISTILLED, Published, Trained, teacher_of
from actsense.sampling.settings import DesignSettings, contradictions
from actsense.spatial.transforms.divisions import sides
from actsense.study.schema import Schema, allowed, configuration_schema, resolved
from actsense.study.settings import LONGEST, Settings

Key = tuple[str | int, ...]

MOST = 100_000  # values; long lists of names of outputs are far below
LIMITS = {
    "greater_than": "is not above {gt}",
    "greater_than_equal": "is less than the minimum of {ge}",
    "less_than": "is not below {lt}",
    "less_than_equal": "is greater than the maximum of {le}",
    "multiple_of": "is no multiple of {multiple_of}",
    "finite_number": "is not finite",
    "too_short": "is too short",
    "too_long": "is too long",
    "string_too_short": "is empty",
}


def check(given: Mapping[str, Any]) -> Settings:
    """Return the settings that a configuration, as read, stands for.

    Raises:
        ConfigError: With one line per mistake: the key, what was given, what is allowed.
    """
    _check_size(given)
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        _refuse(_mistakes(error, given))
        raise  # a mistake without a line
    _refuse(_contradictions(settings))
    return settings


def _check_size(given: Any) -> None:
    """Refuse what aliases of YAML unfold to without end, before anything walks through it."""
    waiting, count = [given], 0
    while waiting:
        value = waiting.pop()
        count += 1
        if isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        if count > MOST:
            raise ConfigError(
                f"Configuration: it unfolds to more than {MOST:,} values. Write out what its "
                "aliases (`*name`) stand for, and see that none holds others again and again."
            )


def typed(given: Any) -> Any:
    """Return values of a command line with numbers and truth values where texts stand for them.

    Snakemake reads those inside a mapping, `--config 'dataset={image_size: 64}'`, as texts.
    """
    if isinstance(given, Mapping):
        return {key: typed(value) for key, value in given.items()}
    if isinstance(given, list):
        return [*map(typed, given)]
    if not isinstance(given, str):
        return given
    with suppress(ValueError):
        if isinstance(value := json.loads(given), int | float | None):
            return value
    return given


def filled(given: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Return a configuration with its defaults as plain values, what was given first.

    Snakemake compares parameters as texts, in which the order of keys counts.
    """
    complete: dict[str, Any] = _ordered(settings.plain(), given)
    return complete


def _ordered(plain: Any, given: Any) -> Any:
    if not isinstance(plain, dict) or not isinstance(given, Mapping):
        return plain
    keys = [*(key for key in given if key in plain), *(key for key in plain if key not in given)]
    return {key: _ordered(plain[key], given.get(key)) for key in keys}


def _refuse(mistakes: Iterable[str]) -> None:
    if lines := [f"Configuration: {mistake}".replace("\n", r"\n") for mistake in mistakes]:
        raise ConfigError("\n".join(lines))


def _contradictions(settings: Settings) -> Iterator[str]:
    """Name what is allowed by itself but not together with the rest."""
    yield from _alike("networks", settings.networks)
    yield from _alike("designs", settings.designs)
    yield from _half_published(settings)
    for name, network in settings.networks.items():
        for unknown in set(network.designs or ()) - settings.designs.keys():
            yield (
                f"networks.{name}.designs: there is no design {unknown!r}. "
                f"Allowed: {', '.join(settings.designs)}."
            )
        if isinstance(network, Trained):
            yield from _wrong_checkpoints(f"networks.{name}.checkpoints", network)
            yield from _wrong_teacher(name, settings)
            yield from _wrong_background(name, network, settings)
            for key, mistake in recipe_mistakes(network):
                yield f"networks.{name}.{key}: {mistake}"
    looked_at = {
        "segments.units": settings.segments.units,
        "patterns.networks": settings.patterns.networks,
        "featvis.networks": settings.featvis.networks,
        "invariance.networks": settings.invariance.networks,
    }
    for key, named in looked_at.items():
        for unknown in set(named or ()) - settings.networks.keys():
            yield (
                f"{key}: there is no network {unknown!r}. Allowed: {', '.join(settings.networks)}."
            )
    points = {f" of {name}": network.base_points for name, network in settings.networks.items()}
    for name, design in settings.designs.items():
        for owner, own in ({"": design.base_points} | points).items():
            if own is not None:
                yield from _too_many_shards(name, design, own, owner)
        for key, mistake in contradictions(design, settings.dataset.image_size):
            yield f"designs.{name}.{key}: {mistake}"
    yield from _too_large(settings)
    if isinstance(data := settings.dataset, Photographs) and data.resize < data.image_size:
        yield (
            f"dataset.resize: {data.resize} is smaller than dataset.image_size: "
            f"{data.image_size}; the centre cannot be cut out. Raise it to {data.image_size}."
        )


def _alike(key: str, names: Iterable[str]) -> Iterator[str]:
    """Name what would share a folder where file systems do not tell capitals apart."""
    folders = {folder: folder for folder in RESERVED}
    for name in names:
        other = folders.setdefault(name.lower(), name)
        if other != name:
            yield (
                f"{key}.{name}: differs from {other!r} by capitals alone, and some file systems "
                "take both for one folder. Call it otherwise."
            )


def _half_published(settings: Settings) -> Iterator[str]:
    """Name networks that are published values beside images, or the other way round."""
    imported = isinstance(settings.dataset, PublishedImages)
    for name, network in settings.networks.items():
        if isinstance(network, Published) != imported:
            yield (
                f"networks.{name}.kind: {network.kind} does not go with dataset.kind: "
                f"{settings.dataset.kind}. Published values have `published` in both, as "
                "`actsense import` writes it; they are compared with a run in a study of its own."
            )


def _wrong_checkpoints(key: str, network: Trained) -> Iterator[str]:
    epochs = [*network.checkpoints]
    if epochs != sorted(epochs):
        yield f"{key}: {epochs} does not ascend. Write {sorted(epochs)}."
    if epochs and max(epochs) > network.epochs:
        yield (
            f"{key}: {max(epochs)} is after the last of {network.epochs} epochs. "
            f"Allowed: 0 to {network.epochs}."
        )


def _wrong_teacher(name: str, settings: Settings) -> Iterator[str]:
    """Name a teacher that there is not, or that learns from its student, and keys without one."""
    key, networks = f"networks.{name}.teacher", settings.networks
    teachers = {own: teacher for own, known in networks.items() for teacher in teacher_of(known)}
    if name not in teachers:
        idle = [own for own in DISTILLED if own in networks[name].model_fields_set]
        if idle:
            yield f"networks.{name}.{idle[0]}: there is no teacher. Name one: {key}."
        return
    line = [name]
    while (teacher := teachers.get(line[-1])) and len(line) <= len(networks):
        line.append(teacher)
    others = [own for own in networks if own != name]
    if teachers[name] not in networks:
        yield f"{key}: there is no network {teachers[name]!r}. Allowed: {', '.join(others)}."
    elif name in line[1:] and name == next(own for own in networks if own in line):  # told once
        told = " of ".join(repr(own) for own in line[: line.index(name, 1) + 1])
        yield f"{key}: nobody learns from a network that learns from it: {told}. Name another."


def _wrong_background(name: str, network: Trained, settings: Settings) -> Iterator[str]:
    """Name a network that is to tell photographs apart where there are none, or not the same."""
    key, data = f"networks.{name}.learns", settings.dataset
    if network.learns == "class":
        return
    if not isinstance(data, Digits) or data.photographs != "shared":
        yield (
            f"{key}: a background can be learned from the dataset of digits alone, with the same "
            "photographs in both partitions. Write class, or dataset.kind: digits and "
            "dataset.photographs: shared."
        )
    if network.teacher is not None:
        yield f"{key}: a student learns the classes of its teacher. Write class, or no teacher."


def _too_many_shards(
    name: str, design: DesignSettings, points: int, owner: str = ""
) -> Iterator[str]:
    blocks = max(1, points // 16)
    if design.shards != "auto" and design.shards > blocks:
        yield (
            f"designs.{name}.shards: {design.shards} is more than the {blocks} blocks of a "
            f"replicate{owner} of {points} base points. Allowed: 1 to {blocks}, or auto."
        )


def _too_large(settings: Settings) -> Iterator[str]:
    """Name what cannot be larger than the images."""
    side, spatial = settings.dataset.image_size, settings.spatial
    patches = max(max(sides(division)) for division in spatial.transforms.divisions)
    largest = {"spatial.transforms.divisions": (patches, side)}
    for name, design in settings.designs.items():
        largest[f"designs.{name}.divisions"] = (max(design.divisions), side)
    largest["spatial.cells.size"] = (spatial.cells.size, side // 2)
    for key, (given, most) in largest.items():
        if given > most:
            yield (
                f"{key}: {given} is too large for images of {side}x{side} pixels "
                f"(dataset.image_size). Allowed: 1 to {most}."
            )


def _mistakes(error: ValidationError, given: Mapping[str, Any]) -> Iterator[str]:
    """Describe every mistake in a line, sorted by their keys."""
    root = configuration_schema()
    found: dict[Key, tuple[ErrorDetails, Schema, str]] = {}
    for detail in error.errors(include_url=False, include_input=False):
        if detail["type"] == "default_factory_not_called":  # what it follows from is wrong
            continue
        key, schema, description = _place(detail["loc"], root)
        found.setdefault(key, (detail, schema, description))
    for key, (detail, schema, description) in sorted(
        found.items(), key=lambda f: [*map(str, f[0])]
    ):
        if not any(other[: len(key)] == key != other for other in found):  # its parts say more
            value = _given(given, key)
            yield ".".join(map(str, key)) + _line(detail, value, schema, root, description)


def _place(location: Key, root: Schema) -> tuple[Key, Schema, str]:
    """Follow a location to its key and schema, and the nearest description on the way.

    Of several sections, one is meant, and its kind is part of the location but not of the key. Of
    other choices none is meant: the whole choice is the key.
    """
    key: list[str | int] = []
    schema, description = root, ""
    for part in location:
        if part == "[key]":
            break
        if sections := schema.get("oneOf"):
            options = [resolved(section, root) for section in sections]
            schema = next(s for s in options if s["properties"]["kind"]["const"] == part)
            continue
        choices = [c for c in schema.get("anyOf", ()) if c.get("type") != "null"]
        if len(choices) > 1:
            break
        schema = resolved(choices[0], root) if choices else schema
        key.append(part)
        inside = schema.get("properties", {}).get(part) or schema.get("items")
        inside = inside or schema.get("additionalProperties")
        if not isinstance(inside, dict):  # unknown
            return (*key,), schema, ""
        schema = resolved(inside, root)
        description = schema.get("description", description)
    return (*key,), schema, description


def _given(config: Any, key: Key) -> Any:
    for part in key:
        if isinstance(config, Mapping):
            config = config.get(part)
        elif isinstance(config, list | tuple) and isinstance(part, int):
            config = config[part]
    return config


def _line(detail: ErrorDetails, got: Any, schema: Schema, root: Schema, description: str) -> str:
    """Say what is wrong with a value, what is allowed, and what it is for."""
    kind, why = detail["type"], f" ({description.rstrip('.')})" if description else ""
    if kind == "missing":
        return f": missing. {description}"
    if kind == "extra_forbidden":
        return _unknown(str(detail["loc"][-1]), sorted(schema["properties"]))
    if kind.startswith("union_tag"):
        kinds = [resolved(s, root)["properties"]["kind"]["const"] for s in schema["oneOf"]]
        return ".kind" + _not_among(got.get("kind"), kinds, "known")
    if kind == "name" or detail["loc"][-1] == "[key]":
        name = got if kind == "name" and isinstance(got, str) else detail["loc"][-2]
        return (
            f": the name {name!r} is not allowed. Names start with a letter and hold letters, "
            f"digits, '-' and '_' only, at most {LONGEST}; {', '.join(RESERVED)} are taken."
        )
    if kind == "literal_error" and "enum" in schema:
        return _not_among(got, schema["enum"], "allowed")
    if kind in ("power_of_two", "byte_statistics"):
        return f": {detail['msg']}"
    if kind == "repeated":
        wrong = f"is not allowed, {detail['msg']}"
    elif len([c for c in schema.get("anyOf", ()) if c.get("type") != "null"]) > 1:
        wrong = "is not allowed"
    else:
        wrong = LIMITS.get(kind, "has the wrong type").format(**detail.get("ctx", {}))
    return f": {got!r} {wrong}. Allowed: {allowed(schema, root)}{why}."


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f": unknown key.{hint} Allowed: {', '.join(known)}."


def _not_among(given: Any, choices: Iterable[Any], word: str) -> str:
    names = [*map(str, choices)]
    near = get_close_matches(str(given), names, n=3)
    hint = f" Nearest: {', '.join(near)}." if near else ""
    return f": {given!r} is not {word}.{hint} Allowed: {', '.join(names)}."
