"""Which images a contrast compared."""

__all__ = ["images_of"]

import xarray as xr


def images_of(data: xr.Dataset) -> dict[str, int]:
    """Return the images of a contrast by partition, under no name if partitions are pooled."""
    if "partition" not in data.dims:
        return {"": int(data.attrs["images"])}
    names = map(str, data["partition"].to_numpy())
    return dict(zip(names, map(int, data.attrs["images"]), strict=True))
