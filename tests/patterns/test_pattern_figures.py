"""Figures of patterns: their geometry against closed forms and brute force, and what they say."""

from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest
from figure_texts import words
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from patterns_study import CLASSES, EPOCHS, GRID, LAYERS, THRESHOLD, make_patterns
from PIL import Image

from actsense.data.cache import ImageCache
from actsense.patterns.figures import plot
from actsense.patterns.figures.choice import clearest_image, typical_images
from actsense.patterns.figures.counts import difference_lines, embedding_dots, point_bars
from actsense.patterns.figures.embedding import embedding_views
from actsense.patterns.figures.knowledge import knowledge_points_on_images
from actsense.patterns.figures.plot import (
    attacked_pixels,
    plot_network,
    plot_study,
    plot_training,
)
from actsense.patterns.figures.regions import outline
from actsense.patterns.figures.space import (
    draw_ellipsoid,
    outline_reach,
    principal_views,
    upward_view,
)
from actsense.patterns.figures.training import FRAMES, training_animation
from actsense.patterns.figures.trajectories import clearest_pair
from actsense.patterns.stored import StoredPatterns
from actsense.store import read_results, read_table

OF_NETWORK = {
    *("embedding", "weights", "knowledge_points", "depth"),
    *("attack", "trajectories", "attack_changes"),
}
OF_ALL = {"knowledge", "curves", "strength", "training_counts", "networks"}
LONG = [f"class {k} of ImageNet, which has a name, and one more $x$" for k in range(10)]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_patterns(tmp_path_factory.mktemp("patterns") / "results/shapes")


@pytest.fixture(scope="module")
def stored(study: Path) -> StoredPatterns:
    return StoredPatterns(read_results(study / "teacher/patterns/patterns.zarr"), THRESHOLD)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """Return the figures that would be saved, by name; the files stay empty."""
    figures: dict[str, Figure] = {}

    def keep(figure: Figure, png: Path, *, dpi: int) -> None:
        figures[png.stem] = figure
        png.touch()

    monkeypatch.setattr(plot, "save", keep)
    monkeypatch.setattr(plot, "training_animation", lambda stored, title: b"")
    return figures


def files(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    return {name: folder / f"{name}.png" for name in names}


def tables(study: Path) -> dict[str, Path]:
    return {path.stem: path for path in (study / "patterns/tables").glob("*.csv")}


def images(study: Path) -> ImageCache:
    return ImageCache.open(study / "data/images.zarr", study / "data/manifest.csv")


def counted(study: Path) -> pd.DataFrame:
    """Return the counts of every image and layer of the first network."""
    table = read_table(tables(study)["knowledge_images"])
    return table[table["network"] == "teacher"]


@pytest.mark.parametrize("seed", range(4))
def test_an_outline_is_every_side_between_a_cell_inside_and_one_outside(seed: int) -> None:
    cells = np.random.default_rng(seed).random((5, 7)) < 0.4
    inside = {(x, y) for y, x in np.argwhere(cells)}
    sides = {
        frozenset({(x + a, y + b), (x + c, y + d)})
        for x, y in inside
        for (over, down), (a, b, c, d) in {
            (-1, 0): (0, 0, 0, 1),
            (1, 0): (1, 0, 1, 1),
            (0, -1): (0, 0, 1, 0),
            (0, 1): (0, 1, 1, 1),
        }.items()
        if (x + over, y + down) not in inside
    }
    found = [frozenset(map(tuple, side)) for side in outline(cells).astype(int).tolist()]
    assert len(found) == len(sides)
    assert set(found) == sides


def test_nothing_chosen_has_no_outline() -> None:
    assert outline(np.zeros((3, 3), bool)).shape == (0, 2, 2)


def test_the_first_view_shows_the_most_of_squared_lengths() -> None:
    vectors = np.random.default_rng(0).normal(size=(200, 3)) * (0.2, 3, 1) @ _rotation(1)
    view = principal_views(vectors)
    np.testing.assert_allclose(view @ view.T, np.eye(3), atol=1e-12)
    shown = ((vectors @ view[:2].T) ** 2).sum()
    for seed in range(50):
        assert ((vectors @ _rotation(seed)[:2].T) ** 2).sum() <= shown * (1 + 1e-12)


def test_an_upward_view_turns_a_direction_upwards_and_keeps_lengths() -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 3))
    view = upward_view(vectors[0], vectors[1:])
    np.testing.assert_allclose(view @ view.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(view @ vectors[0], [0, np.linalg.norm(vectors[0]), 0], atol=1e-12)
    assert (vectors[1:] @ view[0]).sum() >= 0


def test_the_ellipse_is_the_shadow_of_the_ellipsoid_of_the_covariance() -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(300, 3)) @ generator.normal(size=(3, 3)) + 2
    view = _rotation(3)
    axis = Figure().subplots()
    ellipse = draw_ellipsoid(axis, vectors, view, "black")
    assert ellipse is not None
    sphere = generator.normal(size=(20000, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    surface = 2 * sphere @ np.linalg.cholesky(np.cov(vectors.T)).T
    shadow = surface @ view[:2].T
    border = ellipse.get_patch_transform().transform(_circle()) - ellipse.get_center()
    for angle in np.linspace(0, np.pi, 7):
        way = np.array([np.cos(angle), np.sin(angle)])
        np.testing.assert_allclose((border @ way).max(), (shadow @ way).max(), rtol=2e-3)
    np.testing.assert_allclose(ellipse.get_center(), vectors.mean(axis=0) @ view[:2].T)


def test_every_image_is_a_point_of_every_panel(study: Path, stored: StoredPatterns) -> None:
    figure = embedding_views(stored, read_table(tables(study)["embeddings"]), title="made")
    for axis in figure.axes[:3]:
        drawn = [one for one in axis.collections if isinstance(one, PathCollection)]
        assert sum(len(one.get_offsets()) for one in drawn) == len(stored.labels)
        assert len(drawn) == len(CLASSES)


def test_the_typical_image_of_a_class_has_the_median_of_its_counts(
    study: Path, stored: StoredPatterns
) -> None:
    table = counted(study)
    counts = table.groupby("image")["points"].sum()
    for label, image in enumerate(typical_images(stored)):
        own = counts[stored.labels == label].sort_values()
        assert counts[image] == own.iloc[(len(own) - 1) // 2]


def test_pictures_say_as_many_points_as_the_table(study: Path, stored: StoredPatterns) -> None:
    chosen = [3, clearest_image(stored)]
    pixels = images(study).read(stored.rows[chosen])
    figure = knowledge_points_on_images(stored, chosen, pixels, title="made")
    table = counted(study)
    own = table[table["image"].isin(chosen)]
    said = sorted(text for text in words(figure) if text.endswith(" reliable"))
    assert said == sorted(
        f"{points} point{'s' * (points != 1)}, {reliable} reliable"
        for points, reliable in zip(own["points"], own["reliable"], strict=True)
    )


def test_the_animation_has_so_many_frames_between_checkpoints(stored: StoredPatterns) -> None:
    first, second = (training_animation(stored, title="made") for _ in range(2))
    assert first == second
    assert Image.open(BytesIO(first)).n_frames == FRAMES * len(EPOCHS) + 1


def test_figures_are_those_that_are_asked_for(
    study: Path, tmp_path: Path, kept: dict[str, Figure]
) -> None:
    own = study / "teacher/patterns"
    shown = (tables(study), images(study), files(tmp_path, OF_NETWORK))
    plot_network(own / "patterns.zarr", own / "attack.zarr", *shown, title="made", dpi=40)
    plot_study(tables(study), files(tmp_path, OF_ALL - {"networks"}), title="made", dpi=40)
    grown = {"training": tmp_path / "training.png", "animation": tmp_path / "training.gif"}
    plot_training(own / "patterns.zarr", tables(study), grown, title="made", dpi=40)
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == {f"{name}.png" for name in OF_NETWORK | OF_ALL - {"networks"}} | {
        *("training.png", "training.gif")
    }
    assert kept.keys() == {Path(name).stem for name in drawn}


def test_attacked_pictures_are_those_of_the_last_step(study: Path, stored: StoredPatterns) -> None:
    shown = attacked_pixels(study / "teacher/patterns/attack.zarr", np.array([5, 2]))
    clean = images(study).read(stored.rows[[5, 2]])
    far = np.abs(shown.astype(int) - clean)
    assert 6 <= far.max() <= 8


def test_long_names_of_many_classes_and_networks_stay_apart_and_on_the_page(
    tmp_path: Path, kept: dict[str, Figure]
) -> None:
    folder = make_patterns(tmp_path / "many", networks=("net", "other"), classes=LONG, each=2)
    own, page = folder / "net/patterns", {"title": "a study with a long name", "dpi": 50}
    shown = (tables(folder), images(folder), files(tmp_path, OF_NETWORK))
    plot_network(own / "patterns.zarr", own / "attack.zarr", *shown, **page)
    plot_study(tables(folder), files(tmp_path, OF_ALL), **page)
    grown = {"training": tmp_path / "training.png", "animation": tmp_path / "training.gif"}
    plot_training(own / "patterns.zarr", tables(folder), grown, **page)
    assert kept.keys() == OF_NETWORK | OF_ALL | {"training"}
    for figure in kept.values():
        _apart(figure)


@pytest.mark.parametrize("draw", [point_bars, embedding_dots, difference_lines])
def test_twenty_networks_have_room(study: Path, draw: Callable[..., Figure]) -> None:
    kind = {
        point_bars: "knowledge_points",
        embedding_dots: "embeddings",
        difference_lines: "knowledge_differences",
    }[draw]
    table = read_table(tables(study)[kind])
    column = "second" if draw is difference_lines else "network"
    own = table[table[column] == table[column].iloc[0]]
    own = own[own["layer"].isin(LAYERS[:2])] if draw is point_bars else own
    many = pd.concat([own.assign(**{column: f"network {k} " + 30 * "x"}) for k in range(20)])
    more = (pd.Series(5, many[column].unique()),) if draw is point_bars else ()
    _apart(draw(many, *more, title="made"))


def _apart(figure: Figure) -> None:
    """Check that the figure asks a question, and that neither texts nor legends overlap."""
    said = words(figure)
    assert figure.texts[0].get_text().endswith("?")
    header = [text.get_window_extent() for text in figure.texts]
    legends = [one.get_window_extent() for one in figure.legends]
    titles = [axis.get_title(loc="left") and axis._left_title for axis in figure.axes]
    boxes = [*header, *legends, *(one.get_window_extent() for one in titles if one)]
    panels = [axis.get_window_extent() for axis in figure.axes]
    for number, box in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert not box.padded(-1).overlaps(other), (box, other, said)
    for panel in panels:
        assert not any(panel.padded(-1).overlaps(box.padded(-1)) for box in [*header, *legends])


def _rotation(seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]


def _circle() -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 2000)
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


def test_the_store_says_what_was_written(stored: StoredPatterns) -> None:
    assert stored.layers == LAYERS
    assert stored.grid == (GRID, GRID)
    assert [one.title for one in stored.training] == ["epoch 1", "epoch 3", "epoch 8", "trained"]
    assert [one.title for one in stored.attack][:2] == ["clean", "step 1"]


def test_the_change_is_shown_that_most_regions_follow() -> None:
    answers = {0: np.array([0, 0, 0, 1, 1, 2]), 7: np.array([1, 1, 1, 2, 0, 2])}

    def shown(types: list[int]) -> tuple[int, int]:
        stored = SimpleNamespace(
            attack=[SimpleNamespace(state=0), SimpleNamespace(state=7)], predicted=answers.get
        )
        one = np.array([[kind, 0, 0] for kind in types], np.int8)
        return clearest_pair(cast("StoredPatterns", stored), one)

    assert shown([0] * 6) == (0, 1)  # the commonest, where no region is on a way
    assert shown([0, 0, 0, 0, 4, 0]) == (1, 0)
    assert shown([1, 0, 0, 2, 0, 0]) == (0, 1)  # as many: the commoner one
    assert shown([1, 0, 0, 0, 0, 3]) == (0, 1)  # the answer to the last image stays


def test_outlines_reach_as_far_as_they_are_drawn() -> None:
    rng, view = np.random.default_rng(0), np.eye(3)
    vectors, labels = rng.normal(size=(40, 3)) * [3, 1, 1] + [2, 0, 0], np.arange(40) % 2
    reach, axis = outline_reach(vectors, labels, view), Figure().subplots()
    ends = []
    for label in (0, 1):
        ellipse = draw_ellipsoid(axis, vectors[labels == label], view, "red")
        assert ellipse is not None
        border = ellipse.get_patch_transform().transform(_circle())
        ends.append(float(abs(border).max()))
    assert reach == pytest.approx(max(ends), rel=0.01)
    assert outline_reach(vectors[:1], labels[:1], view) == 0
