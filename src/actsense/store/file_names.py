"""Names of files after names of layers: different layers never share a file."""

__all__ = ["file_names"]

from collections.abc import Iterable
from hashlib import sha256
from urllib.parse import quote

LONGEST = 120  # characters; file systems take 255 bytes, with suffix and temporary ending


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Return a name for a file of every name, without a suffix; most are the names themselves.

    Characters beyond ASCII letters, digits, `.`, `_`, `-` and `~` are percent-encoded. A name that
    is very long, or that differs from another one by capitals alone, which some file systems take
    for the same, ends with a part of its SHA-256.
    """
    found: dict[str, str] = {}
    for name in names:
        encoded = quote(name, safe="")
        taken = {stem.lower() for stem in found.values()}
        if len(encoded) > LONGEST or encoded.lower() in taken:
            encoded = f"{encoded[:LONGEST]}~{sha256(name.encode()).hexdigest()[:8]}"
        found[name] = encoded
    return found
