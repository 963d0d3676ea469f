"""Whatever layers and classes are called, figures write it, and tell them apart."""

import unicodedata
from collections.abc import Iterator

import matplotlib as mpl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg

from actsense.drawing import names
from actsense.drawing.names import LONGEST, legible, short_names
from actsense.drawing.style import new_figure, text_width

STRANGE = [
    "猫",
    "$x$",
    "$\\frac{1}",
    "_hidden",
    "a\nb\tc",
    " x ",
    "e\u0301",
    "\udce9",
    "\u200b",
    "שלום",
]


@pytest.fixture
def families() -> Iterator[list[str]]:
    """Set the fonts of texts back to what they were."""
    kept = list(mpl.rcParams["font.family"])
    names._can_be_drawn.cache_clear()
    yield kept
    mpl.rcParams["font.family"] = kept
    names._can_be_drawn.cache_clear()


@pytest.mark.parametrize("name", ["features.0", "0.10", "a, b", "é", "C:\\x", "_a_", "a b"])
def test_ordinary_names_are_written_as_they_are(name: str) -> None:
    assert legible(name) == name


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a\nb", "a\\nb"),
        ("caf\udce9", "caf\\udce9"),
        ("a\u200bb", "a\\u200bb"),
        (" x", "\u2423x"),
        ("  ", "\u2423\u2423"),
        ("e\u0301", "é"),
        ("$x$", "\\$x\\$"),
    ],
)
def test_what_nobody_sees_is_written_out(name: str, written: str) -> None:
    assert legible(name) == written


def test_a_character_of_another_font_is_drawn_by_it(families: list[str]) -> None:
    mpl.rcParams["font.family"] = ["cmr10"]  # it has no Hebrew
    assert legible("ש") == "ש"
    assert len(mpl.rcParams["font.family"]) == 2
    assert text_width("ש", 9) > 0


def test_a_character_of_no_font_is_escaped(
    families: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_fonts", list)
    assert legible("\ue000猫") == "\\ue000\\u732b"
    assert mpl.rcParams["font.family"] == families


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_name_is_drawn_without_a_warning(name: str) -> None:
    """Warnings, such as of missing glyphs, are errors in tests."""
    text = legible(name)
    figure = new_figure(3, 2, text, text)
    axis = figure.subplots()
    axis.set_title(text)
    axis.set_xticks([0], [text])
    FigureCanvasAgg(figure).draw()
    assert text_width(text, 9) > 0


def test_long_layers_lose_common_modules_or_are_trimmed() -> None:
    far = [f"model.backbone.encoder.layer{k}.relu" for k in (1, 2)]
    assert [*short_names([*far, "network"]).values()] == [
        "\u2026layer1.relu",
        "\u2026layer2.relu",
        "network",
    ]
    deep = [f"features.denseblock{k}.denselayer24.relu" for k in (1, 2)]
    assert [*short_names(deep).values()] == ["densebl1.densela24.relu", "densebl2.densela24.relu"]


def test_short_layers_stay_as_they_are() -> None:
    layers = ["features.0", "features.10", "blocks.3.2", "0.1", "0.10", "probabilities"]
    assert short_names(layers) == {layer: layer for layer in layers}


@settings(max_examples=30)
@given(st.lists(st.text(max_size=60), unique=True, max_size=12))
def test_short_names_are_short_and_different(given_names: list[str]) -> None:
    short = short_names(given_names)
    assert list(short) == given_names
    assert len(set(short.values())) == len(given_names)
    assert all(len(text.replace("\\$", "$")) <= LONGEST + len(" #12") for text in short.values())


def test_names_that_look_alike_are_numbered() -> None:
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    assert [*short_names([composed, decomposed]).values()] == ["é", "é #2"]
