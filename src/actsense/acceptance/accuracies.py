"""Accuracies without masks beside the published ones: the same, and if not, for a known reason?

Masked predictions begin with those of the untouched network, on original images and under every
augmentation alone. An accuracy agrees with the published one if that lies within its 95 %
interval, widened by a tolerance on both sides: the published one is of other draws, and other
versions of libraries decode and resize images a little otherwise.
"""

__all__ = ["TOLERANCE", "compare_accuracies"]

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from actsense.acceptance.published import Recognised, published_table

TOLERANCE = 0.003  # a share of images
COLUMNS = (
    *("dataset", "architecture", "network", "design", "input", "measure", "images"),
    *("ours", "low", "high", "published", "difference", "verdict", "reason"),
)
# Where our law is another one than the published, what it does otherwise.
LAW = {
    "erasing": "the published rectangle vanished in one of six cases, at the border; ours is "
    "clipped",
    "rotation": "the published one took nearest neighbours and zoomed 1.44 times at 10 degrees",
    "elliptic_local_blur": "the published one worked in steps of 8 bits",
}
STRETCH = (
    "the published study stretched every channel to [0, 1] behind the augmentation, which undoes "
    "factors below 1 and casts of colour"
)
STRETCHED = ("erasing", "grayscaling", "brightness", "contrast", "saturation", "hue")
SIZES = {"image_size": 224, "resize": 256}


def compare_accuracies(
    masking: pd.DataFrame,
    found: Recognised,
    settings: Mapping[str, Any],
    design: str,
    *,
    tolerance: float = TOLERANCE,
) -> pd.DataFrame:
    """Set the accuracies of a run beside the published ones.

    Arguments:
        masking: Its table `masking`.
        found: Which published network it is.
        settings: The settings behind the masks, as their store keeps them.
        design: Name of the design.
        tolerance: By how much intervals are widened on both sides, a share of images.

    Returns:
        A row for every input and measure that both have: our accuracy with its interval, the
        published one, our difference from it, `verdict` (`agrees`, `differs` or `differs as
        expected`), and `reason`, what is known to be different, which counts where they differ.
    """
    known = found.of(published_table("accuracies"))
    own = masking[masking["rule"] == "none"].drop_duplicates("input").set_index("input")
    rows = []
    for name, measure, value in known[["input", "measure", "value"]].itertuples(index=False):
        if name not in own.index:
            continue
        ours, low, high = (float(own.loc[name, measure + end]) for end in ("", "_low", "_high"))
        inside = low - tolerance <= value <= high + tolerance
        reason = "; ".join(_reasons(name, settings, design))
        rows.append(
            {
                "input": name,
                "measure": measure,
                "images": int(own.loc[name, "images"]),
                "ours": ours,
                "low": low,
                "high": high,
                "published": value,
                "difference": ours - value,
                "verdict": "agrees" if inside else "differs as expected" if reason else "differs",
                "reason": reason,
            }
        )
    (network,) = settings["networks"]
    whose = {"dataset": found.dataset, "architecture": found.network}
    whose |= {"network": network, "design": design}
    return pd.DataFrame(rows).assign(**whose).reindex(columns=list(COLUMNS))


def _reasons(name: str, settings: Mapping[str, Any], design: str) -> Iterator[str]:
    """Name what is known to be different under an input."""
    described = settings["designs"][design]
    published = described.get("law") == "published"
    if not published and name in LAW:
        yield LAW[name]
    if not described.get("stretch", published) and name in STRETCHED:
        yield STRETCH
    if name in described.get("ranges", {}):
        yield f"designs.{design}.ranges gives it other parameters than the published ones"
    for key, size in SIZES.items():
        if settings["dataset"].get(key, size) != size:
            yield f"dataset.{key} is {settings['dataset'][key]}, and the published one {size}"
