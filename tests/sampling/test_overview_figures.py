"""Pictures of images and networks say what the cache and the model cards say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figure_texts import words
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.data.cache import ImageCache, Sample, write_cache
from actsense.drawing.network_cards import network_cards, plot_networks
from actsense.drawing.style import new_figure, spread
from actsense.layers import place_layers
from actsense.sampling.figures.sample_images import class_sheet, plot_images

SIDE = 4
TRAINED = {
    "settings": {"kind": "trained", "architecture": "bag", "receptive_field": 9, "width": 8}
    | {"epochs": 3},
    "accuracy": {"train": 0.75, "validation": 0.5},
    "images": {"train": 1200, "validation": 40},
    "parameters": 123456,
}
DOWNLOADED = {
    "settings": {"kind": "torchvision", "model": "alexnet"},
    "weights": {"source": "https://somewhere/alexnet-1.pth", "set": "AlexNet_Weights.V1"},
    "parameters": 61,
}
RANDOM = {
    "settings": {"kind": "python", "factory": "mine:build"},
    "weights": {"source": "random", "seed": 5},
    "parameters": 7,
}
LAYERS = {"bag": [("stem", [8, 4, 4]), ("logits", [10])], "alex": [("fc", [1000])]}
PLACED = {name: place_layers(shapes) for name, shapes in LAYERS.items()}


def shade(label: int, number: int) -> NDArray[np.uint8]:
    """Return an image of one shade of its own."""
    return np.full((3, SIDE, SIDE), 20 * label + number, np.uint8)


def cache(folder: Path, train: list[int], validation: list[int], skipped: int = 0) -> ImageCache:
    """Write a cache with so many images of every class."""
    names = [f"class {label}" for label in range(len(train))]
    samples = [
        Sample(f"{partition}/{label}/{number}", label, partition, shade(label, number))
        for partition, counts in (("train", train), ("validation", validation))
        for label, count in enumerate(counts)
        for number in range(count)
    ]
    samples += [Sample(f"bad/{number}", 0, "train", None, "broken") for number in range(skipped)]
    images, manifest = folder / "images.zarr", folder / "manifest.csv"
    write_cache(
        samples, images, manifest, capacity=99, side=SIDE, class_names=names, provenance={}
    )
    return ImageCache.open(images, manifest)


def said(figure: Figure) -> str:
    """Return every text of a figure."""
    texts = [text.get_text() for text in figure.texts]
    for axis in figure.axes:
        texts += [axis.get_title(loc="left"), axis.get_xlabel(), axis.get_ylabel()]
        texts += [text.get_text() for text in (*axis.texts, *axis.get_yticklabels())]
    return "\n".join(texts)


def shades(figure: Figure, panel: int) -> list[int]:
    """Return the shades of the images of a panel, from left to right."""
    drawn = np.asarray(figure.axes[panel].images[0].get_array())[0, :, 0]
    return [int(value) for value in drawn[:: SIDE + 1]]


def test_classes_stand_in_rows_and_partitions_in_columns(tmp_path: Path) -> None:
    figure = class_sheet(cache(tmp_path, [3, 2], [1, 2]), title="t")
    assert shades(figure, 0) == [0, 1, 2, 255, 255, 255]
    assert shades(figure, 1) == [0, 255, 255, 255, 255, 255]
    assert shades(figure, 2)[:3] == [20, 21, 255]
    assert shades(figure, 3)[:3] == [20, 21, 255]


def test_images_are_counted_by_class_and_partition(tmp_path: Path) -> None:
    text = said(class_sheet(cache(tmp_path, [3, 2], [1, 0]), title="t", skipped=4))
    assert "train: 5 images, 2 to 3 of a class" in text
    assert "validation: 1 image, 0 to 1 of a class" in text
    assert "0 images" in text
    assert "could not be read: 4" in text
    assert "All classes are shown" in text


def test_many_images_and_classes_are_spread_evenly(tmp_path: Path) -> None:
    figure = class_sheet(cache(tmp_path, [11] + [1] * 12, [1] * 13), title="t")
    assert shades(figure, 0) == [0, 2, 4, 6, 8, 10]
    text = said(figure)
    assert "images of 13 classes" in text
    assert "Not shown: 3 more classes" in text
    assert "class 0" in text
    assert "class 12" in text
    assert len(figure.axes) == 2 * 10


def test_a_cache_becomes_a_picture_with_its_skipped_files(
    tmp_path: Path, drawn: dict[str, Figure]
) -> None:
    cache(tmp_path, [1, 1], [1, 1], skipped=2)
    output = tmp_path / "images.png"
    paths = tmp_path / "images.zarr", tmp_path / "manifest.csv"
    plot_images(*paths, output, title="t", dpi=50)
    assert output.exists()
    assert any("could not be read: 2" in text for text in words(drawn["images"]))


@pytest.mark.parametrize(
    ("card", "lines"),
    [
        (TRAINED, ["bag, windows of 9 pixels, width 8", "trained here, 3 epochs", "123,456"]),
        (TRAINED, ["1,200 train images: 75.0 %", "40 validation images: 50.0 %"]),
        (DOWNLOADED, ["alexnet", "weights AlexNet_Weights.V1, downloaded", "not in"]),
        (RANDOM, ["mine:build", "random weights, seed 5"]),
        (
            RANDOM | {"weights": {"source": "/far/away/mine.pt"}},
            ["mine:build", "weights mine.pt"],
        ),
        (
            RANDOM | {"weights": {"source": f"/far/{'a' * 40}.pt", "sha256": "12345678" * 8}},
            [f"weights {'a' * 24}..., sha256 12345678"],
        ),
        (RANDOM | {"weights": {"source": "factory"}}, ["weights by its factory"]),
        (
            RANDOM | {"weights": {"source": "factory", "random": ["fc.weight"], "seed": 5}},
            ["weights of its factory, 1 tensor random, seed 5"],
        ),
        (
            DOWNLOADED | {"weights": {"source": "packaged", "package": "some-weights 0.1.0"}},
            ["weights some-weights 0.1.0"],
        ),
    ],
)
def test_cards_are_put_into_words(card: dict[str, Any], lines: list[str]) -> None:
    text = said(network_cards({"bag": card}, PLACED, title="t"))
    for line in lines:
        assert line in text
    assert "/far" not in text


def test_bars_are_the_units_of_every_layer() -> None:
    figure = network_cards({"bag": TRAINED, "alex": DOWNLOADED}, PLACED, title="t")
    widths = [[bar.get_width() for bar in figure.axes[row].patches] for row in (1, 3)]
    assert widths == [[128, 10], [1000]]
    text = said(figure)
    assert "8 x 4 x 4 = 128" in text
    assert "2 layers, 138 units" in text
    assert "1 layer, 1,000 units" in text
    low, high = figure.axes[1].get_ylim()
    assert low > high  # the input above


def test_cards_on_disk_become_a_picture(tmp_path: Path, drawn: dict[str, Figure]) -> None:
    (tmp_path / "card.json").write_text(json.dumps(TRAINED))
    cards = {"bag": tmp_path / "card.json"}
    plot_networks(cards, LAYERS, tmp_path / "networks.png", title="animals", dpi=50)
    assert (tmp_path / "networks.png").exists()
    assert any("animals: the networks" in text for text in words(drawn["networks"]))


@pytest.mark.parametrize("dpi", [60, 150])
def test_a_figure_is_wide_enough_for_its_title(dpi: int) -> None:
    title = "one, mixed: " + "a long title " * 5
    figure = new_figure(2, 2, title, "short\n" + "and a long line below it " * 6)
    figure.set_dpi(dpi)
    FigureCanvasAgg(figure).draw()
    width = figure.get_size_inches()[0] * figure.dpi
    ends = [text.get_window_extent().x1 for text in figure.texts]
    assert len(ends) == 2
    assert 0.8 * width < max(ends) <= width


def test_a_wide_figure_keeps_its_width() -> None:
    assert new_figure(11, 3, "title", "line").get_size_inches() == pytest.approx([11, 3])


@pytest.mark.parametrize(("count", "chosen"), [(1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9])])
def test_values_are_spread_from_the_first_to_the_last(count: int, chosen: list[int]) -> None:
    assert spread(range(10), count) == chosen
    assert spread([5, 6], 6) == [5, 6]
    assert spread([], 3) == []
