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

# Where Snakemake looks for a workflow, in this order.
FOUND = ("Snakefile", "snakefile", "workflow/Snakefile", "workflow/snakefile")


def keep_record(
    study: Study, snakefile: Path, configurations: Sequence[Path], changes: Mapping[str, Any]
) -> None:
    """Write how the workflow was asked for the study, and which designs are analysed further.

    Messages about missing results read it, see `actsense.layout.make_command`.

    Arguments:
        study: The study.
        snakefile: The workflow that runs.
        configurations: What the run was given with `--configfile`.
        changes: What it was given with `--config`.
    """
    usual = next((path for path in map(Path, FOUND) if path.is_file()), None)
    options: list[str] = []
    if usual is None or not usual.samefile(snakefile):
        options += ["--snakefile", _short(snakefile)]
    if configurations:
        options += ["--configfile", *map(_short, configurations)]
    if changes:
        options += ["--config", *(f"{name}={_yaml(value)}" for name, value in changes.items())]
    analysed = {name: study.analysed(name) for name in study.settings.networks}
    study.results.mkdir(parents=True, exist_ok=True)
    write_facts(study.results / RECORD, {"options": join(options), "analysed": analysed})


def _short(path: Path) -> str:
    """Write a path as short as it can be typed where the workflow is run."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
