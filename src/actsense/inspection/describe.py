"""Any result of the pipeline as text for a terminal."""

__all__ = ["describe"]

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
import zarr

from actsense.errors import ConfigError
from actsense.inspection.contents import describe_folder
from actsense.sampling.told import design_words, recorded_designs
from actsense.store import Manifest, open_archive, read_facts, read_results, read_table, reading
from actsense.store.damage import given

KINDS = (
    "the folder of a study, network or run, a folder *.zarr, or a file *.zarr.zip, *.csv, *.json"
)


def describe(path: Path, *, width: int | None = None) -> str:
    """Describe a study, a network, a run, a results store, an archive, a table or a model card.

    Arguments:
        path: What is described.
        width: Characters of a line after which tables go on below; without it they are as wide
            as they are.

    Raises:
        ConfigError: If the path does not exist or holds none of these.
    """
    if not path.exists():
        raise ConfigError(f"{path}: does not exist. Expected {KINDS}.")
    with given(path):
        if path.suffix == ".csv":
            table = read_table(path)
            return str(table.to_string(max_rows=60, index=False, line_width=width))
        if path.suffix == ".json":
            return json.dumps(read_facts(path), indent=2)
    if path.name.endswith(".zarr.zip"):
        with open_archive(path) as group, reading(path):
            return "\n".join([f"{path}", *_archive(group)])
    if path.suffix == ".zarr" and path.is_dir():
        return "\n".join([f"{path}", *_store(path)])
    if path.is_dir():
        return describe_folder(path)
    raise ConfigError(f"{path}: nothing that can be described. Expected {KINDS}.")


def _store(path: Path) -> Iterator[str]:
    Manifest.open(path).check()
    with reading(path):
        node = zarr.open(path, mode="r")
    if isinstance(node, zarr.Array):
        yield from _attributes(dict(node.attrs))
        yield f"array {node.shape} {node.dtype}"
        return
    tree = read_results(path)
    yield from _attributes(tree.attrs)
    for design, settings in recorded_designs(tree.attrs).items():
        yield f"  design {design}: {design_words(settings)}"
    if "layer" in tree.dims:
        yield from _totals(tree.to_dataset())
    order = [str(name) for name in tree["layer"].to_numpy()] if "layer" in tree.dims else []
    layers = [name for name in order if name in tree.children]
    for name in dict.fromkeys([*layers, *tree.children]):
        child = tree.children[name]
        yield f"\n{name}"
        yield from _variables(child.to_dataset(inherit=False))


def _totals(totals: xr.Dataset) -> Iterator[str]:
    """Print every index of every layer with its interval, factors as columns."""
    for index in ("S1", "ST", "shapley"):
        yield f"\n{index} by layer, share of variance (± half-width of the 95 % interval)"
        values, widths = totals[index].transpose("layer", "factor"), totals[f"{index}_ci"]
        table = pd.DataFrame(
            [
                [f"{v:.3f} ±{w:.3f}" for v, w in zip(row, width, strict=True)]
                for row, width in zip(
                    values.to_numpy(), widths.transpose("layer", "factor").to_numpy(), strict=True
                )
            ],
            index=totals["layer"].to_numpy(),
            columns=totals["factor"].to_numpy(),
        )
        yield str(table.to_string())
    flags = [flag for flag in ("dead", "rare") if f"{flag}_units" in totals]
    yield "\nunits: " + ", ".join(
        f"{layer} {int(one['units'])} ("
        + ", ".join(f"{int(one[f'{flag}_units'])} {flag}" for flag in flags)
        + ")"
        for layer in totals["layer"].to_numpy()
        for one in [totals.sel(layer=layer)]
    )


def _variables(data: xr.Dataset) -> Iterator[str]:
    yield "  " + ", ".join(f"{name} {size}" for name, size in data.sizes.items())
    for name, array in sorted(data.data_vars.items(), key=lambda item: str(item[0])):
        if str(name).endswith("_ci"):
            continue
        values = array.to_numpy()
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        spread = (
            f"{finite.min():10.4g} to {finite.max():10.4g}" if finite.size else "all undefined"
        )
        yield f"  {name!s:30} {spread}   {array.attrs.get('description', '')}"


def _archive(group: zarr.Group) -> Iterator[str]:
    yield from _attributes(dict(group.attrs))
    arrays = dict(group.arrays())
    for name, array in arrays.items():
        yield f"{name}: array {array.shape} {array.dtype}"
    if groups := list(group.groups()):
        yield f"{len(groups)} groups, the first one {groups[0][0]}:"
        yield from (f"  {line}" for line in _archive(groups[0][1]))


def _attributes(attributes: Mapping[Any, Any]) -> Iterator[str]:
    for name, value in attributes.items():
        text = value if isinstance(value, str) else json.dumps(value)
        yield f"  {name}: {text if len(text) <= 400 else text[:400] + ' ...'}"
