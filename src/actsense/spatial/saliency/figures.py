"""Strips of saliency maps: what every network looks at in the same images."""

__all__ = ["plot_saliency", "saliency_strips"]

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.drawing.names import short_names
from actsense.drawing.style import new_figure, save
from actsense.spatial.transforms.settings import UNSATURATED
from actsense.store import read_results

METHODS = {"gradient": "gradient", "smoothgrad": "SmoothGrad", "evidence": "evidence"}
SIGNED = "evidence"
CLIPPED = 99  # per cent: what is stronger is as black
SIDE = 1.25  # inches
LABELS = 0.25  # inches below every row
LONGEST = 14  # characters of a class's name along a side
NARROWEST = 5  # pictures side by side that a page has room for
UNKNOWN = re.compile(r"none \((.*)\)")  # what the network says, of a class that is no output


def plot_saliency(stores: Mapping[str, Path], output: Path, *, title: str, dpi: int) -> None:
    """Draw the saliency maps of all networks beside the images.

    Arguments:
        stores: What `saliency_maps` returned, by network.
        output: PNG file.
        title: The study.
        dpi: Dots per inch of the PNG file.
    """
    data = {name: read_results(path).to_dataset().load() for name, path in stores.items()}
    save(saliency_strips(data, title=title), output, dpi=dpi)


def saliency_strips(data: Mapping[str, xr.Dataset], *, title: str) -> Figure:
    """Draw a row per image and level of saturation, and in it the maps of every network.

    Arguments:
        data: Images, maps (level, image, row, col), labels and predictions, by network.
        title: The study.
    """
    first = next(iter(data.values()))
    strips = [
        (image, level) for image in range(first.sizes["image"]) for level in first["level"].values
    ]
    columns = [(network, m) for network, one in data.items() for m in METHODS if m in one]
    figure = new_figure(
        max(8.5, SIDE * (1 + len(columns)) + 0.6),
        (SIDE + LABELS) * len(strips) + 1.3,
        f"{title}: which pixels move the answer?",
        "Size of the gradient of the cross-entropy, and of its mean over noisy copies "
        "(SmoothGrad): the darker, the larger.\nEvidence: red for the label, blue against it. "
        f"Every map has its own scale, up to its {CLIPPED}th percentile. Below: what the network "
        "says.",
    )
    across = max(NARROWEST, 1 + len(columns))  # those of one network stand on the left
    axes = figure.subplots(len(strips), across, squeeze=False)
    said = [one[kind].to_numpy() for one in data.values() for kind in ("label", "prediction")]
    named = (UNKNOWN.sub(r"\1", str(name)) for names in said for name in names.flat)
    classes = short_names(named, LONGEST)
    for row, (image, level) in zip(axes, strips, strict=True):
        shown = first.isel(image=image).sel(level=level)
        row[0].imshow(shown["pixels"].transpose("row", "col", "rgb"), interpolation="nearest")
        state = "untouched" if level == UNSATURATED else f"saturation {level:g}"
        label = str(shown["label"].item())
        known = UNKNOWN.sub(r"\1", label)
        kind = "label" if known == label else "no label;"
        row[0].set_ylabel(f"{kind} {classes[known]}\n{state}", fontsize=8)
        for axis, (network, method) in zip(row[1:], columns, strict=False):
            one = data[network].isel(image=image).sel(level=level)
            _map(axis, one[method])
            if method == next(iter(METHODS)):
                axis.set_xlabel(
                    f"says {classes[one['prediction'].item()]}", fontsize=8, loc="left"
                )
    axes[0, 0].set_title("image", fontsize=9)
    for axis, (network, method) in zip(axes[0, 1:], columns, strict=False):
        axis.set_title(f"{network}\n{METHODS[method]}", fontsize=9)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    return figure


def _map(axis: Axes, values: xr.DataArray) -> None:
    largest = float(np.percentile(abs(values), CLIPPED))
    signed = values.name == SIGNED
    colors, smallest = ("RdBu_r", -largest) if signed else ("gray_r", 0.0)
    axis.imshow(values, cmap=colors, vmin=smallest, vmax=largest, interpolation="nearest")
