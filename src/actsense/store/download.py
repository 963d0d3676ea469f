"""One file from the internet: resumed after a cut, checked, in place only when complete.

What has arrived lies beside the file, in `<name>.partial`; `<name>.partial.json` says which
version of the file on the server it belongs to, its size, and the hashes the server gave.
"""

__all__ = ["InterruptedDownloadError", "Remote", "download"]

import base64
import errno
import fcntl
import hashlib
import json
import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from actsense.errors import ConfigError
from actsense.progress import BYTES, Progress
from actsense.store.damage import DiskFullError

CHUNK_BYTES = 2**20
TIMEOUT = 60.0  # seconds without a byte, after which a connection counts as dead
HASH = re.compile(r"(md5|crc32c)=([\w+/]+=*)")  # in Google's header x-goog-hash
RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")

log = logging.getLogger(__name__)


class InterruptedDownloadError(Exception):
    """A transfer that may succeed when it is tried again; the message holds no secret."""


@dataclass(frozen=True)
class Remote:
    """Where a file can be had at the moment; both may be secret and are never shown.

    Attributes:
        url: The address, perhaps with a signature behind the `?`.
        authorization: A header for this address alone, not for others it may lead to.
    """

    url: str = field(repr=False)
    authorization: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Version:
    """What a server says about a file.

    Attributes:
        name: Entity tag or date of the last change; empty if the server gives neither.
        size: Bytes.
        hashes: Base64 digests by algorithm, `md5` or `crc32c`.
    """

    name: str
    size: int
    hashes: dict[str, str]


def download(
    target: Path,
    locate: Callable[[], Remote],
    *,
    md5: str | None = None,
    attempts: int = 4,
    pause: float = 10.0,
) -> None:
    """Download a file unless it is there, going on where the last attempt or run was cut.

    Arguments:
        target: Where the file goes.
        locate: Says where it can be had; asked again for every attempt, since signed addresses
            expire. May raise `InterruptedDownloadError` to be asked again later.
        md5: The published MD5, hexadecimal; without one, the server's own hash is compared.
        attempts: How often to try without any new byte.
        pause: Seconds between two attempts, doubled with every one that brought nothing.

    Raises:
        ConfigError: If the file cannot be had, is not the one expected, or cannot be written.
        DiskFullError: If there is no room for it.
    """
    if target.exists():
        return
    partial = _beside(target, ".partial")
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(partial, target) as file:
            if target.exists():  # another process was at it until now
                partial.unlink()
                return
            version = _received(file, target, locate, md5, attempts, pause)
            checked = _check(partial, target, version, md5)
            partial.rename(target)
            _beside(target, ".partial.json").unlink(missing_ok=True)
    log.info("%s is complete: %.3f GB, %s", target, version.size / 1e9, checked)


def _received(
    file: BinaryIO,
    target: Path,
    locate: Callable[[], Remote],
    md5: str | None,
    attempts: int,
    pause: float,
) -> Version:
    most, failures = _length(file), 0
    while True:
        try:
            return _receive(file, target, locate, resume=md5 is not None)
        except InterruptedDownloadError as error:
            failures = 0 if _length(file) > most else failures + 1
            most = max(most, _length(file))
            log.warning("%s: %s; %.3f GB are here", target, error, most / 1e9)
            if failures >= attempts:
                raise ConfigError(
                    f"{target}: cannot be downloaded ({error}). Run this rule where the internet "
                    "is reachable; it goes on where it stopped. Or put the file there by hand."
                ) from None  # causes may show signed addresses
            time.sleep(pause * 2 ** max(failures - 1, 0))


def _receive(
    file: BinaryIO, target: Path, locate: Callable[[], Remote], *, resume: bool
) -> Version:
    """Transfer what is missing; `resume`: even if the server does not name its versions."""
    note = _beside(target, ".partial.json")
    version = _noted(note)
    if version is None or not (version.name or resume) or _length(file) > version.size:
        version = None
        _empty(file)
    elif _length(file) == version.size:
        return version
    with _opened(locate(), file, version) as response:
        if response.status == 206:
            _check_continues(file, response.headers, version)
        else:  # from the beginning: nothing was here, or the server has another version now
            _empty(file)
            version = _described(response.headers)
            note.write_text(json.dumps(vars(version)))
        assert version is not None
        missing = version.size - _length(file)
        if shutil.disk_usage(target.parent).free < missing:
            raise OSError(errno.ENOSPC, "too little space")
        _append(file, response, target, version.size)
    if _length(file) < version.size:
        raise InterruptedDownloadError("the connection was cut")
    return version


def _append(file: BinaryIO, response: Any, target: Path, size: int) -> None:
    with Progress(size, desc=target.name, unit=BYTES, initial=_length(file)) as bar:
        for chunk in _chunks(response):
            file.write(chunk)
            bar.update(len(chunk))


def _chunks(response: Any) -> Iterator[bytes]:
    """Read on; errors of the connection are told apart from those of the disk here."""
    while True:
        try:
            chunk = response.read(CHUNK_BYTES)
        except (OSError, HTTPException) as error:
            raise InterruptedDownloadError(_told(error)) from None
        if not chunk:
            return
        yield chunk


def _opened(remote: Remote, file: BinaryIO, version: Version | None) -> Any:
    """Ask for what is missing; status 206 if the server sends that, 200 if it sends all."""
    request = Request(remote.url, headers={"Accept-Encoding": "identity"})
    if remote.authorization:
        request.add_unredirected_header("Authorization", remote.authorization)
    if start := _length(file):
        request.add_header("Range", f"bytes={start}-")
        if version is not None and version.name:
            request.add_header("If-Range", version.name)
    try:
        return urlopen(request, timeout=TIMEOUT)
    except HTTPError as error:
        with error:
            if error.code == 416:  # no such range: not this version of the file
                _empty(file)
            raise InterruptedDownloadError(f"the server answers {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        host = urlsplit(remote.url).hostname
        raise InterruptedDownloadError(f"{host}: {_told(error)}") from None


def _check_continues(file: BinaryIO, headers: Message, version: Version | None) -> None:
    """Refuse an answer that is not the rest of the file; the next attempt starts anew."""
    sent = RANGE.fullmatch(headers.get("Content-Range", ""))
    expected = None if version is None else (str(_length(file)), str(version.size))
    if sent is None or sent.groups() != expected:
        _empty(file)
        raise InterruptedDownloadError("the server sent another part than it was asked for")


def _described(headers: Message) -> Version:
    length = headers.get("Content-Length", "")
    if not length.isdigit():
        raise InterruptedDownloadError("the server does not say how long the file is")
    tag = headers.get("ETag", "")
    name = headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
    # An ETag that looks like an MD5 is none on every server: only the named hashes count.
    hashes = HASH.findall(",".join(headers.get_all("x-goog-hash", [])))
    return Version(name, int(length), dict(hashes))


def _noted(note: Path) -> Version | None:
    try:
        return Version(**json.loads(note.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _check(partial: Path, target: Path, version: Version, md5: str | None) -> str:
    """Compare the file with the strongest checksum there is; delete it if it is another.

    Return what was compared, in words.
    """
    if md5 is not None:
        kind, expected, actual = "MD5", md5, _md5(partial).hex()
    elif "md5" in version.hashes:
        kind, expected = "MD5", version.hashes["md5"]
        actual = base64.b64encode(_md5(partial)).decode()
    elif "crc32c" in version.hashes:
        kind, expected = "CRC-32C", version.hashes["crc32c"]
        actual = base64.b64encode(_crc32c(partial)).decode()
    else:
        return "its size is right; the server gives no checksum"
    if actual != expected:
        partial.unlink()
        _beside(target, ".partial.json").unlink(missing_ok=True)
        raise ConfigError(
            f"{target}: the download has the {kind} {actual}, not {expected}: it was damaged on "
            "its way, or is another version. It was deleted; run again to download it anew."
        )
    return f"its {kind} is right"


def _md5(path: Path) -> bytes:
    checksum = hashlib.md5(usedforsecurity=False)
    for chunk in _contents(path):
        checksum.update(chunk)
    return checksum.digest()


def _crc32c(path: Path) -> bytes:
    import google_crc32c  # a dependency of zarr; not needed by any other job

    library: Any = google_crc32c
    checksum = library.Checksum()
    for chunk in _contents(path):
        checksum.update(chunk)
    return bytes(checksum.digest())


def _contents(path: Path) -> Iterator[bytes]:
    name = path.name.removesuffix(".partial")
    with (
        path.open("rb") as file,
        Progress(path.stat().st_size, desc=f"checksum of {name}", unit=BYTES) as bar,
    ):
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
            bar.update(len(chunk))


@contextmanager
def _locked(partial: Path, target: Path) -> Iterator[BinaryIO]:
    """Open for appending; a second process must not append to the same file."""
    with partial.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"{target}: another process is downloading it. Run again when it is done."
            ) from None
        except OSError:
            log.info("%s: this file system has no locks", target)
        yield file


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            version = _noted(_beside(target, ".partial.json"))
            size = f"{version.size / 1e9:.3f} GB in all" if version else "its size is not known"
            advice = "Make room there, or keep the file on another file system."
            raise DiskFullError(target, size, advice) from error
        raise ConfigError(
            f"{target}: cannot be written ({error.strerror}). Choose a folder that you may "
            "write to."
        ) from error


def _beside(target: Path, suffix: str) -> Path:
    return target.with_name(target.name + suffix)


def _length(file: BinaryIO) -> int:
    return file.seek(0, 2)


def _empty(file: BinaryIO) -> None:
    if _length(file):
        file.truncate(0)


def _told(error: Exception) -> str:
    """Say what went wrong without what an address holds behind its `?`."""
    reason = error.reason if isinstance(error, URLError) else error
    return re.sub(r"\?\S*", "?...", str(reason)) or type(error).__name__
