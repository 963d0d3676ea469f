"""Sensitivity maps of a network as every analysis reads them: all designs side by side.

A *variable* is a factor of a design; a *value* is an index of it, or its contrast. Indices of
units that are dead or rare (see `actsense.store.left_out`), or undefined, are NaN.
"""

__all__ = ["INDICES", "SensitivityMaps", "Variable"]

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.layout import make_command
from actsense.sampling.designs import CONTEXT, PARTS
from actsense.statistics.pearson import reliability
from actsense.store import LeftOut, read_indices, read_results

Floats = NDArray[np.float32]

INDICES = ("S1", "ST", "shapley")
CONTRAST = "contrast"  # magnitude of the rank-biserial correlation


@dataclass(frozen=True)
class Variable:
    """One factor of one design.

    Attributes:
        design: Name of the design.
        factor: Name of the factor.
        label: The factor, followed by its design where several designs have it.
    """

    design: str
    factor: str
    label: str

    @property
    def is_augmentation(self) -> bool:
        """Whether the factor is an augmentation, not the order, the content or a part of it."""
        return self.factor not in (*CONTEXT, *PARTS)


class SensitivityMaps:
    """The maps of one network under all designs, read layer by layer.

    Arguments:
        indices: Index stores, by design.
        contrasts: Contrast stores, by design; needed for the value `contrast` alone.
        rare: Whether maps hold the values of rare units, too.

    Attributes:
        layers: Names of the layers, in network order.
        variables: All factors of all designs, in the order of the designs.

    Raises:
        ConfigError: If a store is missing or outdated, or the designs saw different layers.
    """

    layers: tuple[str, ...]
    variables: tuple[Variable, ...]

    def __init__(
        self,
        indices: Mapping[str, Path],
        contrasts: Mapping[str, Path] | None = None,
        *,
        rare: bool = False,
    ) -> None:
        self._rare = rare
        self._indices = {
            design: _opened(path, "indices", read_indices) for design, path in indices.items()
        }
        self._contrasts = {
            design: _opened(path, "contrast", read_results)
            for design, path in (contrasts or {}).items()
        }
        self._kept = ""  # layer of the arrays
        self._arrays: dict[tuple[str, str], tuple[list[str], Floats]] = {}
        seen = {design: _layers(tree) for design, tree in self._indices.items()}
        first, *others = seen
        for design in others:
            if seen[design] != seen[first]:
                raise ConfigError(
                    f"Designs {first} and {design} saw different layers: {', '.join(seen[first])} "
                    f"and {', '.join(seen[design])}. Make both again: "
                    + make_command("indices", indices[first], "estimate_indices")
                )
        self.layers = seen[first]
        factors = {
            design: [str(f) for f in tree["factor"].to_numpy()]
            for design, tree in self._indices.items()
        }
        uses = Counter(name for names in factors.values() for name in names)
        self.variables = tuple(
            Variable(design, name, name if uses[name] == 1 else f"{name} ({design})")
            for design, names in factors.items()
            for name in names
        )

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The indices, then `contrast`, or one contrast of every partition: `contrast (train)`.

        Of partitions, those that all designs have: a design may show images of one alone.
        """
        apart = [
            [*map(str, layer["partition"].to_numpy())] if "partition" in layer.dims else []
            for layer in (next(iter(tree.children.values())) for tree in self._contrasts.values())
        ]
        if not any(apart):
            return (*INDICES, CONTRAST)
        first = next(filter(None, apart))
        shared = [name for name in first if all(name in own for own in apart if own)]
        return (*INDICES, *(f"{CONTRAST} ({partition})" for partition in shared))

    @cached_property
    def augmentations(self) -> tuple[Variable, ...]:
        """The variables that are augmentations."""
        return tuple(variable for variable in self.variables if variable.is_augmentation)

    @cached_property
    def split(self) -> tuple[Variable, ...]:
        """The variables that do not hold one another: without content where its parts are."""
        pairs = {(variable.design, variable.factor) for variable in self.variables}
        return tuple(
            variable
            for variable in self.variables
            if variable.factor != CONTEXT[-1]
            or not any((variable.design, part) in pairs for part in PARTS)
        )

    def shape(self, layer: str) -> tuple[int, ...]:
        """Return the shape of a layer, such as (channel, row, col).

        Raises:
            ConfigError: If there are no indices of the layer.
        """
        return tuple(self._node(layer, next(iter(self._indices)))["dead"].shape)

    def is_map(self, layer: str) -> bool:
        """Tell whether a layer has positions: at least two axes behind the channels."""
        shape = self.shape(layer)
        return len(shape) == 3 and shape[1] * shape[2] > 1

    def alive(self, layer: str) -> NDArray[np.bool_]:
        """Return which units maps hold values of under every design, shaped like the layer."""
        dead, rare = self.flags(layer)
        return self.kept(dead, rare)

    def kept(self, dead: NDArray[np.bool_], rare: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which units maps hold values of: not dead and, unless wanted, not rare."""
        return np.asarray(~dead if self._rare else ~(dead | rare))

    def flags(
        self, layer: str, design: str | None = None
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which units are dead, and rare, in a design, or in any if it is None."""
        nodes = [self._node(layer, one) for one in (self._indices if design is None else [design])]
        dead, rare = (
            np.logical_or.reduce([node[flag].to_numpy() for node in nodes])
            for flag in ("dead", "rare")
        )
        return np.asarray(dead), np.asarray(rare)

    def left_out(self, layer: str, design: str | None = None) -> LeftOut:
        """Count the units that are dead, or rare, in a design, or in any if it is None."""
        return LeftOut.of_flags(*self.flags(layer, design))

    def read(self, layer: str, value: str, variables: Iterable[Variable]) -> Floats:
        """Return the maps of some variables, (variables, *shape), NaN where undefined.

        Arguments:
            layer: Name of the layer.
            value: One of `values`; contrasts are known of augmentations alone.
            variables: Some of `variables`.
        """
        return np.stack([self._read(layer, value, variable) for variable in variables])

    def read_half_widths(self, layer: str, index: str, variables: Iterable[Variable]) -> Floats:
        """Return half-widths of the 95 % intervals of an index, like `read`."""
        return np.stack([self._read(layer, f"{index}_ci", variable) for variable in variables])

    def read_moment(self, layer: str, name: str, design: str) -> NDArray[np.float64]:
        """Return `mean` or `variance` of every unit under a design's input law."""
        return np.asarray(self._node(layer, design)[name].to_numpy(), dtype=np.float64)

    def reliability(self, layer: str, index: str, variable: Variable) -> float:
        """Return which share of the spread of a map over units is not noise, at most 1.

        One minus the mean squared standard error, over the variance over units that are alive.
        Near 0 or below, the map is noise, and correlations with it are near 0 whatever is true.
        NaN where fewer than two units are alive, all are alike, or no interval is known.
        """
        alive = self.alive(layer)
        values = self._read(layer, index, variable)[alive].astype(np.float64)
        widths = self._read(layer, f"{index}_ci", variable)[alive].astype(np.float64)
        replicates = int(self._indices[variable.design].attrs.get("replicates", 0))
        return reliability(values, widths, replicates)

    def _read(self, layer: str, value: str, variable: Variable) -> Floats:
        names, values = self._whole(layer, value, variable.design)
        return np.asarray(values[names.index(variable.factor)])

    def _whole(self, layer: str, value: str, design: str) -> tuple[list[str], Floats]:
        """Return all maps of a value, with the names of their factors; one layer's are kept."""
        if self._kept != layer:
            self._arrays.clear()
            self._kept = layer
        if (value, design) not in self._arrays:
            self._arrays[value, design] = self._load(layer, value, design)
        return self._arrays[value, design]

    def _load(self, layer: str, value: str, design: str) -> tuple[list[str], Floats]:
        if value.startswith(CONTRAST):
            tree = _layer(self._contrasts, layer, design, CONTRAST)
            data, axis = tree.to_dataset()["rank_biserial"], "augmentation"
            if partition := value.removeprefix(CONTRAST).strip(" ()"):
                data = _of_partition(data, partition, design)
            values = abs(data)
        else:
            tree = self._node(layer, design)
            flags = (tree[flag].to_numpy() for flag in ("dead", "rare"))
            kept = tree.dataset["dead"].copy(data=self.kept(*flags))
            values, axis = tree[value].where(kept), "factor"
        values = values.transpose(axis, ...)
        names = [str(name) for name in values[axis].to_numpy()]
        return names, np.asarray(values, dtype=np.float32)

    def _node(self, layer: str, design: str) -> xr.DataTree:
        return _layer(self._indices, layer, design, "indices")


def _opened(path: Path, target: str, read: Callable[[Path], xr.DataTree]) -> xr.DataTree:
    if not path.is_dir():
        raise ConfigError(f"{path}: not there. Make it with: {make_command(target, path)}")
    return read(path)


def _of_partition(values: xr.DataArray, partition: str, design: str) -> xr.DataArray:
    if "partition" not in values.dims or partition not in values["partition"]:
        raise ConfigError(
            f"Contrasts under design {design!r} are not those of {partition} images, which other "
            "designs have. Make all again: " + make_command("contrast", rule="estimate_contrast")
        )
    return values.sel(partition=partition)


def _layers(tree: xr.DataTree) -> tuple[str, ...]:
    named = map(str, tree["layer"].to_numpy())
    return tuple(name for name in named if name in tree.children)


def _layer(trees: Mapping[str, xr.DataTree], layer: str, design: str, target: str) -> xr.DataTree:
    tree = trees.get(design)
    if tree is None or layer not in tree.children:
        layers = ", ".join(sorted(tree.children)) if tree is not None else "none"
        raise ConfigError(
            f"Layer {layer!r} has no {target} under design {design!r}; those that have: {layers}. "
            f"Add it to the network's layers and make them with: {make_command(target)}"
        )
    return tree.children[layer]
