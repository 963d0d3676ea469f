"""Weights as people have them: from the usual kinds of files to the names of a module.

A file is read without running code that it may hold. Inside it the state dict is found by its
names: the one that has all names of the module, as they are or behind what parallel training,
compiling, averaging and frameworks put before them.
"""

__all__ = ["check_values", "match_state", "read_candidates"]

import argparse
import logging
import pickle
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path, PosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.networks.state import check_fit, first_line, read_tensors
from actsense.store.damage import trouble

WRAPPERS = frozenset({"module", "_orig_mod"})  # parallel, averaged and compiled modules
COUNTED = "num_batches_tracked"  # files older than PyTorch 0.4.1 lack it
BESIDE = frozenset({"n_averaged", "total_ops", "total_params"})  # of averaging and of profilers
DEEPEST = 3  # levels of dictionaries, or of names, inside which a state dict is looked for
SAVE = "Save torch.save(module.state_dict(), path) instead."
# What training scripts keep beside weights; harmless, and PyTorch refuses it by default.
HARMLESS: list[Any] = [
    *(argparse.Namespace, datetime, defaultdict, dict, list, PosixPath),
    *(np.dtype, np.ndarray, np.empty(0).__reduce__()[0]),
    *(type(np.dtype(kind)) for kind in ("f8", "f4", "i8", "i4", "b1")),
    (np.float64(0).__reduce__()[0], "numpy._core.multiarray.scalar"),
    (np.float64(0).__reduce__()[0], "numpy.core.multiarray.scalar"),
]
FOREIGN = {  # how other files begin
    b"\x89HDF": "an HDF5 file, as Keras writes it",
    b"\x93NUMPY": "an array of NumPy",
    b"\x1f\x8b": "compressed. Unpack it first",
    b"version https://": "a pointer of Git LFS. Fetch the file itself",
    b"<": "a web page",
    b"{": "text, as the index of weights in several files is. Join them",
}

log = logging.getLogger(__name__)

Tensors = dict[str, Tensor]
Names = dict[str, str]  # as they are read, to what they are


def read_candidates(path: Path, *, values: bool = True) -> dict[str, Tensors]:
    """Read all that could be a state dict in a file.

    Arguments:
        path: A checkpoint of PyTorch or a safetensors file.
        values: Whether to read values; else tensors are on the meta device.

    Returns:
        Tensors by name, by their place in the file, such as `state_dict`; the first is `""` if
        the file itself is a state dict.

    Raises:
        ConfigError: If the file is missing, damaged, of another kind, or holds no named tensors.
    """
    if path.is_dir():
        raise ConfigError(f"{path}: a folder. Name the file of weights in it.")
    if not path.is_file():
        raise ConfigError(f"{path}: no file of weights there.")
    found = dict(_mappings(_content(path, values=values), "", DEEPEST))
    if not found:
        raise ConfigError(f"{path}: holds no named tensors, so no state dict. {SAVE}")
    return found


def match_state(candidates: Mapping[str, Tensors], module: nn.Module, setting: str) -> Tensors:
    """Choose the state dict that has the names of a module, and give its tensors these names.

    Arguments:
        candidates: As `read_candidates` returns them.
        module: The network, on any device; its shapes do not matter.
        setting: Named in messages.

    Returns:
        The tensors, in the order of the module.

    Raises:
        ConfigError: If no candidate has all names; tells what the nearest one lacks. Or if
            several have, and differ; names them.
    """
    expected = module.state_dict(keep_vars=True)
    for offered in (candidates.items(), _parts(candidates)):
        matched = ((place, _matched(own, expected)) for place, own in offered)
        fitting = {place: state for place, state in matched if state is not None}
        if fitting:
            return _only(fitting, setting)
    read = [
        {short: own[key] for short, key in reading.items()}
        for own in candidates.values()
        for reading in _readings(list(own))
    ]
    nearest = max(read, key=lambda state: len(state.keys() & expected.keys()))
    check_fit(module, nearest, setting, names_only=True)  # or it would have been matched
    return nearest


def check_values(module: nn.Module, state: Mapping[str, Tensor], setting: str) -> None:
    """Refuse values that the module's own cannot stand for.

    Raises:
        ConfigError: If tensors are quantised, of another kind of number, or not numbers.
    """
    expected = module.state_dict()
    for key, value in state.items():
        wanted = expected[key].dtype
        same_kind = (
            value.is_floating_point() == wanted.is_floating_point
            and value.is_complex() == wanted.is_complex
        )
        dense = value.layout == torch.strided
        if value.is_quantized or not same_kind or not dense:
            held = _short(value.dtype if dense else value.layout)
            raise ConfigError(
                f"{setting}: {key} holds {held}, and the network computes in {_short(wanted)}. "
                "Take the weights from before they were quantised or converted."
            )
        if value.is_floating_point() and value.isnan().any():
            raise ConfigError(
                f"{setting}: {key} holds values that are no numbers (NaN). Take weights from "
                "before the training failed, or of a network that has this layer."
            )


def _short(kind: torch.dtype | torch.layout) -> str:
    return str(kind).removeprefix("torch.")


def _content(path: Path, *, values: bool) -> Any:
    with path.open("rb") as file:
        start = file.read(16)
    if start[8:9] == b"{":  # behind the length of the header
        return _safetensors(path, values=values)
    kind = next((kind for mark, kind in FOREIGN.items() if start.startswith(mark)), None)
    if path.suffix == ".npz":
        kind = "an archive of NumPy"
    if kind:
        raise ConfigError(f"{path}: {kind}; a state dict of PyTorch in one file is wanted. {SAVE}")
    try:
        with torch.serialization.safe_globals(HARMLESS):
            return read_tensors(path, values=values)
    except ValueError as error:
        raise ConfigError(f"{path}: {_refusal(path, error)} {SAVE}") from error


def _safetensors(path: Path, *, values: bool) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        held = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        if limit := trouble(error, path):
            raise limit from error
        raise ConfigError(f"{path}: a damaged safetensors file ({first_line(error)}).") from error
    return held if values else {key: tensor.to("meta") for key, tensor in held.items()}


def _refusal(path: Path, error: ValueError) -> str:
    """Say what a file holds that is not read: objects whose code would have to run, or damage."""
    if "TorchScript" in str(error):
        return "a module of TorchScript, not a plain state dict."
    if not isinstance(error.__cause__, pickle.UnpicklingError):
        return f"not a plain state dict, or damaged ({error})."
    try:
        held = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except (RuntimeError, ValueError, pickle.UnpicklingError):
        held = []
    if not held:
        return "not a plain state dict, or damaged."
    return (
        f"not a plain state dict: it holds {', '.join(sorted(held)[:3])}, objects that only the "
        "code they came from can read."
    )


def _mappings(content: Any, place: str, depth: int) -> Iterator[tuple[str, Tensors]]:
    """Yield the mappings that hold named tensors, outermost first."""
    if not isinstance(content, Mapping):
        return
    tensors = {
        key: value
        for key, value in content.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }
    if tensors:
        yield place, tensors
    if depth:
        for key, value in content.items():
            yield from _mappings(value, f"{place}.{key}" if place else str(key), depth - 1)


def _parts(candidates: Mapping[str, Tensors]) -> Iterator[tuple[str, Tensors]]:
    """Yield what lies behind each of the first parts of names: networks inside a larger one."""
    for place, own in candidates.items():
        for depth in range(1, DEEPEST + 1):
            parts: dict[str, Tensors] = {}
            for key, value in own.items():
                *before, _ = names = key.split(".")
                if len(before) >= depth:
                    start = ".".join(names[:depth])
                    parts.setdefault(start, {})[key.removeprefix(f"{start}.")] = value
            for start, part in parts.items():
                yield f"{place}.{start}" if place else start, part


def _matched(own: Tensors, expected: Mapping[str, Tensor]) -> Tensors | None:
    """Return the tensors under the names of the module, or None if the names are others."""
    names = [key for key in own if key in expected or key.rpartition(".")[2] not in BESIDE]
    needed = sum(not _is_count(key) for key in expected)
    if not names or len(names) < needed - len(_tied(expected)):
        return None
    for found, wanted in _pairs(names, list(expected)):
        if all(short in wanted or _is_count(short) for short in found):
            state = {key: own[found[short]] for short, key in wanted.items() if short in found}
            if (whole := _completed(state, expected)) is not None:
                return whole
    return None


def _pairs(names: list[str], expected: list[str]) -> Iterator[tuple[Names, Names]]:
    """Yield how the names of a file and those of the module may be read, the plainest first.

    Never shortened on both sides: such names would be other names.
    """
    for found in _readings(names):
        yield found, {key: key for key in expected}
    plain = [{key: key for key in names}, {_unwrapped(key): key for key in names}]
    for wanted in _readings(expected):
        yield from ((found, wanted) for found in plain if len(found) == len(names))


def _readings(names: list[str]) -> Iterator[Names]:
    """Yield names without wrappers and without the parts with which all of them begin."""
    for reading in (lambda key: key, _unwrapped):
        short = {reading(key): key for key in names}
        if len(short) < len(names):
            continue  # two names would become one
        yield short
        while len({key.partition(".")[0] for key in short}) == 1 and all("." in k for k in short):
            short = {key.partition(".")[2]: long for key, long in short.items()}
            yield short


def _completed(state: Tensors, expected: Mapping[str, Tensor]) -> Tensors | None:
    """Add what files may leave out: counts of batches, and tensors that stand for others too."""
    twins = _tied(expected)
    whole: Tensors = {}
    for key in expected:
        twin = next((other for other in twins.get(key, ()) if other in state), None)
        if key in state or twin is not None:
            whole[key] = state[key if key in state else str(twin)]
        elif _is_count(key):
            whole[key] = torch.tensor(0)
        else:
            return None
    return whole


def _tied(expected: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """Return the other names of tensors that have several."""
    by_tensor: dict[int, list[str]] = {}
    for key, tensor in expected.items():
        by_tensor.setdefault(id(tensor), []).append(key)
    return {key: keys for keys in by_tensor.values() if len(keys) > 1 for key in keys}


def _only(fitting: Mapping[str, Tensors], setting: str) -> Tensors:
    (place, state), *others = fitting.items()
    differing = [other for other, held in others if not _equal(state, held)]
    if differing:
        raise ConfigError(
            f"{setting}: several networks in it fit: {', '.join((place, *differing))}. Save the "
            "one that you mean in a file of its own."
        )
    if place:
        log.info("%s: the weights below %s in it", setting, place)
    return state


def _equal(one: Tensors, other: Tensors) -> bool:
    """Compare values, and shapes where there are no values: reading them will tell more."""
    pairs = [(one[key], other[key]) for key in one]
    return all(a.shape == b.shape and (a.is_meta or torch.equal(a, b)) for a, b in pairs)


def _unwrapped(key: str) -> str:
    return ".".join(part for part in key.split(".") if part not in WRAPPERS)


def _is_count(key: str) -> bool:
    return key.rpartition(".")[2] == COUNTED
