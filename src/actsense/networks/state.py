"""State dicts as files: tensors only, never pickled code."""

__all__ = [
    "check_fit",
    "fill",
    "first_line",
    "read_state",
    "read_tensors",
    "save_state",
    "save_tensors",
]

import pickle
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.layout import make_command, target_of
from actsense.store.atomic import replacing
from actsense.store.damage import trouble

# What a file may unpack to: so many bytes, or so many times its own. PyTorch packs nothing.
UNPACKED, RATIO = 2**30, 20


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict as it is, on its own or with what else is known of a training.

    Raises:
        ConfigError: If the file is missing, damaged, or holds anything but tensors.
    """
    made = target_of(path)
    again = f" Delete it and run again: {make_command(made, path)}" if made else ""
    if not path.is_file():
        raise ConfigError(f"{path}: no file of weights there.{again}")
    try:
        loaded = read_tensors(path)
    except ValueError as error:
        raise ConfigError(
            f"{path}: not a plain state dict, or damaged ({error}).{again}"
        ) from error
    if isinstance(loaded, Mapping) and isinstance(loaded.get("model"), Mapping):
        loaded = loaded["model"]
    if not isinstance(loaded, Mapping) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise ConfigError(f"{path}: does not hold a state dict, a mapping from names to tensors.")
    return dict(loaded)


def read_tensors(path: Path, *, values: bool = True) -> Any:
    """Read what `save_tensors` wrote, onto the CPU; its checksums are compared.

    Arguments:
        path: The file.
        values: Whether to read values; else tensors are on the meta device, and nothing is
            compared.

    Raises:
        LimitError: If memory, a right, files or threads are missing.
        ValueError: If the file is damaged, or holds anything but tensors and plain values.
    """
    try:
        _check_archive(path, sums=values)
        return torch.load(path, map_location="cpu" if values else "meta", weights_only=True)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        BadZipFile,
    ) as error:
        if limit := trouble(error, path):
            raise limit from error
        raise ValueError(first_line(error)) from error


def save_state(module: nn.Module, path: Path) -> None:
    """Write the state dict of a module.

    Raises:
        ConfigError: If it holds more than tensors.
    """
    state = module.state_dict()
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise ConfigError(
                f"{type(module).__name__}: {key} of its state dict is {type(value).__name__} and "
                "no tensor, and would not be read again. Keep it as a buffer, or as an attribute."
            )
    save_tensors(state, path)


def save_tensors(content: Any, path: Path) -> None:
    """Write tensors and plain values, beside the file and into place, with checksums.

    Equal content gives equal bytes.
    """
    # Through a stream: given a name, torch.save would write the name into the file.
    with replacing(path) as partial, partial.open("wb") as stream:
        torch.save(_copied(content), stream)


def _copied(content: Any) -> Any:
    """Copy onto the CPU; what is shared, which the file would tell, is then a matter of values."""
    match content:
        case Tensor():
            return content.detach().cpu().clone()
        case Mapping():
            return {_copied(key): _copied(value) for key, value in content.items()}
        case list() | tuple():
            return type(content)(map(_copied, content))
        case str():
            return sys.intern(content)
    return content


def fill(module: nn.Module, state: dict[str, Tensor], setting: str) -> None:
    """Load a state dict that must fit exactly.

    Raises:
        ConfigError: As `check_fit` does.
    """
    check_fit(module, state, setting)
    module.load_state_dict(state)


def check_fit(
    module: nn.Module, state: Mapping[str, Tensor], setting: str, *, names_only: bool = False
) -> None:
    """Refuse a state dict with other names or, unless only these matter, other shapes.

    Raises:
        ConfigError: If a name is missing or unexpected, or a shape differs; names the first.
    """
    expected = module.state_dict()
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
    differing = [
        f"{key} {tuple(state[key].shape)} for {tuple(expected[key].shape)}"
        for key in expected
        if not names_only and key in state and state[key].shape != expected[key].shape
    ]
    found = {"missing": missing, "unexpected": unexpected, "of another shape": differing}
    problems = [f"{kind}: {keys[0]} ({len(keys)} in all)" for kind, keys in found.items() if keys]
    if problems:
        raise ConfigError(
            f"{setting}: the weights do not fit {type(module).__name__}. {'; '.join(problems)}. "
            "Check that they belong to this model."
        )


def _check_archive(path: Path, *, sums: bool) -> None:
    """Refuse what unpacks to far more than it is; compare checksums, which PyTorch never reads."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > max(UNPACKED, RATIO * path.stat().st_size):
                raise ValueError(
                    f"it unpacks to {unpacked / 1e9:.1f} GB, {unpacked // path.stat().st_size} "
                    "times its size; if you trust it, load it with torch.load and save it again"
                )
            if sums and (damaged := archive.testzip()):
                raise BadZipFile(f"checksum of {damaged}")


def first_line(error: Exception) -> str:
    """Return what an error says in its first line, at most 200 characters of it."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
