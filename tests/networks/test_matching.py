"""Classes find their outputs: by name, by number, in order, or not at all."""

import logging
from collections.abc import Sequence

import numpy as np
import pytest
from torchvision.models import AlexNet_Weights

from actsense.errors import ConfigError
from actsense.networks.matching import match_outputs, name_outputs
from actsense.networks.outputs import Outputs

CATEGORIES = AlexNet_Weights.DEFAULT.meta["categories"]
NUMBERS = [str(k) for k in range(12)]
BY_TEXT = sorted(NUMBERS)


def matched(
    classes: Sequence[str],
    count: int,
    wanted: str | Sequence[str] | None = "auto",
    *,
    published: Sequence[str] | None = None,
    truth: Sequence[int] | None = None,
    images: int = 4,
) -> Outputs:
    """Match outputs; `truth` is the output that the network has for every class."""

    def seen() -> tuple[np.ndarray, np.ndarray]:
        assert truth is not None, "nothing has to be shown"
        shown = np.arange(images * len(classes)) % len(classes)
        return shown, np.asarray(truth)[shown]

    return match_outputs("net", wanted, classes, count, published=published, seen=seen)


@pytest.mark.parametrize("published", [None, CATEGORIES, [name.upper() for name in CATEGORIES]])
def test_any_classes_of_imagenet_in_any_order_have_their_outputs(
    published: list[str] | None,
) -> None:
    chosen = np.random.default_rng(0).permutation(1000)[:40]
    classes = [CATEGORIES[k].replace(" ", "_") for k in chosen if k not in (264, 474, 517, 638)]
    found = matched(classes, 1000, published=published)
    assert found.places.tolist() == [k for k in chosen if k not in (264, 474, 517, 638)]
    assert found.label == "class"
    assert found.names == CATEGORIES


def test_names_that_were_published_for_other_outputs_name_none() -> None:
    classes = ["ape", "bee"]
    assert name_outputs("auto", classes, 4, published=CATEGORIES) == []
    assert name_outputs("auto", classes, 1000, published=CATEGORIES) == CATEGORIES
    assert name_outputs("auto", classes, 3, published=["x", "y", "z"]) == ["x", "y", "z"]


def test_synsets_tell_what_names_cannot(caplog: pytest.LogCaptureFixture) -> None:
    classes = ["n02012849", "n03126707", "cardigan", "unicorn", "Tench", "tench"]
    found = matched(classes, 1000)
    assert found.places.tolist() == [134, 517, -1, -1, -1, -1]
    assert found.known.tolist() == [0, 1]
    for words in (
        "2 of 6 classes are outputs, by the names of ImageNet. Accuracies leave out images of",
        "'cardigan' fits the outputs 264 Cardigan, 474 cardigan",
        "'Tench' and another class fit the output 0 tench",
    ):
        assert words in caplog.text


def test_a_list_names_the_outputs_in_their_order() -> None:
    found = matched(["ape", "bee", "cat"], 5, ["dog", "Cat", "elk", "ape", "bee"])
    assert found.places.tolist() == [3, 4, 1]
    assert found.names == ["dog", "Cat", "elk", "ape", "bee"]


@pytest.mark.parametrize(
    ("wanted", "count", "words"),
    [
        (["a", "b"], 3, "2 names for 3 outputs"),
        ("imagenet", 12, "imagenet is for networks of 1000 outputs; this one has 12"),
        ("classes", 4, "the network has 4, the dataset 3"),
        ("numbers", 3, "numbers is for classes called 0 to 2.*ape, bee, cat"),
    ],
)
def test_what_does_not_fit_is_refused(wanted: str | list[str], count: int, words: str) -> None:
    with pytest.raises(ConfigError, match=rf"networks\.net\.outputs: .*{words}"):
        matched(["ape", "bee", "cat"], count, wanted)


def test_classes_that_are_no_outputs_leave_the_networks_own_predictions(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = matched(["ape", "bee"], 1000, published=["x" * (k + 1) for k in range(1000)])
    assert found.label == "prediction"
    assert found.known.tolist() == [0, 1]
    assert "none of the classes ape, bee is one of the 1000 outputs" in caplog.text
    assert matched(["ape", "bee"], 3).names == ["0", "1", "2"]


def test_as_many_outputs_as_classes_are_in_the_order_of_texts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    found = matched(["ape", "bee", "cat"], 3)
    assert found.places.tolist() == [0, 1, 2]
    assert "in the order of texts: ape, bee, cat" in caplog.text
    assert matched(["001", "002", "010"], 3).places.tolist() == [0, 1, 2]


def test_a_network_trained_on_the_classes_asks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    found = matched(BY_TEXT, 12, None)
    assert found.names == BY_TEXT
    assert found.places.tolist() == [*range(12)]
    assert not caplog.text


@pytest.mark.parametrize("images", [1, 4])
@pytest.mark.parametrize("start", [0, 1])
def test_images_tell_the_order_of_numbers(start: int, images: int) -> None:
    classes = sorted(str(k + start) for k in range(12))
    values = [int(name) - start for name in classes]
    by_number = matched(classes, 12, truth=values, images=images)
    assert by_number.places.tolist() == values
    by_text = matched(classes, 12, truth=[*range(12)], images=images)
    assert by_text.places.tolist() == [*range(12)]
    assert matched(classes, 12, "numbers").places.tolist() == values
    assert matched(classes, 12, "classes").places.tolist() == [*range(12)]


def test_images_that_do_not_tell_the_order_are_no_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = matched(BY_TEXT, 12, truth=[5] * 12)
    assert found.places.tolist() == [*range(12)]
    assert "images do not tell their order (4 of 48 images are right in the order" in caplog.text


def test_a_thousand_numbers_are_those_of_outputs() -> None:
    classes = sorted(map(str, range(1000)))
    found = matched(classes, 1000, truth=[5] * 1000, images=1)
    assert found.places.tolist() == [int(name) for name in classes]
    assert found.names == CATEGORIES


@pytest.mark.parametrize("outputs", [12, 1000])
def test_some_numbers_are_those_of_outputs_if_images_agree(outputs: int) -> None:
    classes = ["007", "10", "3", "unicorn"]
    found = matched(classes, outputs, truth=[7, 10, 3, 3])
    assert found.places.tolist() == [7, 10, 3, -1]
    # Digits before a network of ImageNet: their names are numbers of others.
    assert matched(classes, outputs, truth=[1, 1, 1, 1]).label == "prediction"
    assert matched(classes, outputs, "numbers").places.tolist() == [7, 10, 3, -1]


@pytest.mark.parametrize("sizes", [(1, 3), (3, 1)])
def test_two_classes_at_least_are_needed(sizes: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="Predictions need two classes at least"):
        matched(["ape", "bee", "cat"][: sizes[0]], sizes[1])
