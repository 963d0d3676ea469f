"""Figures of a study's invariances: marks stand where the tables say, hatched where limited."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from figure_texts import cells, words
from invariance_tables import made_tables
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text
from numpy.typing import NDArray

from actsense.drawing.style import FACTOR_COLORS, FACTOR_MARKERS
from actsense.invariance.autoencoder.gate import AGREEMENT, COSINE
from actsense.invariance.choices import RANDOM, TRAINED
from actsense.invariance.figures import plot
from actsense.invariance.figures.consistency import consistency_ranges
from actsense.invariance.figures.effects import effect_points
from actsense.invariance.figures.kept import free_bars
from actsense.invariance.figures.layers import COLORS, LIMITED, MARKS
from actsense.invariance.figures.moved import moved_cells
from actsense.invariance.figures.plot import plot_study
from actsense.invariance.figures.quality import REAL_COLOR, quality_dots
from actsense.store import write_tables

LAYERS = ["stage2", "hidden", "logits"]
NUMBERS = ("value", "low", "high")
MARKED = [(TRAINED, "stage2"), (RANDOM, "hidden")]  # limited
FIGURES = {
    "kept": ("kept", free_bars),
    "consistency": ("kept", consistency_ranges),
    "quality": ("quality", quality_dots),
    "moved": ("moved", moved_cells),
    "effects": ("effects", effect_points),
}
PUBLISHED = ["maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc", "logits"]
PUBLISHED += ["softmax"]
LONG = "features.denseblock4.denselayer32.norm2.activation_of_a_long_name"
VARIANTS: dict[str, dict[str, Any]] = {
    "one layer": {"networks": {"net": ["logits"]}, "states": [TRAINED]},
    "two networks": {
        "networks": {
            "a network of a long name": ["conv", LONG],
            "resnet": PUBLISHED,
        },
        **{"augmentations": [*FACTOR_COLORS][:13], "limited": [(TRAINED, "maxpool")]},
    },
}


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return made_tables({"net": LAYERS}, limited=MARKED)


def drawn(name: str, tables: Mapping[str, pd.DataFrame]) -> Figure:
    table, draw = FIGURES[name]
    return draw(tables[f"invariance_{table}"], title="made")


def of(table: pd.DataFrame, state: str, column: str = "value", **wanted: str) -> NDArray[Any]:
    """Return the numbers of all layers in a state."""
    for name, value in wanted.items():
        table = table[table[name] == value]
    return table[table["state"] == state].set_index("layer").loc[LAYERS, column].to_numpy(float)


def bars(axis: Axes, color: str) -> list[Rectangle]:
    """Return the bars of a colour, from the left."""
    own = [one for one in axis.patches if isinstance(one, Rectangle)]
    return [one for one in own if to_hex(one.get_facecolor()) == to_hex(color)]


def marks(axis: Axes, state: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return where the marks of a state stand, and the ends of their strokes, (marks,) each."""
    ((line, strokes),) = [one for one in drawn_errors(axis) if one[0].get_marker() == MARKS[state]]
    ends = np.array([stroke[:, 1] for stroke in strokes.get_segments()])
    return np.asarray(line.get_ydata(), float), ends[:, 0], ends[:, 1]


def drawn_errors(axis: Axes) -> list[tuple[Any, LineCollection]]:
    """Return marks and their upright strokes."""
    own = [one for one in axis.containers if isinstance(one, ErrorbarContainer)]
    return [(line, strokes[-1]) for line, _, strokes in own]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for one in figure.legends for text in one.get_texts()]


def hatched(axis: Axes) -> list[Patch]:
    return [one for one in axis.patches if one.get_hatch()]


def test_bars_are_as_high_as_shares_and_hatched_where_limited(
    tables: dict[str, pd.DataFrame],
) -> None:
    figure, kept = drawn("kept", tables), tables["invariance_kept"]
    (axis,) = figure.axes
    places = []
    for state, color in COLORS.items():
        wanted = of(kept, state, measure="explained_latent")
        own = bars(axis, color)
        assert [bar.get_height() for bar in own] == pytest.approx(wanted)
        limited = [layer for bar, layer in zip(own, LAYERS, strict=True) if bar.get_hatch()]
        assert limited == [layer for one, layer in MARKED if one == state]
        places.append([bar.get_x() + bar.get_width() / 2 for bar in own])
        said = [text for text in axis.texts if text.get_color() == color]
        assert [text.get_text() for text in said] == [f"{value:.0%}" for value in wanted]
        assert [text.get_position()[0] for text in said] == pytest.approx(places[-1])
    assert np.mean(places, axis=0) == pytest.approx(range(3))
    assert (np.diff(places, axis=0) > bars(axis, COLORS[TRAINED])[0].get_width()).all()
    assert [text.get_text() for text in axis.get_xticklabels()] == LAYERS
    assert len(hatched(axis)) == 2
    assert LIMITED in legend(figure)


def test_strokes_are_the_intervals_of_the_shares(tables: dict[str, pd.DataFrame]) -> None:
    axis, kept = drawn("kept", tables).axes[0], tables["invariance_kept"]
    for state, (_, stroke) in zip(COLORS, drawn_errors(axis), strict=True):
        ends = np.array([line[:, 1] for line in stroke.get_segments()])
        for end, column in enumerate(("low", "high")):
            wanted = of(kept, state, column, measure="explained_latent")
            assert ends[:, end] == pytest.approx(wanted)


def test_samples_stand_between_floor_and_ceiling(tables: dict[str, pd.DataFrame]) -> None:
    figure, kept = drawn("consistency", tables), tables["invariance_kept"]
    for axis, measure in zip(figure.axes, ("cosine", "agreement"), strict=True):
        grey = bars(axis, "0.85")
        ends = {one: of(kept, one, measure=f"{measure}_floor") for one in COLORS}
        tops = {one: of(kept, one, measure=f"{measure}_ceiling") for one in COLORS}
        assert [bar.get_y() for bar in grey] == pytest.approx([*ends[TRAINED], *ends[RANDOM]])
        heights = [bar.get_y() + bar.get_height() for bar in grey]
        assert heights == pytest.approx([*tops[TRAINED], *tops[RANDOM]])
        limited = [bool(bar.get_hatch()) for bar in grey]
        assert limited == [True, False, False, False, True, False]
        behind = [one.get_x() + one.get_width() / 2 for one in hatched(axis) if one not in grey]
        assert behind == pytest.approx([-0.18, 1.18])
        for state in COLORS:
            wanted = [of(kept, state, column, measure=measure) for column in NUMBERS]
            np.testing.assert_allclose(marks(axis, state), wanted)


def test_samples_stand_beside_halves_of_real_images(tables: dict[str, pd.DataFrame]) -> None:
    figure, quality = drawn("quality", tables), tables["invariance_quality"]
    names = ("frechet", "kernel", "precision", "coverage")
    for axis, name in zip(figure.axes, names, strict=True):
        real = [
            float(line.get_segments()[0][0, 1])
            for line in axis.collections
            if getattr(line, "get_segments", None)
            and len(line.get_segments()[0]) == 2
            and to_hex(line.get_color()[0][:3]) == to_hex(REAL_COLOR)
        ]
        wanted = [of(quality, one, measure=name, kind="real halves") for one in COLORS]
        assert real == pytest.approx(np.concatenate(wanted))
        for state in COLORS:
            numbers = [of(quality, state, column, measure=name, kind="samples")
                       for column in NUMBERS]  # fmt: skip
            np.testing.assert_allclose(marks(axis, state), numbers)
        middles = [one.get_x() + one.get_width() / 2 for one in hatched(axis)]
        assert middles == pytest.approx([-0.18, 1.18])
    said = figure.texts[1].get_text()
    assert "64 features of another network (bag, last)" in said
    assert "500 on either side" in said
    assert not any("FID" in text.get_text() for text in figure.findobj(Text))


def test_cells_are_the_free_shares_of_augmentations(tables: dict[str, pd.DataFrame]) -> None:
    figure, moved = drawn("moved", tables), tables["invariance_moved"]
    free = moved[moved["measure"] == "free"]
    for axis, state in zip(figure.axes, COLORS, strict=False):
        own = {name: of(free, state, augmentation=name) for name in set(free["augmentation"])}
        order = sorted(own, key=lambda name: -of(free, TRAINED, augmentation=name).mean())
        (picture,) = axis.images
        np.testing.assert_allclose(picture.get_array(), [own[name] for name in order])
        written = cells(axis)
        for row, name in enumerate(order):
            low, high = (of(free, state, end, augmentation=name) for end in ("low", "high"))
            for column in range(3):
                assert written[row - 0.17, column][0] == f"{own[name][column]:.2f}"
                ends = f"{low[column]:.2f}\u2013{high[column]:.2f}"
                assert written[row + 0.22, column][0] == ends
        limited = [float(one.get_x() + 0.5) for one in hatched(axis)]
        assert limited == [LAYERS.index(layer) for one, layer in MARKED if one == state]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == order


def test_points_are_effects_and_kept_shares_with_their_rank_correlation(
    tables: dict[str, pd.DataFrame],
) -> None:
    figure, effects = drawn("effects", tables), tables["invariance_effects"]
    fixed = effects[effects["measure"] == "fixed"]
    for axis, layer in zip(figure.axes, LAYERS, strict=True):
        own = fixed[fixed["layer"] == layer].set_index("state")
        trained = own.loc[[TRAINED]].set_index("augmentation")
        across, upright = (one.get_segments() for one in axis.collections[:2])
        for number, name in enumerate(("brightness", "rolling", "hue")):
            point = axis.lines[number]
            assert to_hex(point.get_color()) == to_hex(FACTOR_COLORS[name])
            assert point.get_marker() == FACTOR_MARKERS[name]
            row = trained.loc[name]
            place = point.get_xdata()[0], point.get_ydata()[0]
            assert place == pytest.approx((row["effect"], row["value"]))
            assert across[number][:, 0] == pytest.approx([row["effect_low"], row["effect_high"]])
            assert upright[number][:, 1] == pytest.approx([row["low"], row["high"]])
        said = axis.get_title(loc="left")
        for state, start in ((TRAINED, "rank correlation"), (RANDOM, "random weights")):
            row = own[own["augmentation"] == ""].loc[state]
            ends = f"({row['low_both']:.2f} to {row['high_both']:.2f})"
            assert f"{start}: {row['value']:.2f} {ends}" in said
        assert len(hatched(axis)) == ((TRAINED, layer) in MARKED)


def test_the_design_with_most_augmentations_is_shown(tables: dict[str, pd.DataFrame]) -> None:
    effects = tables["invariance_effects"]
    few = effects[effects["augmentation"] != "hue"].assign(design="few", value=0.0)
    figure = effect_points(pd.concat([few, effects]), title="made")
    assert "net, design colour" in figure.axes[0].get_title(loc="left")
    assert len(figure.axes[0].collections[0].get_segments()) == 3


@pytest.mark.parametrize("name", FIGURES)
def test_without_limits_nothing_is_hatched(name: str) -> None:
    figure = drawn(name, made_tables({"net": LAYERS}))
    assert not any(hatched(axis) for axis in figure.axes)
    assert LIMITED not in legend(figure)


def test_the_legend_says_what_the_gate_is() -> None:
    assert f"{AGREEMENT:.0%}" in LIMITED
    assert f"{COSINE:g}" in LIMITED


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_few_and_many_layers_and_networks_stay_on_the_page(variant: str, name: str) -> None:
    figure = drawn(name, made_tables(**VARIANTS[variant]))
    said, title = words(figure), figure.texts[0].get_text()
    assert title.startswith("made: ")
    assert title.endswith("?")
    for one in VARIANTS[variant]["networks"]:
        assert any(one[:6] in text for text in said)
    states = VARIANTS[variant].get("states", [*COLORS])
    assert any("random weights" in text for text in said) == (RANDOM in states)
    assert (LIMITED in said) == ("limited" in VARIANTS[variant])


@pytest.mark.parametrize("name", ["kept", "moved", "effects"])
def test_layers_that_are_left_out_are_counted(name: str) -> None:
    layers = [f"block{k}" for k in range(40)]
    figure = drawn(name, made_tables({"net": layers}, augmentations=("hue",)))
    said = [axis.get_title(loc="left") for axis in figure.axes]
    assert any("of 40 layers, evenly spread." in text for text in said)


@pytest.mark.parametrize("name", FIGURES)
def test_numbers_that_are_undefined_leave_gaps(name: str) -> None:
    made = made_tables({"net": LAYERS})
    numbers = ["value", "low", "high", "low_both", "high_both"]
    for table in made.values():
        own = [column for column in numbers if column in table]
        table.loc[table["layer"] == "hidden", own] = np.nan
    figure = drawn(name, made)
    said = [text.get_text() for text in figure.findobj(Text)]
    said += [text for axis in figure.axes for text, _ in cells(axis).values()]
    assert not any("nan" in text for text in said)
    assert any("unknown" in text for text in said) == (name != "quality")


@pytest.mark.parametrize("name", ["quality", "moved", "effects"])
def test_what_was_not_measured_is_said(name: str) -> None:
    made = {key: table.head(0) for key, table in made_tables({"net": LAYERS}).items()}
    figure = drawn(name, made)
    assert figure.texts[1].get_text().startswith("Not measured: ")
    assert not figure.axes[0].has_data()


def test_figures_are_those_that_are_asked_for(
    tables: dict[str, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: dict[str, Figure] = {}
    monkeypatch.setattr(
        plot, "save", lambda figure, png, *, dpi: figures.update({f"{png.stem} {dpi}": figure})
    )
    paths = {name: tmp_path / f"{name}.csv" for name in tables}
    write_tables(tables, paths)
    for names in (["kept", "moved"], [*FIGURES]):
        figures.clear()
        outputs = {name: tmp_path / f"{name}.png" for name in names}
        plot_study(paths, paths | outputs, title="digits", dpi=70)
        assert [*figures] == [f"{name} 70" for name in names]
    # An augmentation without a name is NaN behind the file.
    assert "rank correlation: 0." in figures["effects 70"].axes[0].get_title(loc="left")
    assert all(one.texts[0].get_text().startswith("digits: ") for one in figures.values())
