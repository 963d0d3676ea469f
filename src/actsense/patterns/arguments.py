"""What Python users give to the classes of this study, and what these leave on disk.

Data come as a dictionary of arrays or tensors by name, options as another. Results go back in the
kind that the data came in, and to plain files: arrays as `.npz`, curves as `.csv`.
"""

__all__ = [
    "Data",
    "Numbers",
    "as_given",
    "read_data",
    "read_params",
    "write_arrays",
    "write_curves",
]

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.store.atomic import replacing

Numbers = NDArray[Any] | Tensor
Data = Mapping[str, Any]


def read_data(
    data: Data, axes: Mapping[str, str], *, optional: Sequence[str] = ()
) -> dict[str, Tensor]:
    """Return what was given as tensors, on the device where it lies; nothing is copied.

    Arguments:
        data: Arrays or tensors by name.
        axes: Names that are allowed, each with the axes it has, as in `images, classes`.
        optional: Names among them that may be missing.

    Raises:
        ValueError: If a name is unknown or missing, axes that share a name differ in length, or
            numbers are not finite.
    """
    _known("data", data, axes)
    given = [name for name in data if data[name] is not None]
    missing = [name for name in axes if name not in given and name not in optional]
    if missing:
        raise ValueError(
            f"data lacks {', '.join(missing)}; it holds {', '.join(given) or 'nothing'}."
        )
    found = {name: _tensor(name, data[name]) for name in axes if name in given}
    lengths: dict[str, tuple[str, int]] = {}
    for name, tensor in found.items():
        letters = axes[name].split(", ")
        if tensor.ndim != len(letters) or 0 in tensor.shape:
            raise ValueError(
                f"{name} must be ({axes[name]}), none empty; got {tuple(tensor.shape)}."
            )
        for letter, length in zip(letters, tensor.shape, strict=True):
            other, known = lengths.setdefault(letter, (name, length))
            if length != known:
                raise ValueError(
                    f"{name}, ({axes[name]}), has {length} {letter}, but {other} has {known}."
                )
    return found


def read_params(params: Data, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options, those not given at their defaults.

    Raises:
        ValueError: If one is unknown, or is no number where its default is one.
    """
    _known("params", params, defaults)
    for name, given in params.items():
        wanted = type(defaults[name])
        fits = (int, float, np.integer, np.floating) if wanted is float else (wanted, np.integer)
        if isinstance(given, bool) or not isinstance(given, fits):
            raise ValueError(
                f"params: {name} must be of the type {wanted.__name__}; got {given!r}."
            )
    return {**defaults, **params}


def as_given(result: Tensor, kind: type) -> Numbers:
    """Return a result as a tensor if what was given is of that kind, and as an array if not."""
    return result if issubclass(kind, Tensor) else result.cpu().numpy()


def write_arrays(folder: Path | str, name: str, arrays: Mapping[str, Tensor]) -> None:
    """Write arrays by name to NAME.npz in a folder, which is made if it is not there."""
    plain: dict[str, Any] = {key: value.detach().cpu().numpy() for key, value in arrays.items()}
    with replacing(Path(folder) / f"{name}.npz") as beside, beside.open("wb") as file:
        np.savez(file, **plain)


def write_curves(folder: Path | str, name: str, columns: Mapping[str, Tensor]) -> None:
    """Write one row a step to NAME.csv in a folder: its number, and a column by name each."""
    values = torch.stack([column.detach().cpu().double() for column in columns.values()], dim=1)
    steps = torch.arange(len(values), dtype=torch.float64)[:, None]
    with replacing(Path(folder) / f"{name}.csv") as beside:
        table = torch.cat([steps, values], dim=1).numpy()
        np.savetxt(beside, table, "%.10g", ",", header=",".join(["step", *columns]), comments="")


def _known(what: str, given: Data, allowed: Mapping[str, Any]) -> None:
    for name in given:
        if name not in allowed:
            nearest = get_close_matches(str(name), allowed, n=1)
            hint = f" Nearest: {nearest[0]}." if nearest else ""
            raise ValueError(
                f"{what}: {name!r} is not known.{hint} Allowed: {', '.join(sorted(allowed))}."
            )


def _tensor(name: str, given: Any) -> Tensor:
    tensor = given.detach() if isinstance(given, Tensor) else None
    if tensor is None and (array := np.asarray(given)).dtype.kind in "fiub":
        tensor = torch.from_numpy(np.require(array, requirements="W"))  # of read-only ones a copy
    if tensor is None or tensor.is_complex() or not tensor.isfinite().all():
        raise ValueError(f"{name} must hold finite numbers; it holds NaN, infinity or others.")
    return tensor
