"""How the embedding of the images grows while the network is trained."""

__all__ = ["FRAMES", "training_animation", "training_snapshots"]

from io import BytesIO
from itertools import pairwise
from typing import TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from actsense.drawing.style import counted, new_figure, spread
from actsense.patterns.figures.space import (
    class_legend,
    class_styles,
    draw_directions,
    draw_ellipsoid,
    draw_points,
    frame,
    outline_reach,
    principal_views,
)
from actsense.patterns.stored import Shown, StoredPatterns

MOST = 6  # checkpoints side by side
REGIONS = 1500  # of a panel
FRAMES = 8  # from one checkpoint to the next
MILLISECONDS, PAUSE = 90, 1200  # of a frame, and of the last one
DPI = 80
Number = TypeVar("Number", np.int64, np.float64)


def training_snapshots(stored: StoredPatterns, *, title: str) -> Figure:
    """Draw images (above) and regions of the last layer (below) at the checkpoints.

    Arguments:
        stored: The patterns of a network with checkpoints.
        title: The study and the network.
    """
    shown = spread(stored.training, MOST)
    left_out = len(stored.training) - len(shown)
    figure = new_figure(
        2.2 * len(shown) + 2.6,
        5.9,
        f"{title}: when do classes come apart while the network is trained?",
        "Embeddings of all images (above) and of regions of the last layer (below, in its mean "
        "strength) by class of the image, checkpoints turned onto each other.\n"
        "Ellipses: ellipsoids of each class's covariance, two standard deviations wide, as seen "
        "from here. All panels of a row have one scale."
        + f" Left out between: {counted(left_out, 'checkpoint')}."
        * (left_out > 0),
    )
    axes = figure.subplots(2, len(shown), squeeze=False)
    view = principal_views(stored.embedding(stored.final))
    last = len(stored.layers) - 1
    regions = [stored.regions(last, one.state) for one in shown]
    places = [
        [stored.embedding(one.state) for one in shown],
        [_some(one.reshape(-1, one.shape[-1])) for one in regions],
    ]
    labels = [stored.labels, _some(stored.labels.repeat(regions[0].shape[1]))]
    for row, vectors, groups in zip(axes, places, labels, strict=True):
        reach = 1.1 * max(float(np.quantile(np.linalg.norm(v, axis=1), 0.99)) for v in vectors)
        reach = max(reach, *(outline_reach(drawn, groups, view) for drawn in vectors))
        for axis, drawn in zip(row, vectors, strict=True):
            _snapshot(axis, drawn, groups, stored, view, reach)
    for axis, one in zip(axes[0], shown, strict=True):
        axis.set_title(one.title, loc="left")
    for axis, name in zip(axes[:, 0], ("images", "regions, last layer"), strict=True):
        axis.set_ylabel(name)
    class_legend(figure, stored.classes)
    return figure


def training_animation(stored: StoredPatterns, *, title: str) -> bytes:
    """Return an animated GIF of the embedding of the images from checkpoint to checkpoint.

    Between two checkpoints, points move straight from one embedding to the next, in `FRAMES`
    frames; the last one stays. The same store gives the same bytes.

    Arguments:
        stored: The patterns of a network with checkpoints.
        title: The study and the network.
    """
    shown = stored.training
    vectors = np.stack([stored.embedding(one.state) for one in shown])
    directions = np.stack([stored.directions(one.state) for one in shown])
    view = principal_views(vectors[-1])
    reach = 1.08 * float(np.linalg.norm(vectors, axis=-1).max())
    figure, axis = _stage(stored, title, reach)
    frames = []
    for here, share in _times(len(shown)):
        there = min(here + 1, len(shown) - 1)
        axis.clear()
        frame(axis, reach)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
        mixed = (1 - share) * vectors[here] + share * vectors[there]
        draw_points(axis, mixed, stored.labels, stored.classes, view)
        turned = (1 - share) * directions[here] + share * directions[there]
        draw_directions(axis, turned, stored.classes, view, length=0.85 * reach)
        axis.set_title(_moment(shown, here, share), loc="left")
        frames.append(_painted(figure))
    return _gif(frames)


def _times(count: int) -> list[tuple[int, float]]:
    """Return every frame as a checkpoint and the share of the way to the next one."""
    between = [(here, k / FRAMES) for here, _ in pairwise(range(count)) for k in range(FRAMES)]
    return [*between, (count - 1, 0.0)]


def _stage(stored: StoredPatterns, title: str, reach: float) -> tuple[Figure, Axes]:
    figure = new_figure(
        6.8,
        5.4,
        f"{title}: how do classes come apart?",
        "Embeddings of the images at every checkpoint, turned onto each other;\npoints move "
        "straight between them. Arrows: directions of the classes.",
    )
    axis = figure.subplots()
    frame(axis, reach)
    axis.set_title(" ", loc="left")
    class_legend(figure, stored.classes)
    figure.set_dpi(DPI)
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    figure.set_layout_engine("none")  # else every frame is arranged again
    return figure, axis


def _moment(shown: list[Shown], here: int, share: float) -> str:
    name = shown[here].title
    return f"{name} \u2192 {shown[here + 1].title}" if share else name


def _painted(figure: Figure) -> Image.Image:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    painted = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return Image.fromarray(painted[..., :3].copy())


def _gif(frames: list[Image.Image]) -> bytes:
    """Write frames in the colors of the last one, which has them all."""
    palette = frames[-1].quantize(255, dither=Image.Dither.NONE)
    flat = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in frames]
    file = BytesIO()
    times = [MILLISECONDS] * (len(flat) - 1) + [PAUSE]
    flat[0].save(file, "GIF", save_all=True, append_images=flat[1:], duration=times, loop=0)
    return file.getvalue()


def _some(values: NDArray[Number]) -> NDArray[Number]:
    """Return rows of an array, evenly spread where there are many."""
    chosen = np.linspace(0, len(values) - 1, min(REGIONS, len(values))).round().astype(int)
    found: NDArray[Number] = values[chosen]
    return found


def _snapshot(
    axis: Axes,
    vectors: NDArray[np.float64],
    labels: NDArray[np.int64],
    stored: StoredPatterns,
    view: NDArray[np.float64],
    reach: float,
) -> None:
    frame(axis, reach)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    many = len(vectors) > 300
    draw_points(axis, vectors, labels, stored.classes, view, s=4 if many else 9, alpha=0.5)
    for number, style in enumerate(class_styles(stored.classes).values()):
        draw_ellipsoid(axis, vectors[labels == number], view, style["color"])
