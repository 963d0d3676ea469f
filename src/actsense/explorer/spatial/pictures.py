"""Saliency maps beside the images that they are of."""

__all__ = ["METHODS", "saliency_row", "saliency_stores"]

from collections.abc import Mapping
from html import escape

import numpy as np
import xarray as xr

from actsense.errors import MissingResultError
from actsense.explorer.heatmaps import heatmap, picture
from actsense.inspection import StudyResults
from actsense.spatial.saliency.figures import CLIPPED, METHODS, SIGNED
from actsense.store import reading

SHOWN = 110  # pixels of a picture, where there is room


def saliency_stores(study: StudyResults) -> dict[str, xr.Dataset]:
    """Read the saliency maps of every network that has some.

    Raises:
        ConfigError: If no network has any, or one is damaged.
    """
    found = [name for name in study.networks if study[name].has("saliency")]
    if not found:
        raise MissingResultError(study.path / "<network>/spatial/saliency.zarr", "spatial")
    stores = {}
    for name in found:
        network = study[name]
        with reading(network.path / "spatial/saliency.zarr"):
            stores[name] = network.store("saliency").to_dataset().load()
    return stores


def saliency_row(stores: Mapping[str, xr.Dataset], image: int, level: float) -> str:
    """Draw an image and the maps of all networks as HTML.

    Arguments:
        stores: What `saliency_stores` returned.
        image: Number of the image.
        level: Saturation.
    """
    shown = next(iter(stores.values())).isel(image=image).sel(level=level)
    pixels = shown["pixels"].transpose("rgb", "row", "col").to_numpy()
    drawn = picture(pixels, [f"label: {shown['label'].item()}"])
    parts = [f'<div style="width:{SHOWN}px">{drawn}</div>']
    for network, store in stores.items():
        one = store.isel(image=image).sel(level=level)
        says = escape(f"{network} says {one['prediction'].item()}")
        maps = [_map(one[method], name) for method, name in METHODS.items() if method in one]
        parts.append(
            f'<div><div style="font-size:0.8rem;font-weight:600">{says}</div>'
            f'<div style="display:flex;gap:0.3rem">{"".join(maps)}</div></div>'
        )
    together = "".join(parts)
    return f'<div style="display:flex;gap:1.2rem;flex-wrap:wrap;align-items:end">{together}</div>'


def _map(values: xr.DataArray, name: str) -> str:
    largest = float(np.percentile(abs(values), CLIPPED))
    drawn = heatmap(values.to_numpy(), largest, title=name, signed=values.name == SIGNED)
    return f'<div style="width:{SHOWN}px">{drawn}</div>'
