"""Results: a labelled DataTree in one Zarr v3 store, sharded and checksummed."""

__all__ = ["Gathered", "Results", "create_results", "read_results", "write_results"]

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import xarray as xr
import zarr
from xarray.backends.zarr import ZarrArrayWrapper, ZarrStore
from xarray.core.indexing import LazilyIndexedArray
from zarr.codecs import ZstdCodec

from actsense.store.archive import CHECKSUM
from actsense.store.damage import reading
from actsense.store.described import DescribedStore
from actsense.store.manifest import Manifest, sealing

CHUNK_BYTES = 4 * 2**20


class Results(Protocol):
    """Takes the datasets of a results store, those of large layers in parts."""

    def append(self, group: str, data: xr.Dataset, *, axis: str = "") -> None:
        """Take a dataset, or its next part.

        Arguments:
            group: Its path; `/` in it nests, `""` is the root.
            data: The dataset, or consecutive positions of it.
            axis: The dimension that parts follow each other on.
        """


class Gathered(dict[str, xr.Dataset]):
    """Datasets in memory, by group: what `ResultsWriter` writes, for results that are small."""

    def append(self, group: str, data: xr.Dataset, *, axis: str = "") -> None:
        """Take a dataset, or its next part; see `Results`."""
        known = self.get(group, xr.Dataset())
        if axis and set(data.data_vars) <= set(known.data_vars):
            self[group] = xr.concat([known, data], axis, data_vars="minimal")
        else:
            self[group] = known.merge(data).assign_attrs(known.attrs | data.attrs)


class ResultsWriter:
    """A store that is being written, see `create_results`.

    Attributes:
        attributes: Of the root; nested values are kept as JSON text.
    """

    def __init__(self, path: Path, attributes: Mapping[str, Any]) -> None:
        self.attributes = dict(attributes)
        self._path = path
        self._begun: set[tuple[str, str]] = set()  # group and variable
        self._inherited: set[str] = set()  # labels of the root, which all groups have
        xr.Dataset().to_zarr(path, mode="w", zarr_format=3, consolidated=False)

    def append(self, group: str, data: xr.Dataset, *, axis: str = "") -> None:
        """Write a dataset, or its next part; see `Results`."""
        names = {(group, str(name)) for name in data.data_vars}
        follows = bool(axis) and names <= self._begun
        if group:
            data = data.drop_vars(self._inherited & set(map(str, data.indexes)))
        else:
            self._inherited |= set(map(str, data.indexes))
        data = _texts(data)
        how: dict[str, Any] = {"append_dim": axis} if follows else {}
        if not follows:
            how["encoding"] = {str(name): _encoding(array) for name, array in data.items()}
        self._begun |= names
        data.to_zarr(
            self._path, group=group or None, mode="a", zarr_format=3, consolidated=False, **how
        )

    def close(self) -> None:
        """Write the attributes of the root."""
        plain = {key: _plain(value) for key, value in self.attributes.items()}
        zarr.open_group(self._path, mode="r+").attrs.update(plain)


@contextmanager
def create_results(path: Path, attributes: Mapping[str, Any]) -> Iterator[ResultsWriter]:
    """Open a new store for writing; it appears at `path` when the block ends well.

    Arguments:
        path: Folder of the store.
        attributes: Attributes of the root.
    """
    with sealing(path) as beside:
        writer = ResultsWriter(beside, attributes)
        yield writer
        writer.close()


def write_results(
    path: Path, groups: Mapping[str, xr.Dataset], *, attributes: Mapping[str, Any]
) -> None:
    """Write datasets as the groups of one store, atomically.

    Arguments:
        path: Folder of the store.
        groups: Dataset of every group; `/` in a name nests, `""` is the root.
        attributes: Attributes of the root; nested values are kept as JSON text.
    """
    with create_results(path, attributes) as results:
        for group in sorted(groups, key=bool):  # the root first: others inherit its labels
            results.append(group, groups[group])


def read_results(path: Path) -> xr.DataTree:
    """Open a results store lazily; what is read of it later is compared then.

    Raises:
        MissingResultError: If there is no store.
        CorruptFileError: If it is damaged.
    """
    manifest = Manifest.open(path)
    with reading(path):
        described = DescribedStore(path)
        stores = _CheckedStore.open_store(described, group="/", consolidated=True, zarr_format=3)
        groups = {}
        for name, store in stores.items():
            store.manifest = manifest
            groups[name] = xr.open_dataset(store, chunks=None)
        return xr.DataTree.from_dict(groups)


class _CheckedStore(ZarrStore):
    """A group whose arrays are compared with the manifest of the store whenever they are read."""

    manifest: Manifest

    def open_store_variable(self, name: str) -> xr.Variable:
        found = super().open_store_variable(name)  # type: ignore[no-untyped-call]
        array = cast("zarr.Array[Any]", self.members[name])
        self.manifest.check(array.path)
        lazy = LazilyIndexedArray(_CheckedArray(array, self.manifest))
        return xr.Variable(found.dims, lazy, found.attrs, found.encoding)


class _CheckedArray(ZarrArrayWrapper):
    """An array of a store with a manifest."""

    __slots__ = ("_manifest",)

    def __init__(self, array: zarr.Array[Any], manifest: Manifest) -> None:
        super().__init__(array)  # type: ignore[no-untyped-call]
        self._manifest = manifest

    def __getitem__(self, key: Any) -> Any:
        self._manifest.check(self._array.path)
        with reading(self._manifest.path / self._array.path, self._manifest.path):
            return super().__getitem__(key)  # type: ignore[no-untyped-call]


def _texts(data: xr.Dataset) -> xr.Dataset:
    """Hold texts as objects: Zarr v3 has a stable type for texts of any length only."""
    fixed = {name: c.astype(object) for name, c in data.coords.items() if c.dtype.kind == "U"}
    return data.assign_coords(fixed)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else json.dumps(value, sort_keys=True)


def _encoding(array: xr.DataArray) -> dict[str, Any]:
    """Chunk along the last axes, one shard for the whole array: few files, partial reads."""
    if array.ndim == 0 or array.size == 0 or array.dtype.kind in "OUT":
        return {}
    budget = max(1, CHUNK_BYTES // array.dtype.itemsize)
    chunks = list(array.shape)
    for axis in range(array.ndim):
        while np.prod(chunks) > budget and chunks[axis] > 1:
            chunks[axis] = -(-chunks[axis] // 2)
    shards = tuple(
        -(-size // chunk) * chunk for size, chunk in zip(array.shape, chunks, strict=True)
    )
    return {
        "chunks": tuple(chunks),
        "shards": shards,
        "compressors": (ZstdCodec(level=3), CHECKSUM),
    }
