"""Studies in a folder."""

__all__ = ["find_studies"]

from pathlib import Path

from actsense.errors import ConfigError
from actsense.inspection import open_study
from actsense.layout import program


def find_studies(path: Path) -> dict[str, Path]:
    """Return the folders of studies by name: the folder itself, or those directly inside.

    Raises:
        ConfigError: If there is none.
    """
    try:
        return {open_study(path).name: path}
    except ConfigError:
        if not path.is_dir():
            raise
    found = {}
    for folder in sorted(path.iterdir()):
        try:
            found[open_study(folder).name] = folder
        except ConfigError:
            continue
    if not found:
        raise ConfigError(
            f"{path}: holds no results of a study. Give the folder of one, such as "
            "results/digits, or one with studies inside. Make one with: "
            f"{program('actsense')} run STUDY.yaml, the file of a study."
        )
    return found
