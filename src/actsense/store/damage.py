"""What is wrong with a file, told apart: damage, a full disk, a limit, a missing right.

Only damage is mended by deleting the file.
"""

__all__ = [
    "CorruptFileError",
    "DiskFullError",
    "LimitError",
    "given",
    "is_full",
    "reading",
    "trouble",
]

import errno
import os
import resource
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actsense.errors import ConfigError
from actsense.layout import make_command, recorded, target_of

# What Zarr, zip, JSON and pandas say of damaged files.
FAULTS = (
    *(zipfile.BadZipFile, ValueError, RuntimeError, LookupError, EOFError, TypeError),
    *(AttributeError, NotImplementedError, OverflowError),
)
GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
FULL = (errno.ENOSPC, errno.EDQUOT)
ALLOCATIONS = ("allocate memory", "out of memory", "std::bad_alloc")  # PyTorch's own words


class CorruptFileError(ConfigError):
    """A file whose content contradicts its checksum or cannot be read at all.

    Arguments:
        path: The file.
        reason: What is wrong with it.
        whole: What is to be deleted, where the file is a part of something.

    Attributes:
        reason: What is wrong with it, in one line.
    """

    def __init__(self, path: Path, reason: object, whole: Path | None = None) -> None:
        target = target_of(whole or path)
        again = make_command(target, whole or path) if target else "it is made anew."
        told = " ".join(str(reason).split())[:300]  # one line, whatever a library says
        self.reason = told
        super().__init__(
            f"{path}: damaged ({told}). Delete {whole or 'it'} and run again: {again}"
        )


class LimitError(ConfigError):
    """What the machine or its administrator does not give; the file is not at fault."""


class DiskFullError(ConfigError):
    """A file that its file system, or the user's quota, has no room for."""

    def __init__(self, path: Path, needed: str, advice: str) -> None:
        place = path.parent.resolve()
        while not (place.exists() and place.is_mount()):
            place = place.parent
        free, count = shutil.disk_usage(place).free / 1e9, os.statvfs(place)
        if count.f_files and not count.f_favail:
            lacking = f"no inodes left on the file system mounted at {place} (it holds "
            lacking += f"{count.f_files:,} files and folders at most, however small)"
            advice = "Delete files there, or put the results folder on another file system."
        else:
            lacking = f"no space left on the file system mounted at {place} ({free:.3f} GB free, "
            lacking += f"{needed}; a quota may leave less than is free)"
        super().__init__(f"{path}: {lacking}. {advice} Then run again: finished work is kept.")


def is_full(error: BaseException) -> bool:
    """Tell whether a full disk is behind an error; libraries stumble when they clear up."""
    at: BaseException | None = error
    while at is not None and not (isinstance(at, OSError) and at.errno in FULL):
        at = at.__context__
    return at is not None


def trouble(error: BaseException, path: Path | None = None) -> ConfigError | None:
    """Return what an error says of machine and rights, in words; nothing if it is another one.

    Arguments:
        error: What was raised.
        path: The file that was read or written, if the error does not name it.
    """
    named = getattr(error, "filename", None)
    file = Path(os.fsdecode(named)) if isinstance(named, str | bytes) else path
    number = error.errno if isinstance(error, OSError) else None
    if number in FULL:
        return DiskFullError(file or Path.cwd() / "file", "more is needed", "Make room there.")
    reason = _reason(error, number)
    if reason is None:
        return None
    return LimitError(f"{file}: {reason}" if file else f"{reason[:1].upper()}{reason[1:]}")


def _reason(error: BaseException, number: int | None) -> str | None:
    """Say which limit or right is missing, and what to do."""
    told = str(error)
    if isinstance(error, MemoryError) or number == errno.ENOMEM or _unallocated(error):
        return (
            f"not enough memory{_limit(resource.RLIMIT_AS, ' (this process may have {} bytes)')}. "
            "Nothing is damaged. Give the job more memory, or run fewer jobs, and run again."
        )
    if number in (errno.EACCES, errno.EPERM):
        return (
            f"permission denied to user {os.getuid()} (file or folder). Nothing is damaged. Give "
            "that user the right to read and write there, and run again."
        )
    if number == errno.EMFILE:
        return (
            f"too many open files{_limit(resource.RLIMIT_NOFILE, ': this process may have {}')}. "
            "Nothing is damaged. Raise the limit with `ulimit -n`, and run again."
        )
    if number == errno.ENFILE:
        return "too many open files on this machine. Nothing is damaged. Run again later."
    if number == errno.EAGAIN or "start new thread" in told:
        return (
            f"no further thread or process{_limit(resource.RLIMIT_NPROC, ' (`ulimit -u`: {})')}. "
            "A container may allow fewer. Nothing is damaged. Raise the limit, or run fewer jobs."
        )
    if number == errno.EROFS:
        return "the file system is read-only. Put the results folder on another one."
    if number in (errno.EIO, errno.ESTALE):
        return f"the file system fails ({told}). Look after the disk or its server, and run again."
    return None


def _unallocated(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and any(part in str(error) for part in ALLOCATIONS)


def _limit(kind: int, text: str) -> str:
    soft, _ = resource.getrlimit(kind)
    return "" if soft == resource.RLIM_INFINITY else text.format(f"{soft:,}")


@contextmanager
def reading(path: Path, whole: Path | None = None) -> Iterator[None]:
    """Name the file if what is read inside the block turns out damaged, or cannot be read.

    Arguments:
        path: The file.
        whole: What is to be deleted, where the file is a part of something.

    Raises:
        CorruptFileError: Instead of what Zarr, the zip or a parser said.
        LimitError: If memory, a right, files or threads are missing.
    """
    try:
        yield
    except Exception as error:
        if limit := trouble(error, path):
            raise limit from error
        if isinstance(error, GONE):
            raise CorruptFileError(path, "missing", whole) from error
        if isinstance(error, FAULTS) or (isinstance(error, OSError) and error.errno is None):
            raise CorruptFileError(path, error, whole) from error
        raise


@contextmanager
def given(path: Path) -> Iterator[None]:
    """Advise nobody to delete a file that somebody named and no run has made.

    Arguments:
        path: The file that is read inside the block.

    Raises:
        ConfigError: If it cannot be read.
    """
    try:
        yield
    except CorruptFileError as error:
        if target_of(path) or recorded(path):
            raise
        raise ConfigError(
            f"{path}: cannot be read ({error.reason}). It is no result of a study; is it the file "
            "that was meant?"
        ) from error
