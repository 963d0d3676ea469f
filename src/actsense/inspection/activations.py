"""Activations that a run has kept, read from its shards when their values are used."""

__all__ = ["KeptActivations", "keeping"]

import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from actsense.errors import ConfigError, MissingResultError
from actsense.layers import Layer
from actsense.layout import make_command
from actsense.sampling.design_table import DesignTable
from actsense.store import open_archive, read_shard_layers, reading
from actsense.store.parts import block_name

SUMMED = ".moments.zarr.zip"  # what lies beside shards for a while
ENDING = ".zarr.zip"

Rows = NDArray[np.int64]


class KeptActivations:
    """The activations of a network under a design, in the rows of the design's table.

    Arguments:
        folder: Where the shards are.
        table: The rows.

    Raises:
        MissingResultError: If blocks of the design are not there.
        ConfigError: If shards are of another design or damaged.
    """

    def __init__(self, folder: Path, table: DesignTable) -> None:
        self._table = table
        self._path: Mapping[str, Path] = {
            name: path for path in _shards(folder) for name in _blocks(path)
        }
        design = table.design
        wanted = [(r, b) for r in range(design.replicates) for b in range(design.blocks)]
        missing = [own for own in wanted if block_name(*own) not in self._path]
        if missing:
            raise MissingResultError(
                folder,
                "",
                f"{len(missing)} of {len(wanted)} blocks of activations are not there, the first "
                f"of them block {missing[0][1]} of replicate {missing[0][0]}: they were deleted "
                f"once they were summed up, or are still being sampled. {keeping(folder)}",
            )
        for path in sorted({*self._path.values()}):
            self._check(path)

    def __len__(self) -> int:
        return len(self._table)

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """The recorded layers by name."""
        first = next(iter(self._path.values()))
        return {layer.name: layer for layer in read_shard_layers(first)}

    def layer(self, name: str) -> xr.DataArray:
        """Return the activations of a layer, (evaluation, *shape), not read yet.

        Arguments:
            name: One of `layers`.
        """
        layer = self.layers[name]
        dimensions = ("evaluation", *layer.dimensions)
        lazy = indexing.LazilyIndexedArray(_Lazy(self, layer))
        return xr.Dataset({"activations": (dimensions, lazy)})["activations"].rename(name)

    def read(self, rows: Rows, units: slice) -> NDArray[np.float32]:
        """Read evaluations in any order, every stored block that they need once.

        Arguments:
            rows: Numbers of the evaluations, (rows,).
            units: Units of the network, consecutive.

        Returns:
            Activations, (rows, units). Beside it, those of one block are held.
        """
        found = np.empty((len(rows), units.stop - units.start), dtype=np.float32)
        numbers, within = np.divmod(rows, self._table.block_rows)
        order = numbers.argsort(kind="stable")
        starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
        for chosen in np.split(order, starts[1:]) if len(order) else ():
            replicate, number = divmod(int(numbers[chosen[0]]), self._table.design.blocks)
            name = block_name(replicate, number)
            with open_archive(self._path[name]) as shard, reading(self._path[name]):
                place = _array(shard, f"{name}/place")[:].reshape(-1)[within[chosen]]
                first, last = int(place.min()), int(place.max())
                stored = _array(shard, f"{name}/responses")[first : last + 1, units]
            found[chosen] = stored[place - first]
        return found

    def _check(self, path: Path) -> None:
        """Compare the first block of a shard with the design."""
        name = next(name for name, held in self._path.items() if held == path)
        _, replicate, number = name.split("_")
        table = self._table.block(int(replicate), int(number))
        with open_archive(path) as shard, reading(path):
            place = _array(shard, f"{name}/place")[:].reshape(-1)
        if not np.array_equal(place, table["row"].to_numpy()):
            raise ConfigError(
                f"{path}: activations of another design, or of other images, than the indices "
                f"beside them. Delete {path.parent} and sample again: "
                f"{make_command('indices', path, 'sample_activations')}"
            )


def keeping(folder: Path) -> str:
    """Say how activations are kept that a finished run has not.

    Arguments:
        folder: Where they would be.
    """
    return (
        "Set `activations: store` and `keep_activations: true`, then: "
        f"{make_command('indices', folder, 'sample_activations')}"
    )


class _Lazy(BackendArray):
    """A layer as xarray's lazy arrays want it."""

    def __init__(self, kept: KeptActivations, layer: Layer) -> None:
        self._kept, self._layer = kept, layer
        self.shape = (len(kept), *layer.shape)
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[np.float32]:
        rows = _numbers(key[0], self.shape[0])
        units = np.arange(self._layer.size).reshape(self._layer.shape)
        for axis, chosen in enumerate(key[1:]):
            units = units.take(_numbers(chosen, units.shape[axis]), axis=axis)
        if not rows.size or not units.size:
            return np.empty(_kept_shape(key, (len(rows), *units.shape)), dtype=np.float32)
        first, last = int(units.min()), int(units.max())
        offset = self._layer.offset
        read = self._kept.read(rows, slice(offset + first, offset + last + 1))
        values = read[:, units.reshape(-1) - first]
        return values.reshape(_kept_shape(key, (len(rows), *units.shape)))


def _shards(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob(f"[!.]*{ENDING}") if not p.name.endswith(SUMMED))


def _blocks(path: Path) -> list[str]:
    """Return the names of the blocks that a shard holds, in order."""
    with reading(path), zipfile.ZipFile(path) as archive:
        ending = "/place/zarr.json"
        return [n.removesuffix(ending) for n in archive.namelist() if n.endswith(ending)]


def _array(shard: zarr.Group, name: str) -> Any:
    return cast("zarr.Array[Any]", shard[name])


def _numbers(chosen: Any, length: int) -> Rows:
    """Return what an index of one axis chooses, (numbers,)."""
    if isinstance(chosen, slice):
        return np.arange(*chosen.indices(length))
    return np.atleast_1d(np.asarray(chosen, dtype=np.int64)) % length


def _kept_shape(key: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without the axes of which a single number was chosen."""
    one = [np.ndim(chosen) == 0 and not isinstance(chosen, slice) for chosen in key]
    return tuple(n for n, single in zip(shape, one, strict=True) if not single)
