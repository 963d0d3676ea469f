"""The user's files that a network is made of: its weights, and the code in the working directory.

The model card keeps a digest of each as it was imported. A network is imported again when one of
them has other contents; a file that is gone since has done its work.
"""

__all__ = ["code_files", "describe_inputs", "input_key"]

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from actsense.networks.settings import NetworkSettings, Python, weights_file

Digests = dict[str, str]  # SHA-256 by path
Digest = Callable[[Path], str]


def code_files(modules: Iterable[ModuleType]) -> list[Path]:
    """List the files of modules that lie in the working directory, without installed packages."""
    here, files = Path.cwd(), set()
    for module in modules:
        file = Path(getattr(module, "__file__", None) or "/").absolute()
        if file.suffix == ".py" and file.is_relative_to(here):
            inside = file.relative_to(here)
            if not {"site-packages", ".snakemake"} & {*inside.parts}:
                files.add(inside)
    return sorted(files)


def describe_inputs(settings: NetworkSettings, digest: Digest) -> Digests:
    """Return digests of the files that the network, built in this process, is made of.

    Arguments:
        settings: Its settings.
        digest: Returns the SHA-256 of a file.
    """
    files = code_files([*sys.modules.values()]) if isinstance(settings, Python) else []
    if weights := weights_file(settings):
        files.append(weights)
    return {str(file): digest(file) for file in files if file.is_file()}


def input_key(settings: NetworkSettings, card: Path, digest: Digest) -> str:
    """Return what an import of these files is known by: the same as long as they are the same.

    A network that was imported by an earlier version has none, unless a file is newer.

    Arguments:
        settings: Its settings.
        card: Its model card, if it was imported before.
        digest: Returns the SHA-256 of a file.
    """
    known: list[Path] = [*filter(None, [weights_file(settings)])]
    if isinstance(settings, Python):
        module = sys.modules.get(settings.factory.partition(":")[0])
        known += code_files([module] if module else [])
    with suppress(OSError, ValueError):
        made = json.loads(card.read_text(encoding="utf-8"))
        time = card.stat().st_mtime_ns
        if "inputs" not in made:
            newer = any(file.stat().st_mtime_ns > time for file in known if file.is_file())
            return _key(known, digest) if newer else ""
        before: Digests = made["inputs"]["files"]
        added = [file for file in known if file.is_file() and str(file) not in before]
        if _unchanged(before, digest) and not added:
            return str(made["inputs"]["key"])
        known += [path for path in map(Path, before) if path not in known]
    return _key(known, digest)


def _unchanged(before: Digests, digest: Digest) -> bool:
    there = {path: sha256 for path, sha256 in before.items() if Path(path).is_file()}
    return all(digest(Path(path)) == sha256 for path, sha256 in there.items())


def _key(files: Iterable[Path], digest: Digest) -> str:
    """Return one digest for files, empty if there are none."""
    there = {str(file): digest(file) for file in files if file.is_file()}
    text = json.dumps(there, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest() if there else ""
