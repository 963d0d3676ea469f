"""The one exception that a user can repair."""

__all__ = ["ConfigError", "choose"]

from collections.abc import Collection
from difflib import get_close_matches


class ConfigError(Exception):
    """A setting or an input that the user can repair; shown without a traceback."""


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
