"""A study from its configuration file, outside of a run of the workflow."""

__all__ = ["open_configuration"]

from pathlib import Path

import yaml

from actsense.errors import ConfigError
from actsense.study.study import Study


def open_configuration(path: Path) -> Study:
    """Read and check the configuration of a study.

    Arguments:
        path: The file, YAML or JSON.

    Raises:
        ConfigError: If it cannot be read, or with one line per mistake in it.
    """
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}. Give the file of a study.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        raise ConfigError(f"{path}: no YAML. {told}") from error
    if not isinstance(given, dict):
        raise ConfigError(f"{path}: no configuration. One has keys such as `study: digits`.")
    return Study.load(given)
