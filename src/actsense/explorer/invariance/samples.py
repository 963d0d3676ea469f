"""Samples of one image, made now or kept in the store, and how the page shows them."""

__all__ = ["SAMPLED", "draw_sampled", "stored_samples"]

import numpy as np
import streamlit as st

from actsense.drawing.style import counted
from actsense.explorer.controls import plain
from actsense.explorer.invariance.cards import Tile, framed_row, gauge, variance_map
from actsense.explorer.invariance.outcomes import Sampled
from actsense.invariance.stored import InvarianceGroup, StoredInvariances

SAMPLED = "##### What does {layer} keep of an image, and what does it discard?"
COMMON = (
    "**What all samples share, the layer keeps; what differs between them, it discards.** ✓: the "
    "network gives a sample the class that it gives to the image; ✗: another one."
)
GAUGES = (
    "Blue: of the samples. Left end of the band, the floor: of samples of other images. Right "
    "end, the ceiling: of the image as the autoencoder alone returns it. **Near the ceiling, the "
    "layer really says the same of the samples.**"
)


def stored_samples(stored: StoredInvariances, group: InvarianceGroup, anchor: int) -> Sampled:
    """Return what the store keeps of an anchor, one of the first, which have images.

    Likeness and maps are of all of its samples, also of those whose images are not kept.
    """
    kept = group.kept
    own, ceiling = kept.samples, kept.reconstructions
    return Sampled(
        *(stored.images[anchor], stored.reconstructions[anchor], group.sample_images[anchor]),
        (group.maps.mean[anchor].clip(0, 1) * 255).round().astype(np.uint8),
        *(group.maps.variance[anchor], int(group.predicted[anchor])),
        group.sample_predicted[anchor],
        *(own.centred[anchor], own.cosine_floor[anchor], ceiling.centred[anchor]),
        *(own.agreement[anchor], own.agreement_floor[anchor], ceiling.agreement[anchor]),
    )


def draw_sampled(
    found: Sampled, outputs: list[str], layer: str, title: str, *, limited: bool
) -> None:
    """Show samples with their maps and gauges.

    Arguments:
        found: The samples.
        outputs: Names of the network's outputs.
        layer: Name of the layer.
        title: What the image is.
        limited: Whether the autoencoder limits what can be said.
    """
    said = outputs[found.predicted]
    same = int((found.predicted_samples == found.predicted).sum())
    many = len(found.samples)
    st.markdown(
        f"The network says **{plain(said)}** of the image, and of {same} of {many} samples that "
        f"{plain(layer)} should not tell apart from it."
    )
    rebuilt = found.agreement_ceiling > 0.5
    first = [
        Tile(found.image, "image", f"says {said}", None, [title]),
        Tile(found.reconstruction, "autoencoder", words=[_same(rebuilt)]),
        Tile(found.mean, "mean"),
    ]
    row = st.container(horizontal=True, gap="medium")
    row.container(width=348).html(framed_row(first))
    most = float(found.variance.mean(axis=0).max())
    row.container(width=120).html(variance_map(found.variance, most))
    with row.container(width=440):
        st.html(
            _gauge("centred cosine", found.of("cosine"), limited)
            + _gauge("share with the class of the image", found.of("agreement"), limited)
        )
    st.markdown(f"**{counted(many, 'sample')}**")
    tiles = [
        Tile(pixels, "", outputs[number], bool(number == found.predicted))
        for pixels, number in zip(found.samples, found.predicted_samples, strict=True)
    ]
    st.html(framed_row(tiles))
    st.caption(f"{COMMON} {GAUGES}")


def _gauge(title: str, between: tuple[float, float, float], limited: bool) -> str:
    return gauge(title, *between, limited=limited)


def _same(same: bool) -> str:
    return "✓ the same class" if same else "✗ another class"
