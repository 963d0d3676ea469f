"""Trees of published values, laid out as the stores of a run."""

__all__ = [
    "DESCRIPTIONS",
    "IndexFiles",
    "contrast_tree",
    "described",
    "index_files",
    "index_tree",
]

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from actsense.errors import ConfigError
from actsense.inspection.published.arrays import (
    ContrastFiles,
    LayerFiles,
    Scheme,
    lazy,
    reading_values,
)
from actsense.inspection.published.names import (
    BESIDE,
    CONTEXT,
    DATASETS,
    DEFECTS,
    SETS,
    ValueFile,
    layer_name,
    layer_order,
    segment_name,
)
from actsense.inspection.published.totals import Totals

DESCRIPTIONS = {
    "S1": "first-order Sobol' index, share of the unit's variance",
    "ST": "total Sobol' index, share of the unit's variance",
    "S2": "second-order Sobol' index of two factors, share of the unit's variance",
    "shapley": "Shapley effect, share of the sum of all; not clipped",
    "shapley_clipped": "Shapley effect as the published maps show it: clipped at 0, normalised",
    "mean": "mean response under the law of S1 and ST, in the unit's own scale",
    "variance": "variance of the response under the law of S1 and ST, in its scale squared",
    "mean_switched": "mean response under the law of the Shapley effects",
    "variance_switched": "variance of the response under the law of the Shapley effects",
    "rank_biserial": "rank-biserial correlation of response and augmentation",
    "point_biserial": "correlation of the response with being augmented",
    "p_value": "two-sided signed-rank test",
    "statistic": "smaller one of the two sums of signed ranks",
}
# What each contrast is called in the files; the first one that is there is read.
CONTRASTS = {
    "rank_biserial": ("rank_biserial", "cs_pbrcc"),
    "point_biserial": ("cs_rbscc",),
    "p_value": ("cs_pvals",),
    "statistic": ("cs_stats",),
}
PARTITIONS = ("train", "valid", "train+valid")


@dataclass(frozen=True)
class Content:
    """What is in a value file: attributes of its root, layers with shapes and datasets."""

    file: ValueFile
    attributes: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]
    datasets: dict[str, set[str]]

    @property
    def is_ours(self) -> bool:
        """Whether `actsense export` wrote it."""
        return "factors" in self.attributes

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The augmentations of its design."""
        if self.is_ours:
            factors = json.loads(self.attributes["factors"])
            return tuple(name for name in factors if name not in (*CONTEXT, *BESIDE))
        number = str(self.file.design).removeprefix("set")
        if number not in SETS:
            raise ConfigError(
                f"{self.file.path}: augnm={number} is no published set of augmentations. "
                f"Published are {', '.join(SETS)}."
            )
        return SETS[number]

    @property
    def scheme(self) -> Scheme:
        """The factors of its design."""
        if self.is_ours:
            return Scheme(tuple(json.loads(self.attributes["factors"])))
        return Scheme((*self.augmentations, *CONTEXT))


@dataclass(frozen=True)
class IndexFiles:
    """What the value files of one network and set of augmentations hold.

    Attributes:
        scheme: The factors.
        layers: The files of every layer, or of every segment behind every colour channel.
        attributes: Where the values come from.
        ours: Whether `actsense export` wrote them.
    """

    scheme: Scheme
    layers: dict[str, LayerFiles]
    attributes: dict[str, Any]
    ours: bool


def index_tree(files: Sequence[ValueFile]) -> xr.DataTree:
    """Open the indices of one network under one set of augmentations.

    Arguments:
        files: Its value files, of whole networks or of segments behind colour channels, one per
            kind (and channel).

    Returns:
        The root has an entry per layer and one for the network, without intervals; the child of
        a layer every unit. Nothing but shapes has been read.

    Raises:
        ConfigError: If a file is damaged, of another layout, or contradicts another one.
    """
    found = index_files(files)
    root = _totals_dataset(found.layers, found.scheme, ours=found.ours)
    children = {
        name: _layer_dataset(layer, ours=found.ours) for name, layer in found.layers.items()
    }
    tree = xr.DataTree.from_dict({"/": root, **children})
    tree.attrs |= found.attributes
    return tree


def index_files(files: Sequence[ValueFile]) -> IndexFiles:
    """Look at the files of the indices of one network under one set of augmentations.

    Arguments:
        files: As `index_tree` takes them.

    Raises:
        ConfigError: If a file is damaged, of another layout, or contradicts another one.
    """
    contents = [_inspect(file) for file in _unique(files)]
    scheme = contents[0].scheme
    layers: dict[str, LayerFiles] = {}
    for channel in sorted({content.file.channel or "" for content in contents}):
        own = [content for content in contents if (content.file.channel or "") == channel]
        layers |= _layers(own, scheme)
    ours = all(content.is_ours for content in contents)
    return IndexFiles(scheme, layers, _root_attributes(contents), ours)


def contrast_tree(files: Sequence[ValueFile], order: Iterable[str]) -> xr.DataTree:
    """Open the contrasts of one network.

    Arguments:
        files: Its contrast files, one per augmentation and partition.
        order: Augmentations in the order of the design.

    Returns:
        A child per layer with axes partition, augmentation and those of the units; NaN where
        there is no file of an augmentation and partition.

    Raises:
        ConfigError: If a file is damaged, of another layout, or contradicts another one.
    """
    contents = [_inspect(file) for file in _unique(files)]
    places = {(c.file.partition, c.file.augmentation): c for c in contents}
    partitions = [name for name in PARTITIONS if any(name == p for p, _ in places)]
    augmentations = [name for name in order if any(name == a for _, a in places)]
    ours = all(content.is_ours for content in contents)
    leading = {"partition": len(partitions), "augmentation": len(augmentations)}
    children = {}
    for group, shape in _shapes(contents).items():
        table = tuple(
            tuple(
                content.file.path
                if (content := places.get((partition, one))) and group in content.shapes
                else None
                for one in augmentations
            )
            for partition in partitions
        )
        held = set().union(*(content.datasets.get(group, set()) for content in contents))
        reader = ContrastFiles(group, table).read
        data = {
            name: lazy(partial(reader, names), leading, shape, described(name, ours=ours))
            for name, names in CONTRASTS.items()
            if held.intersection(names)
        }
        children[layer_name(contents[0].file.network, group)] = xr.Dataset(
            data, coords={"partition": partitions, "augmentation": augmentations}
        )
    tree = xr.DataTree.from_dict(children)
    tree.attrs |= _root_attributes(contents)
    return tree


def _unique(files: Sequence[ValueFile]) -> Sequence[ValueFile]:
    seen: dict[tuple[str | None, ...], ValueFile] = {}
    for file in files:
        partition = file.partition if file.kind == "cs" else None
        key = (file.kind, file.channel, file.augmentation, partition)
        if key in seen:
            raise ConfigError(
                f"{file.path} and {seen[key].path.name} hold the same values. Leave one there."
            )
        seen[key] = file
    return files


def _inspect(file: ValueFile) -> Content:
    """Read names and shapes of a value file, and compare them with the layout."""
    shapes, datasets = {}, {}
    with reading_values(file.path) as opened:
        for name, group in opened.items():
            if not isinstance(group, h5py.Group) or "shape" not in group.attrs:
                raise ConfigError(
                    f"{file.path}: {name!r} is no group with an attribute `shape`. "
                    "A published value file has one such group per layer."
                )
            shapes[name] = tuple(int(size) for size in np.atleast_1d(group.attrs["shape"]))
            datasets[name] = set(group)
        content = Content(file, dict(opened.attrs), shapes, datasets)
        if not shapes:
            raise ConfigError(f"{file.path}: holds no layer.")
        for name in shapes:
            for dataset, size in _expected(content, name).items():
                held = opened[name][dataset].shape
                # Second-order indices are described with an axis of one in front, and without.
                if held != size and not (dataset == "si2" and held == size[1:]):
                    raise ConfigError(
                        f"{file.path}: {name}/{dataset} has shape {held} where {size} is due, "
                        f"for a layer of shape {shapes[name]}."
                    )
    return content


def _expected(content: Content, group: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes that the datasets of a layer must have."""
    units, kind = prod(content.shapes[group]), content.file.kind
    expected: dict[str, tuple[int, ...]] = {name: (units,) for name in DATASETS[kind]}
    if kind == "si":
        slots = len(content.scheme.slots)
        expected["si+sT"] = (2, slots, units)
        if "si2" in content.datasets[group]:
            expected["si2"] = (1, slots * (slots - 1) // 2, units)
    elif kind == "shpv":
        expected["shpv"] = (content.scheme.starts[-1], units)
    return expected


def _shapes(contents: Sequence[Content]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all layers, in network order."""
    shapes: dict[str, tuple[int, ...]] = {}
    for content in contents:
        for group, shape in content.shapes.items():
            if shapes.setdefault(group, shape) != shape:
                raise ConfigError(
                    f"{content.file.path}: {group} has shape {shape}, in other files of the "
                    f"network {shapes[group]}. They cannot belong together."
                )
    stated = next((c.attributes["layers"] for c in contents if "layers" in c.attributes), None)
    if stated is not None:
        return {group: shapes[group] for group in json.loads(stated) if group in shapes}
    return {group: shapes[group] for group in sorted(shapes, key=layer_order)}


def _layers(contents: Sequence[Content], scheme: Scheme) -> dict[str, LayerFiles]:
    file = contents[0].file
    layers = {}
    for group, shape in _shapes(contents).items():
        name = layer_name(file.network, group)
        if file.channel is not None:
            name = f"{segment_name(file.network, group)} {file.channel}"
        holding = {c.file.kind: c for c in contents if group in c.shapes}
        pairs = "si" in holding and "si2" in holding["si"].datasets[group]
        paths = {kind: content.file.path for kind, content in holding.items()}
        layers[name] = LayerFiles(group, shape, scheme, paths, pairs)
    return layers


def described(name: str, *, ours: bool, file: Path | None = None) -> dict[str, str]:
    """Say what an array of published values is, and what is known to be wrong with it.

    Arguments:
        name: Name of the array.
        ours: Whether `actsense export` wrote it.
        file: Where it comes from.
    """
    told = {"description": DESCRIPTIONS[name]}
    defects = DEFECTS.get(name.removesuffix("_switched"))
    if defects and not ours:
        told["defects"] = defects
    if file is not None:
        told["file"] = file.name
    return told


def _layer_dataset(layer: LayerFiles, *, ours: bool) -> xr.Dataset:
    factors = {"factor": len(layer.scheme.factors)}
    pairs = {**factors, "factor_2": len(layer.scheme.factors)}
    data: dict[str, xr.Variable] = {}

    def add(name: str, kind: str, leading: Mapping[str, int], read: Any) -> None:
        attributes = described(name, ours=ours, file=layer.paths[kind])
        data[name] = lazy(read, leading, layer.shape, attributes)

    if "si" in layer.paths:
        add("S1", "si", factors, partial(layer.sobol, 0))
        add("ST", "si", factors, partial(layer.sobol, 1))
    if layer.pairs:
        add("S2", "si", pairs, layer.second_order)
    if "shpv" in layer.paths:
        add("shapley", "shpv", factors, layer.shapley)
        add("shapley_clipped", "shpv", factors, layer.shapley_clipped)
    for kind, suffix in (("sitv", ""), ("shptv", "_switched")):
        if kind in layer.paths:
            add(f"mean{suffix}", kind, {}, partial(layer.moment, kind, "mean"))
            add(f"variance{suffix}", kind, {}, partial(layer.moment, kind, "var"))
    told = {"description": "nothing moves this unit: its indices are undefined"}
    data["dead"] = lazy(layer.dead, {}, layer.shape, told, dtype=bool)
    told = {"description": "too few differences carry its estimates; unknown if published"}
    data["rare"] = lazy(layer.rare, {}, layer.shape, told, dtype=bool)
    return xr.Dataset(data)


def _totals_dataset(layers: Mapping[str, LayerFiles], scheme: Scheme, *, ours: bool) -> xr.Dataset:
    totals = Totals(list(layers.values()))
    factors = {"factor": len(scheme.factors)}
    pairs = {**factors, "factor_2": len(scheme.factors)}
    everywhere = set.intersection(*(set(layer.paths) for layer in layers.values()))
    data: dict[str, Any] = {}

    def add(name: str, leading: Mapping[str, int], read: Any, dtype: Any = np.float32) -> None:
        attributes = described(name, ours=ours) if name in DESCRIPTIONS else {}
        shape = (len(layers) + 1,)
        data[name] = lazy(read, leading, shape, attributes, dtype, dimensions=("layer",))

    if {"si", "sitv"} <= everywhere:
        add("S1", factors, partial(totals.index, "S1"))
        add("ST", factors, partial(totals.index, "ST"))
        if all(layer.pairs for layer in layers.values()):
            add("S2", pairs, partial(totals.index, "S2"))
    if "shpv" in everywhere:
        add("shapley", factors, partial(totals.index, "shapley"))
    if "sitv" in everywhere:
        add("mean", {}, partial(totals.moment, "mean"), np.float64)
        add("variance", {}, partial(totals.moment, "variance"), np.float64)
    add("dead_units", {}, partial(totals.count, "dead"), np.int64)
    add("rare_units", {}, partial(totals.count, "rare"), np.int64)
    data["units"] = ("layer", [*totals.units, sum(totals.units)])
    names = list(scheme.factors)
    coordinates = {"factor": names, "factor_2": names, "layer": [*layers, "network"]}
    return xr.Dataset(data, coords=coordinates)


def _root_attributes(contents: Sequence[Content]) -> dict[str, Any]:
    """Return where the values come from; what ours say themselves, as they say it."""
    first = contents[0]
    files = {"files": json.dumps(sorted(content.file.path.name for content in contents))}
    if first.is_ours:
        told = {name: value for name, value in first.attributes.items() if name != "note"}
        return {**told, **files}
    known = {
        "study": "published values, arXiv 2503.03283",
        "network": first.file.network,
        "dataset": first.file.dataset,
        "design": first.file.design or "",
        "augmentations": list(first.augmentations) if first.file.design else [],
    }
    return {"configuration": json.dumps(known), **files}
