"""Which images are chosen: balanced, of known classes, or one clear line."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from opened import Images, opened
from torch import Tensor, nn

from actsense.data.pool import ImagePool
from actsense.errors import ConfigError
from actsense.features.images import choose_images
from actsense.networks.network import Network
from actsense.networks.subject import Subject

NAMES = ("cat", "dog", "frog", "owl", "toad")


class Bright(nn.Module):
    """Says how bright an image is: the number of its output is a step of brightness."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.steps = nn.Parameter(torch.linspace(0, 1, outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Return how near the mean of an image is to every step."""
        return -10 * (images.mean(dim=(1, 2, 3))[:, None] - self.steps).square()


def subject(
    each: int | list[int] = 6, outputs: Any = NAMES, count: int = 5, brightest: int = 255
) -> Subject:
    """Open a network on so many validation images of every class, as many for training."""
    counts = [each] * len(NAMES) if isinstance(each, int) else each
    label = np.repeat(np.arange(len(NAMES)), [2 * n for n in counts])
    partition = np.concatenate([np.arange(2 * n) % 2 for n in counts])
    levels = (label * brightest // (len(NAMES) - 1)).astype(np.uint8)
    pixels = np.broadcast_to(levels[:, None, None, None], (len(label), 3, 4, 4)).copy()
    network = Network("net", Bright(count).eval(), (0.0,) * 3, (1.0,) * 3, 4, None)
    pool = ImagePool.shuffled(partition, label, seed=0)
    return opened(replace(network, outputs=outputs), Images(pixels, *NAMES), pool)


def test_images_are_in_turn_of_every_class_and_labelled_by_it() -> None:
    own = subject()
    chosen = choose_images(own, images=20, classes=10)
    assert Counter(chosen.labels.tolist()) == dict.fromkeys(range(5), 4)
    assert chosen.names == list(NAMES)
    assert chosen.label == "class"
    brightness = own.read(chosen.rows).mean(dim=(1, 2, 3))
    np.testing.assert_allclose(brightness, chosen.labels / 4, atol=0.01)
    assert len({*chosen.rows}) == 20


def test_of_too_many_classes_some_are_taken_over_the_whole_list() -> None:
    chosen = choose_images(subject(), images=12, classes=3)
    assert chosen.names == ["cat", "frog", "toad"]
    assert chosen.outputs.tolist() == [0, 2, 4]
    assert Counter(chosen.labels.tolist()) == {0: 4, 1: 4, 2: 4}


def test_classes_are_called_by_their_names_in_the_order_of_outputs() -> None:
    chosen = choose_images(subject(), images=8, classes=("owl", "dog"))
    assert chosen.names == ["dog", "owl"]
    assert chosen.outputs.tolist() == [1, 3]


def test_outputs_may_be_in_another_order_than_classes() -> None:
    own = subject(outputs=tuple(reversed(NAMES)))
    chosen = choose_images(own, images=8, classes=("owl", "dog"))
    assert chosen.names == ["owl", "dog"]
    assert chosen.outputs.tolist() == [1, 3]
    brightness = own.read(chosen.rows).mean(dim=(1, 2, 3))
    np.testing.assert_allclose(brightness, np.array([0.75, 0.25])[chosen.labels], atol=0.01)


def test_classes_with_a_single_image_are_left_out_of_those_that_are_not_named() -> None:
    chosen = choose_images(subject([6, 1, 6, 6, 6]), images=20, classes=10)
    assert chosen.names == ["cat", "frog", "owl", "toad"]


def test_without_known_classes_images_are_labelled_by_what_is_said_most() -> None:
    own = subject(outputs=("a", "b", "c", "d"), count=4)
    assert own.label == "prediction"
    chosen = choose_images(own, images=12, classes=3)
    assert chosen.label == "prediction"
    said = own.predictions(chosen.rows).numpy()
    np.testing.assert_array_equal(chosen.outputs[chosen.labels], said)
    counts = Counter(chosen.labels.tolist())
    assert len(counts) == 3
    assert max(counts.values()) - min(counts.values()) <= 1


def test_sigmoids_are_refused_with_a_way_out() -> None:
    own = subject()
    sigmoids = replace(own, network=replace(own.network, returns="sigmoids"))
    with pytest.raises(ConfigError, match=r"sigmoids.* Leave net out with `patterns\.networks`"):
        choose_images(sigmoids, images=20, classes=5)


@pytest.mark.parametrize(
    ("made", "asked", "said"),
    [
        ({}, {"images": 9}, r"patterns\.images: 9 leave one image .* Allowed: 10 or more"),
        ({"each": 1}, {}, r"two classes with two validation images each, and 0 of those"),
        ({"each": [6, 1, 1, 1, 1]}, {}, r"and 1 of those that it knows"),
        ({"each": [6, 1, 6, 6, 6]}, {"classes": ("cat", "dog")}, r"1 validation images of 'dog'"),
        ({}, {"classes": ("cat", "dgo")}, r"patterns\.classes: 'dgo' .* Nearest: dog"),
        (
            {"outputs": ("cat", "dog", "x", "y", "z")},
            {"classes": ("cat", "owl")},
            r"'owl' is no output of networks\.net",
        ),
        (
            {"outputs": ("u", "v"), "count": 2, "brightest": 99},
            {},
            r"1 of those that it says of the validation images",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    made: dict[str, Any], asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        choose_images(subject(**made), **{"images": 20, "classes": 5} | asked)
    assert "\n" not in str(refused.value)
