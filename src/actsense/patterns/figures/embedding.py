"""What three dimensions keep of what a network says: images, class directions, strength."""

__all__ = ["METHODS", "embedding_views"]

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.drawing.style import counted, interval_errors, new_figure
from actsense.patterns.figures.space import (
    class_legend,
    class_styles,
    draw_directions,
    draw_points,
    frame,
    principal_views,
)
from actsense.patterns.stored import StoredPatterns

METHODS = {"ours": "ours", "pca": "PCA", "tsne": "t-SNE", "lle": "LLE", "isomap": "Isomap"}
COEFFICIENTS: dict[str, dict[str, Any]] = {
    "pearson": {"color": "#0072B2", "marker": "o"},
    "spearman": {"color": "#D55E00", "marker": "s"},
}
AXES = ("widest axis", "second axis", "third axis")
DODGE = 0.12  # between coefficients, in rows


def embedding_views(stored: StoredPatterns, embeddings: pd.DataFrame, *, title: str) -> Figure:
    """Draw the embedding of a network's images from two sides, and what its strength means.

    Arguments:
        stored: The patterns of the network.
        embeddings: Table `embeddings` of the study.
        title: The study and the network.
    """
    own = stored.correlations(embeddings)
    ours = own.loc["ours"].to_dict()
    figure = new_figure(
        15.5,
        4.9,
        f"{title}: what does the network make of the images, in three dimensions?",
        f"{counted(ours['images'], 'image')}, colored by true class. Arrows: the direction "
        "of every class; the longer a vector (its strength), the surer of it. The axes are those "
        f"of the widest spread.\nAgreement with the network's top class {ours['agreement']:.0%}, "
        f"divergence {ours['kl']:.3f} nats. Strong should mean certain: right, the correlation of "
        "strength with the network's uncertainty, beside other embeddings. Bars: 95 % intervals.",
    )
    axes = figure.subplots(1, 4, width_ratios=(1, 1, 0.95, 0.75))
    vectors, directions = (of(stored.final) for of in (stored.embedding, stored.directions))
    view = principal_views(vectors)
    strength = np.linalg.norm(vectors, axis=1)
    for axis, order, name in zip(axes, ((0, 1, 2), (0, 2, 1)), ("front", "above"), strict=False):
        turned = view[list(order)]
        frame(axis, 1.08 * strength.max(), AXES[order[0]], AXES[order[1]])
        draw_points(axis, vectors, stored.labels, stored.classes, turned)
        length = 0.8 * strength.max()
        draw_directions(axis, directions, stored.classes, turned, length=length)
        axis.set_title(f"seen from {name}", loc="left")
    _uncertainty(axes[2], stored, strength)
    _correlations(axes[3], own)
    class_legend(figure, stored.classes)
    return figure


def _uncertainty(axis: Axes, stored: StoredPatterns, strength: np.ndarray) -> None:
    unsure = stored.root["uncertainty"].to_numpy()[stored.final]
    for number, style in enumerate(class_styles(stored.classes).values()):
        own = stored.labels == number
        axis.scatter(strength[own], unsure[own], s=16, alpha=0.7, linewidth=0, **style)
    axis.set_xlabel("strength")
    axis.set_ylabel("uncertainty of the network, nats")
    axis.set_title("strong means certain?", loc="left")


def _correlations(axis: Axes, table: pd.DataFrame) -> None:
    methods = [name for name in METHODS if name in table.index]
    for number, (name, style) in enumerate(COEFFICIENTS.items()):
        rows = np.arange(len(methods)) + DODGE * (2 * number - 1)
        own = table.loc[methods]
        axis.errorbar(own[name], rows, xerr=interval_errors(own, name), linestyle="none",
                      markersize=4, elinewidth=0.9, label=name.capitalize(),
                      **style)  # fmt: skip
    axis.axvline(0, color="0.6", linewidth=0.8)
    axis.set_yticks(range(len(methods)), [METHODS[name] for name in methods])
    axis.set_ylim(len(methods) + 0.3, -0.6)  # room for the legend
    axis.set_xlim(right=max(0.05, axis.get_xlim()[1]))
    axis.locator_params(axis="x", nbins=4)
    axis.set_xlabel("correlation of strength with uncertainty\n(better: nearer to -1)")
    axis.set_title("against other embeddings", loc="left")
    axis.legend(loc="lower left", fontsize=8)
