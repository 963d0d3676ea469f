"""A job's files, as Snakemake names them, and where its results come from."""

__all__ = ["by_name", "origin", "paths"]

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from actsense.store.provenance import file_hash, provenance

Name = TypeVar("Name", bound=Hashable)


class Named(Protocol):
    """Inputs or outputs of a job that have a name each."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return every name with its path."""
        ...


class Evaluated(Protocol):
    """Inputs of a job that opened a network and the images of a study."""

    weights: str
    manifest: str


class Described(Protocol):
    """Params of a job that say which settings are behind its result."""

    study: Mapping[str, Any]


def paths(files: Named) -> dict[str, Path]:
    """Return the path of every name among a job's inputs or outputs."""
    return {name: Path(path) for name, path in files.items()}


def by_name(names: Iterable[Name], files: Iterable[str]) -> dict[Name, Path]:
    """Return the path of every network, of every design, or of pairs, in the order of both.

    Raises:
        ValueError: If there are more of one than of the other.
    """
    return dict(zip(names, map(Path, files), strict=True))


def origin(
    params: Described,
    inputs: Evaluated,
    *,
    weights: Mapping[str, Path] | None = None,
    **facts: Any,
) -> dict[str, Any]:
    """Return where a result comes from, to be kept inside it.

    Arguments:
        params: Of the job; its `study` are the settings behind the result.
        inputs: Of the job, with the files `weights` and `manifest`.
        weights: Files of any number of networks by their names, in place of the one in `inputs`.
        facts: What else is to be known of the result.
    """
    hashes = None
    if weights is not None:
        hashes = {name: file_hash(path) for name, path in weights.items()}
    return provenance(
        configuration=dict(params.study),
        weights_sha256=file_hash(Path(inputs.weights)) if hashes is None else hashes,
        dataset_sha256=file_hash(Path(inputs.manifest)),
        **facts,
    )
