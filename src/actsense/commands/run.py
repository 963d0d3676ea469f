"""`actsense run`: the workflow on a configuration, which Snakemake is not left to tell apart."""

__all__ = ["SUMMARY", "arguments", "run", "snakemake_call"]

import os
import sys
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from actsense.errors import ConfigError

SUMMARY = "run the workflow: actsense run study.yaml [target] [options of Snakemake]"
SNAKEFILE = Path(__file__).parents[3] / "Snakefile"
FOUND = ("Snakefile", "workflow/Snakefile")  # where Snakemake looks by itself
CORES = ("--cores", "-c", "--jobs", "-j", "--profile")


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("configuration", type=Path, help="a study, such as config.yaml")
    rest = parser.add_argument(
        "rest", nargs=REMAINDER, metavar="TARGET or option",
        help="such as indices, masking, plan; -n shows what would run"
    )  # fmt: skip
    rest.required = False  # or a missing configuration is told as if both were


def run(chosen: Namespace) -> int:
    """Become Snakemake, in the working directory."""
    call = snakemake_call(chosen.configuration, chosen.rest)
    os.execv(call[0], call)


def snakemake_call(configuration: Path, rest: Sequence[str]) -> list[str]:
    """Return the call of Snakemake for a configuration.

    `snakemake --configfile study.yaml indices` takes the target for a second configuration; here
    it stands before.

    Arguments:
        configuration: File of the study.
        rest: Targets and options of Snakemake.

    Raises:
        ConfigError: If there is no such file, or no workflow beside the package.
    """
    if not configuration.is_file():
        raise ConfigError(
            f"{configuration}: no such file. Give the configuration of a study, such as "
            "config.yaml, then targets: actsense run config.yaml indices."
        )
    beside = [] if any(Path(name).is_file() for name in FOUND) else [SNAKEFILE]
    if not all(path.is_file() for path in beside):
        raise ConfigError(
            f"{SNAKEFILE}: no workflow beside the package. Install it from a checkout, with "
            "pip install -e, or run snakemake where the workflow is."
        )
    asked = any(option.split("=")[0].rstrip("0123456789") in CORES for option in rest)
    return [
        str(Path(sys.executable).with_name("snakemake")),
        *rest,
        *([] if asked else ["--cores", "all"]),
        *(f"--snakefile={path}" for path in beside),
        "--configfile",
        str(configuration),
    ]
