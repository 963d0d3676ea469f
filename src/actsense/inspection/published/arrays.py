"""Published values of one layer as labelled arrays; each is read when it is used, in part."""

__all__ = ["ContrastFiles", "LayerFiles", "LazyArray", "Scheme", "lazy", "reading_values"]

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from actsense.errors import ConfigError
from actsense.inspection.published.names import BESIDE, CONTEXT, pair_row, scalars
from actsense.layers import unit_dimensions
from actsense.sampling.designs import PARTS
from actsense.store.damage import trouble

Floats = NDArray[np.float32]
Reader = Callable[..., NDArray[Any]]

CHUNK_CACHE = 64 * 2**20
_alone: set[tuple[str, int, int]] = set()  # file, size, time: holds all its values itself
SMALLEST = 1e-8  # published: effects below this, in units of variance, are set to zero


@contextmanager
def reading_values(path: Path) -> Iterator[h5py.File]:
    """Open a value file; name it if it cannot be read or lacks what the layout has.

    Raises:
        ConfigError: If it is missing, damaged, of another layout, or leads to other files.
    """
    try:
        # Chunks span several rows: keep them while row after row is read.
        with h5py.File(path, "r", rdcc_nbytes=CHUNK_CACHE) as file:
            _check_alone(file, path)
            yield file
    except FileNotFoundError:
        raise ConfigError(f"{path}: not there any more. Open the folder again.") from None
    except OSError as error:
        if limit := trouble(error, path):
            raise limit from error
        raise ConfigError(
            f"{path}: damaged or no HDF5 file ({error}). Get it again, from where it came."
        ) from error
    except KeyError as error:
        raise ConfigError(f"{path}: not in the layout of published values ({error}).") from error


def _check_alone(file: h5py.File, path: Path) -> None:
    """Refuse a file that has its values in others: who wrote it chose what would be read here."""
    found = path.stat()
    facts = str(path.absolute()), found.st_size, found.st_mtime_ns
    if facts in _alone:
        return
    seen, waiting = {file["/"]}, [file["/"]]
    while waiting:
        group = waiting.pop()
        for name in group:
            link, place = group.get(name, getlink=True), f"{group.name.rstrip('/')}/{name}"
            if isinstance(link, h5py.ExternalLink):
                _refuse_other(path, place, f"is a link to {link.filename!r}")
            if not isinstance(link, h5py.HardLink):
                continue  # a soft one leads to what is looked at under its own name
            held = group[name]
            if isinstance(held, h5py.Group) and held not in seen:
                seen.add(held)
                waiting.append(held)
            elif isinstance(held, h5py.Dataset) and (held.external or held.is_virtual):
                _refuse_other(path, place, "has its values in other files")
    _alone.add(facts)


def _refuse_other(path: Path, place: str, reason: str) -> NoReturn:
    raise ConfigError(
        f"{path}: {place} {reason}; other files are not read. Copy its values into the file "
        "(h5repack, or h5py) if you trust it."
    )


@dataclass(frozen=True)
class Scheme:
    """Which factor has which rows in the arrays of a design.

    Attributes:
        factors: Names of the factors, in our order.
    """

    factors: tuple[str, ...]

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The factors that are augmentations."""
        return tuple(name for name in self.factors if name not in (*CONTEXT, *BESIDE))

    @property
    def slots(self) -> tuple[str, ...]:
        """Factors that the arrays hold, in their order: augmentations, then those published."""
        return (*self.augmentations, *(name for name in CONTEXT if name in self.factors))

    @property
    def starts(self) -> list[int]:
        """First scalar of every slot, and how many scalars there are."""
        return [0, *accumulate(map(scalars, self.slots))]

    @property
    def beside(self) -> tuple[str, ...]:
        """Factors that have datasets of their own."""
        return tuple(name for name in self.factors if name in BESIDE)

    def rows(self, held: NDArray[Any], beside: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Put what the arrays hold of the slots, and beside them, into our order of factors."""
        slots = dict(zip(self.slots, held, strict=True))
        return np.stack([slots[n] if n in slots else beside[n] for n in self.factors])

    @property
    def nested(self) -> tuple[bool, ...]:
        """Which factors are parts of content, where that is a factor."""
        split = "content" in self.factors
        return tuple(split and name in PARTS for name in self.factors)

    def disjoint(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the rows of factors that do not hold one another: content without its parts."""
        return np.asarray(values[~np.array(self.nested)])

    def is_pair(self, first: int, second: int) -> bool:
        """Tell whether two factors are different, and not content and parts of it."""
        inside = [self.nested[k] or self.factors[k] == "content" for k in (first, second)]
        return first != second and not all(inside)


class LazyArray(BackendArray):
    """An array over the units of a layer that reads the channels it is asked for.

    Arguments:
        read: From positions along each leading axis, and a slice of the units in C order, to
            their values, (*leading, units).
        leading: Sizes of the axes before those of the units.
        shape: Shape of the units.
        dtype: Type of the values.
    """

    def __init__(
        self, read: Reader, leading: tuple[int, ...], shape: tuple[int, ...], dtype: Any
    ) -> None:
        self.shape = (*leading, *shape)
        self.dtype = np.dtype(dtype)
        self._read, self._leading, self._units = read, leading, shape

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._values
        )

    def _values(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        axes = len(self._leading)
        picks = [
            np.atleast_1d(np.arange(size)[one])
            for size, one in zip(self._leading, key[:axes], strict=True)
        ]
        channels, rest = key[axes], key[axes + 1 :]
        first = np.atleast_1d(np.arange(self._units[0])[channels])
        low, high = (int(first[0]), int(first[-1]) + 1) if first.size else (0, 0)
        inner = prod(self._units[1:])
        values = self._read(*picks, slice(low * inner, high * inner))
        values = values.reshape(*(len(pick) for pick in picks), high - low, *self._units[1:])
        # Single positions have been read as slices of one, which go here.
        local = tuple(0 if isinstance(one, int) else slice(None) for one in key[:axes])
        along = slice(None, None, channels.step) if isinstance(channels, slice) else 0
        return np.asarray(values[(*local, along, *rest)], dtype=self.dtype)


def lazy(
    read: Reader,
    leading: Mapping[str, int],
    shape: tuple[int, ...],
    attributes: Mapping[str, str],
    dtype: Any = np.float32,
    dimensions: Sequence[str] | None = None,
) -> xr.Variable:
    """Return a labelled array that is read when it is used.

    Arguments:
        read: As `LazyArray` takes it.
        leading: Names and sizes of the axes before those of the units.
        shape: Shape of the units.
        attributes: Attributes of the array.
        dtype: Type of the values.
        dimensions: Names of the axes of the units; those of a layer of this shape if None.
    """
    array = LazyArray(read, tuple(leading.values()), shape, dtype)
    named = (*leading, *(dimensions or unit_dimensions(shape)))
    return xr.Variable(named, indexing.LazilyIndexedArray(array), dict(attributes))


@dataclass(frozen=True)
class LayerFiles:
    """The files that hold values of one layer.

    Attributes:
        group: Name of its group.
        shape: Its shape.
        scheme: Factors of the design.
        paths: File of every kind that holds it.
        pairs: Whether there are second-order indices.
    """

    group: str
    shape: tuple[int, ...]
    scheme: Scheme
    paths: dict[str, Path]
    pairs: bool

    def sobol(self, which: int, picks: NDArray[np.int64], units: slice) -> Floats:
        """Return first-order (0) or total (1) indices of some factors; NaN where dead."""
        with reading_values(self.paths["si"]) as file:
            totals = self._sobol_rows(file, 1, units)
            values = totals if which == 1 else self._sobol_rows(file, 0, units)
        chosen = values[picks].astype(np.float32)
        chosen[:, ~totals.any(axis=0)] = np.nan
        return chosen

    def _sobol_rows(self, file: h5py.File, which: int, units: slice) -> Floats:
        group = file[self.group]
        beside = {one: group[f"{one}:si+sT"][which, units] for one in self.scheme.beside}
        return self.scheme.rows(group["si+sT"][which, :, units], beside)

    def second_order(
        self, first: NDArray[np.int64], second: NDArray[np.int64], units: slice
    ) -> Floats:
        """Return indices of pairs of factors, symmetric, NaN for a factor with itself."""
        shape = (len(first), len(second), units.stop - units.start)
        values = np.full(shape, np.nan, dtype=np.float32)
        slots = [self.scheme.factors.index(name) for name in self.scheme.slots]
        with reading_values(self.paths["si"]) as file:
            group = file[self.group]
            places: dict[int, list[tuple[int, int]]] = {}  # of every row, where it goes
            for a, b in np.ndindex(shape[:2]):
                if not self.scheme.is_pair(int(first[a]), int(second[b])):
                    continue
                held = sorted(
                    slots.index(k) for k in {int(first[a]), int(second[b])} if k in slots
                )
                if len(held) == 2:
                    places.setdefault(pair_row(held[0], held[1], len(slots)), []).append((a, b))
                else:  # with one of those beside
                    other = {int(first[a]), int(second[b])} - {slots[held[0]]}
                    name = self.scheme.factors[other.pop()]
                    values[a, b] = group[f"{name}:si2"][held[0], units]
            if places:
                rows = sorted(places)
                # Described with an axis of one in front, and without.
                leading = (0,) * (group["si2"].ndim - 2)
                for row, held_row in zip(rows, group["si2"][(*leading, rows, units)], strict=True):
                    for place in places[row]:
                        values[place] = held_row
            values[..., ~self._sobol_rows(file, 1, units).any(axis=0)] = np.nan
        return values

    def raw_effects(self, units: slice) -> NDArray[np.float64]:
        """Return sums of the Shapley effects of every factor's numbers, (factors, units)."""
        with reading_values(self.paths["shpv"]) as file:
            group = file[self.group]
            held = group["shpv"][:, units].astype(np.float64)
            summed = np.add.reduceat(held, self.scheme.starts[:-1], axis=0)
            beside = {one: group[f"{one}:shpv"][units] for one in self.scheme.beside}
            return self.scheme.rows(summed, beside)

    def shapley(self, picks: NDArray[np.int64], units: slice) -> NDArray[np.float64]:
        """Return the share of every factor in the sum of all; NaN where that is not positive."""
        effects = self.raw_effects(units)
        total = self.scheme.disjoint(effects).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(total > 0, effects[picks] / total, np.nan)

    def shapley_clipped(self, picks: NDArray[np.int64], units: slice) -> NDArray[np.float64]:
        """Return the shares that the published maps show: clipped at zero, then normalised."""
        effects = self.raw_effects(units).clip(0)
        total = self.scheme.disjoint(effects).sum(axis=0)
        effects[effects <= SMALLEST] = 0
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(total > 0, effects[picks] / total, np.nan)

    def moment(self, kind: str, name: str, units: slice) -> Floats:
        """Return `mean` or `var` of the activations under the law of `kind`."""
        with reading_values(self.paths[kind]) as file:
            return np.asarray(file[self.group][name][units])

    def dead(self, units: slice) -> NDArray[np.bool_]:
        """Tell which units nothing moves."""
        if "si" in self.paths:
            with reading_values(self.paths["si"]) as file:
                return np.asarray(~self._sobol_rows(file, 1, units).any(axis=0))
        if "shpv" in self.paths:
            return np.asarray(~self.raw_effects(units).any(axis=0))
        kind = "sitv" if "sitv" in self.paths else "shptv"
        return np.asarray(self.moment(kind, "var", units) == 0)

    def rare(self, units: slice) -> NDArray[np.bool_]:
        """Tell which units are rare; none where files do not say, as published ones."""
        if "si" in self.paths:
            with reading_values(self.paths["si"]) as file:
                if "rare" in file[self.group]:
                    return np.asarray(file[self.group]["rare"][units] != 0)
        return np.zeros(units.stop - units.start, dtype=bool)


@dataclass(frozen=True)
class ContrastFiles:
    """The contrast files of one layer.

    Attributes:
        group: Name of its group.
        paths: File of every partition and augmentation; None where there is none.
    """

    group: str
    paths: tuple[tuple[Path | None, ...], ...]

    def read(
        self,
        names: Sequence[str],
        partitions: NDArray[np.int64],
        augmentations: NDArray[np.int64],
        units: slice,
    ) -> Floats:
        """Return the first of some datasets that a file has, NaN where there is no file."""
        shape = (len(partitions), len(augmentations), units.stop - units.start)
        values = np.full(shape, np.nan, dtype=np.float32)
        for a, partition in enumerate(partitions):
            for b, augmentation in enumerate(augmentations):
                path = self.paths[partition][augmentation]
                if path is None:
                    continue
                with reading_values(path) as file:
                    group = file[self.group]
                    held = next((name for name in names if name in group), names[-1])
                    values[a, b] = group[held][units]
        return values
