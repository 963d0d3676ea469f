"""The configuration of an imported study, with which the workflow reads its results."""

__all__ = ["STUDY_FILE", "check_name", "write_study"]

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from actsense.errors import ConfigError
from actsense.inspection.published.arrays import Scheme
from actsense.layout import NAME
from actsense.store import replacing

STUDY_FILE = "study.yaml"
HEAD = """\
# Written by `actsense import`: published values that were imported. Nothing of this study is
# sampled, trained or downloaded; layers and results are those in the folder of this file. Sections
# such as `correlation`, `lda` and `figures` may be changed and added.
"""
BESIDE = ("patterns", "featvis", "invariance")  # studies that look at images
UNUSED = 2  # base points: a key that designs must have


def check_name(study: str) -> None:
    """Refuse a name that a study cannot have.

    Raises:
        ConfigError: With what is allowed.
    """
    if not re.fullmatch(NAME, study):
        raise ConfigError(
            f"{study!r}: no name for a study. Names start with a letter and hold letters, digits, "
            "'-' and '_' only. Import into results/NAME."
        )


def write_study(
    folder: Path,
    networks: Mapping[str, Sequence[str]],
    designs: Mapping[str, Scheme],
    datasets: Iterable[str],
) -> Path:
    """Write the configuration beside the results; one of the same networks is left as it is.

    Arguments:
        folder: Of the results.
        networks: The designs of every network.
        designs: The factors of every design.
        datasets: Images that the values were measured on.

    Returns:
        The file.
    """
    path = folder / STUDY_FILE
    settings = {
        "study": folder.name,
        "dataset": {"kind": "published", "images": sorted({*datasets})},
        "networks": {
            name: {"kind": "published", "designs": [*own]} for name, own in networks.items()
        },
        "designs": {
            name: {"augmentations": [*scheme.augmentations], "base_points": UNUSED, **_law(scheme)}
            for name, scheme in designs.items()
        },
        "single_class": {"ranking": "index"},  # without intervals there is no bound
        **{name: {"networks": []} for name in BESIDE},
    }
    if path.is_file() and _names(yaml.safe_load(path.read_text("utf-8"))) == _names(settings):
        return path  # sections may have been added
    with replacing(path) as beside:
        beside.write_text(
            HEAD + yaml.safe_dump(settings, sort_keys=False, default_flow_style=None),
            encoding="utf-8",
        )
    return path


def _names(settings: Any) -> list[Any]:
    """Return what a configuration says of networks, designs and the study."""
    return [settings.get(key) for key in ("study", "networks", "designs")]


def _law(scheme: Scheme) -> dict[str, str]:
    """Return the law whose factors these are: the published one, or that of a run of ours."""
    return {} if "content" in scheme.factors else {"law": "published"}
