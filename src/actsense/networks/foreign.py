"""Somebody else's code, run: whatever it raises becomes one line that says what, and where."""

__all__ = ["described", "foreign"]

import contextlib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from actsense.errors import ConfigError

OURS = str(Path(__file__).parents[1])
# Frames of these say nothing about the code that called them.
BETWEEN = (OURS, str(Path(torch.__file__).parent), contextlib.__file__, "<frozen", "<string>")
LENGTH = 300  # letters of a message that are told
NO_ROOM = ("out of memory", "can't allocate memory")


@contextmanager
def foreign(doing: str) -> Iterator[None]:
    """Turn what somebody else's code raises into a `ConfigError` of one line.

    Lack of memory passes as it is, and so does what code of this package raises in between.

    Arguments:
        doing: What the code is, as the subject of a sentence.

    Raises:
        ConfigError: With the type, the message, and the line that raised it.
    """
    try:
        yield
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:  # a script without a guard ends the program
        if _is_ours(error) or _lacks_memory(error):
            raise
        raise ConfigError(f"{doing} failed with {described(error)}.") from error


def described(error: BaseException) -> str:
    """Return type, message and place of an exception in one line."""
    message = " ".join(str(error).split())[:LENGTH].rstrip(".")
    told = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if isinstance(error, SyntaxError):
        return told  # which names file and line itself
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(BETWEEN)
    ]
    return f"{told} ({_short(frames[-1].filename)}:{frames[-1].lineno})" if frames else told


def _short(file: str) -> str:
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _is_ours(error: BaseException) -> bool:
    """Tell whether code of this package raised it further down than where it began to wait."""
    frames = traceback.extract_tb(error.__traceback__)[2:]  # this module, and who uses it
    return bool(frames) and frames[-1].filename.startswith(OURS)


def _lacks_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(sign in str(error) for sign in NO_ROOM)
    )
