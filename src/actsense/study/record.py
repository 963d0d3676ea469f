"""What a run leaves behind for those who look at its results without its configuration."""

__all__ = ["keep_record"]

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import join
from typing import Any

from actsense.layout import RECORD
from actsense.store import write_facts
from actsense.study.study import Study


def keep_record(study: Study, configurations: Sequence[Path], changes: Mapping[str, Any]) -> None:
    """Write how the workflow was asked for the study, and which designs are analysed further.

    Messages about missing results read it, see `actsense.layout.make_command`.

    Arguments:
        study: The study.
        configurations: What the run was given with `--configfile`.
        changes: What it was given with `--config`.
    """
    options = ["--configfile", *map(str, configurations)] if configurations else []
    if changes:
        options += ["--config", *(f"{name}={_yaml(value)}" for name, value in changes.items())]
    analysed = {name: study.analysed(name) for name in study.settings.networks}
    study.results.mkdir(parents=True, exist_ok=True)
    write_facts(study.results / RECORD, {"options": join(options), "analysed": analysed})


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
