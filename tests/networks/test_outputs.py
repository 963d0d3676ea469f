"""Names and outputs that do not belong together are told, and chance is not."""

import numpy as np
import pytest

from actsense.networks.outputs import disagreement

NAMES = [f"name {k}" for k in range(12)]
EACH = 8  # images of a class


@pytest.mark.parametrize("skill", [1.0, 0.7])
@pytest.mark.parametrize("images", ["in turn", "class by class"])
def test_another_order_is_told(images: str, skill: float) -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(12 * EACH) % 12
    labels = labels if images == "in turn" else np.sort(labels)
    by_text = np.array(sorted(range(12), key=str))
    guessed = generator.random(len(labels)) > skill
    predicted = np.where(guessed, generator.integers(12, size=len(labels)), by_text[labels])
    said = disagreement(NAMES, labels, predicted)
    assert "images are right" in said
    assert "'name 10' for 'name 2', 'name 11' for 'name 3', 'name 2' for 'name 4' ..." in said


@pytest.mark.parametrize("skill", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("each", [1, 2, EACH, 100])
def test_right_orders_and_chance_are_not_doubted(skill: float, each: int) -> None:
    generator = np.random.default_rng(each)
    labels = np.arange(12 * each) % 12
    for _ in range(50):
        guessed = generator.random(len(labels)) > skill
        predicted = np.where(guessed, generator.integers(12, size=len(labels)), labels)
        assert not disagreement(NAMES, labels, predicted)


def test_images_without_a_label_have_no_part() -> None:
    labels = np.arange(12 * EACH) % 12
    predicted = np.where(labels < 6, labels, 3)
    assert not disagreement(NAMES, np.where(labels < 6, labels, -1), predicted)
    assert not disagreement(NAMES, np.full(5, -1), np.arange(5))


def test_two_classes_that_a_network_confuses_are_no_other_order() -> None:
    labels = np.arange(12 * EACH) % 12
    predicted = np.where(labels == 0, 1, np.where(labels == 1, 0, labels))
    assert not disagreement(NAMES, labels, predicted)
