"""One of two runs that stand beside each other: its values by names that both share."""

__all__ = ["Key", "Side", "canonical"]

from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from actsense.inspection import RunResults
from actsense.sampling.designs import CONTEXT, PARTS

Floats = NDArray[np.float32]

# What the published study, or its files, calls otherwise.
ALIASES = {"permutation": "order", "sharpness": "sharpness_const", "valid": "validation"}
ARRAYS = {"contrast": "rank_biserial"}  # of the others, the array has the name of the value
BOTH = "train+valid"  # how value files call the two partitions together


class Key(NamedTuple):
    """Which map of a value: its factor, the second one of a pair, the partition of a contrast."""

    factor: str = ""
    factor_2: str = ""
    partition: str = ""


def canonical(name: str) -> str:
    """Return our name of a factor or partition."""
    return ALIASES.get(name, name)


class Side:
    """A run, asked by canonical names.

    Arguments:
        run: Network under a design.

    Attributes:
        run: The same.
    """

    def __init__(self, run: RunResults) -> None:
        self.run = run

    @cached_property
    def factors(self) -> dict[str, str]:
        """Its factors: how they are called here, by canonical name."""
        return {canonical(name): name for name in self.run.factors}

    @property
    def applied(self) -> tuple[str, ...]:
        """Its augmentations, by canonical name."""
        return tuple(name for name in self.factors if name not in (*CONTEXT, *PARTS))

    @cached_property
    def content(self) -> tuple[str, ...]:
        """The parts that its content is made of, none where content is no factor."""
        if "content" not in self.factors:
            return ()
        return tuple(name for name in PARTS if name in self.factors)

    @cached_property
    def contrast(self) -> xr.DataTree | None:
        """Its contrasts, None where there are none."""
        return self.run.contrast if self.run.has("contrast") else None

    def dataset(self, layer: str, value: str) -> xr.Dataset | None:
        """Return what holds a value of a layer, None where there is no such value."""
        if value != "contrast":
            found = self.run.layer(layer)
        elif self.contrast is not None and layer in self.contrast.children:
            found = self.contrast.children[layer].to_dataset()
        else:
            return None
        return found if ARRAYS.get(value, value) in found else None

    def partitions(self, layer: str) -> tuple[str, ...]:
        """Return the partitions that contrasts are known of; "" for both together."""
        found = self.dataset(layer, "contrast")
        if found is None or "partition" not in found:
            return ("",)
        return tuple("" if p == BOTH else canonical(p) for p in _names(found, "partition"))

    def augmentations(self, layer: str) -> tuple[str, ...]:
        """Return the augmentations that contrasts are known of."""
        found = self.dataset(layer, "contrast")
        return () if found is None else tuple(map(canonical, _names(found, "augmentation")))

    def shape(self, layer: str) -> tuple[int, ...]:
        """Return the shape of a layer."""
        return tuple(self.run.layer(layer)["dead"].shape)

    def flags(self, layer: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which units of a layer are dead, and which rare; none where it is not known."""
        found = self.run.layer(layer)
        dead, rare = (np.asarray(found[flag].to_numpy(), dtype=bool) for flag in ("dead", "rare"))
        return dead, rare

    def read(self, layer: str, value: str, keys: Sequence[Key]) -> Floats:
        """Return some maps of a value, (keys, *shape); contrasts as magnitudes."""
        name = ARRAYS.get(value, value)
        found = self.dataset(layer, value)
        assert found is not None
        maps = self._maps(found[name], keys)
        return abs(maps) if value == "contrast" else maps

    def read_half_widths(self, layer: str, value: str, keys: Sequence[Key]) -> Floats | None:
        """Return half-widths of 95 % intervals like `read`, None where there are none."""
        found = self.dataset(layer, value)
        name = f"{ARRAYS.get(value, value)}_ci"
        return None if found is None or name not in found else self._maps(found[name], keys)

    @property
    def replicates(self) -> int:
        """Replicates behind its intervals; 0 where there are none."""
        return int(self.run.indices.attrs.get("replicates", 0))

    def _maps(self, array: xr.DataArray, keys: Sequence[Key]) -> Floats:
        """Read maps by the axes that an array has, those of all pairs with a factor at once."""
        if "augmentation" in array.dims:
            return np.stack([self._contrast(array, key) for key in keys])
        if "factor_2" in array.dims:
            parts = []
            for factor, pairs in groupby(keys, key=lambda key: key.factor):
                others = [self.factors[key.factor_2] for key in pairs]
                parts.append(_floats(array.sel(factor=self.factors[factor], factor_2=others)))
            return np.concatenate(parts)
        if "factor" in array.dims:
            return _floats(array.sel(factor=[self.factors[key.factor] for key in keys]))
        return _floats(array)[None]

    def _contrast(self, array: xr.DataArray, key: Key) -> Floats:
        called = {canonical(name): name for name in _names(array, "augmentation")}
        one = array.sel(augmentation=called[key.factor])
        if "partition" in one.dims:
            parts = {"" if p == BOTH else canonical(p): p for p in _names(one, "partition")}
            one = one.sel(partition=parts[key.partition])
        return _floats(one)


def _names(held: xr.Dataset | xr.DataArray, axis: str) -> list[str]:
    return [str(name) for name in held[axis].to_numpy()]


def _floats(array: Any) -> Floats:
    return np.asarray(array.to_numpy(), dtype=np.float32)
