"""What a user can repair."""

__all__ = ["ConfigError", "MissingResultError", "OutdatedResultError", "choose"]

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path

from actsense.layout import make_command


class ConfigError(Exception):
    """A setting or an input that the user can repair; shown without a traceback."""


class OutdatedResultError(ConfigError):
    """A result of an earlier version, which lacks what is read from it now.

    Arguments:
        path: The result.
        lacking: What it lacks.
        target: The target of the workflow that makes it.
        rule: The rule that has to be run again, where Snakemake would not by itself.
    """

    def __init__(self, path: Path, lacking: str, target: str, rule: str = "") -> None:
        super().__init__(
            f"{path}: an earlier version made it and left out {lacking}. "
            f"Make it again: {make_command(target, path, rule)}"
        )


class MissingResultError(ConfigError):
    """A result that has not been made yet, or that nothing makes.

    Arguments:
        path: Where it would be.
        target: The target of the workflow that makes it; empty if none does.
        reason: Why it is not there, if it cannot be made.
    """

    def __init__(self, path: Path, target: str, reason: str = "") -> None:
        self.path = path
        self.target = target
        advice = reason or f"not there. Make it with: {make_command(target, path)}"
        super().__init__(f"{path}: {advice}")


def choose(setting: str, given: str, allowed: Collection[str]) -> str:
    """Return `given` if it is allowed, else refuse it with the nearest and all allowed names.

    Arguments:
        setting: The full name of the setting, as in `networks.small.layers`.
        given: The value found there.
        allowed: The values it may have.

    Raises:
        ConfigError: If `given` is not among the allowed values.
    """
    if given in allowed:
        return given
    nearest = get_close_matches(given, allowed, n=3)
    hint = f" Nearest: {', '.join(nearest)}." if nearest else ""
    raise ConfigError(
        f"{setting}: {given!r} is not known.{hint} Allowed: {', '.join(sorted(allowed))}."
    )
