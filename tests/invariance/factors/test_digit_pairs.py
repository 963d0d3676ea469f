"""Pairs of digits that are made: pixel by pixel they share what they should, and no more."""

from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.data.digits import DigitBlend, blend_images, digit_blends, enlarged_digits
from actsense.data.photographs import photograph
from actsense.data.settings import Digits
from actsense.device.memory import Memory
from actsense.invariance.factors import digit_pairs as module
from actsense.invariance.factors.digit_pairs import MadePairs, digit_pairs, encode_blends

SETTINGS, SIDE, COUNT = Digits(image_size=16), 16, 150


@pytest.fixture(scope="module")
def made() -> dict[str, MadePairs]:
    return {name: digit_pairs(SETTINGS, name, COUNT, seed=3) for name in ("train", "validation")}


@cache
def pixels(name: str) -> NDArray[np.uint8]:
    return photograph(name)


def both(pairs: MadePairs, concept: int) -> list[tuple[DigitBlend, DigitBlend]]:
    chosen = pairs.shared[:, concept].nonzero()[0]
    return [(pairs.blends[pairs.first[k]], pairs.blends[pairs.second[k]]) for k in chosen]


def test_every_image_is_first_or_second_once(made: dict[str, MadePairs]) -> None:
    pairs = made["train"]
    assert pairs.concepts == ("digit", "background")
    assert pairs.shared.tolist() == [[True, False, False]] * COUNT + [[False, True, False]] * COUNT
    used = np.concatenate([pairs.first, pairs.second])
    assert sorted(used) == [*range(4 * COUNT)]
    assert len(pairs.blends) == 4 * COUNT


@pytest.mark.parametrize("partition", ["train", "validation"])
def test_pixels_are_those_of_one_crop_and_two_digits(
    made: dict[str, MadePairs], partition: str
) -> None:
    """Made again from the photographs and digits, by nothing but their places."""
    digits, pairs = enlarged_digits(SIDE).astype(int), made[partition]
    images = [*blend_images(pairs.blends, SIDE)]
    for k in pairs.shared[:, 1].nonzero()[0]:
        one, other = pairs.blends[pairs.first[k]], pairs.blends[pairs.second[k]]
        crop = pixels(one.photograph)[one.top :, one.left :][:SIDE, :SIDE].astype(int)
        for blend, place in ((one, pairs.first[k]), (other, pairs.second[k])):
            expected = abs(digits[blend.digit][:, :, None] - crop).transpose(2, 0, 1)
            np.testing.assert_array_equal(images[place], expected)
        assert one.label != other.label
        # Where neither has ink, the images are the same.
        blank = (digits[one.digit] == 0) & (digits[other.digit] == 0)
        alike = images[pairs.first[k]] == images[pairs.second[k]]
        assert alike[:, blank].all()
        assert not alike.all()


@pytest.mark.parametrize("partition", ["train", "validation"])
def test_digits_are_of_one_class_and_crops_have_nothing_to_do_with_each_other(
    made: dict[str, MadePairs], partition: str
) -> None:
    found = both(made[partition], 0)
    places = [[(own.photograph, own.top, own.left) for own in pair] for pair in found]
    for (one, other), (here, there) in zip(found, places, strict=True):
        assert one.label == other.label
        assert one.digit != other.digit
        assert here != there
    names = sorted({own.photograph for pair in found for own in pair})
    same = np.mean([here[0] == there[0] for here, there in places])
    assert abs(same - 1 / len(names)) < 4 * np.sqrt(1 / len(names) / COUNT)


def test_partitions_have_neither_digit_nor_photograph_in_common(
    made: dict[str, MadePairs],
) -> None:
    """They are those of the dataset itself."""
    dataset = digit_blends(SETTINGS.replaced(patches_per_digit=4), 3)
    for name, pairs in made.items():
        own = [blend for blend in dataset if blend.partition == name]
        assert {blend.partition for blend in pairs.blends} == {name}
        assert {blend.digit for blend in pairs.blends} <= {blend.digit for blend in own}
        assert {blend.photograph for blend in pairs.blends} == {b.photograph for b in own}
        labels = {blend.digit: blend.label for blend in own}
        assert all(labels[blend.digit] == blend.label for blend in pairs.blends)


def test_every_class_and_every_other_class_is_drawn(made: dict[str, MadePairs]) -> None:
    pairs = digit_pairs(SETTINGS, "validation", 4000, seed=0)
    counts = np.zeros((10, 10))
    for one, other in both(pairs, 1):
        counts[one.label, other.label] += 1
    assert (counts.diagonal() == 0).all()
    expected = 4000 / 90
    assert (abs(counts[~np.eye(10, dtype=bool)] - expected) < 5 * np.sqrt(expected)).all()
    assert {one.label for one, _ in both(pairs, 0)} == {*range(10)}


def test_crops_reach_every_edge_of_a_photograph(made: dict[str, MadePairs]) -> None:
    big = Digits(image_size=256)
    pairs = digit_pairs(big, "train", 3000, seed=0)
    for name in {blend.photograph for blend in pairs.blends}:
        own = [(blend.top, blend.left) for blend in pairs.blends if blend.photograph == name]
        spare = np.array(pixels(name).shape[:2]) - 256
        assert np.min(own) >= 0
        assert (np.max(own, axis=0) <= spare).all()
        assert (np.max(own, axis=0) >= 0.97 * spare).all()


def test_pairs_follow_from_their_seed(made: dict[str, MadePairs]) -> None:
    assert digit_pairs(SETTINGS, "train", COUNT, seed=3).blends == made["train"].blends
    assert digit_pairs(SETTINGS, "train", COUNT, seed=4).blends != made["train"].blends


def test_the_only_digit_of_its_class_is_taken_twice() -> None:
    draws, labels = np.random.default_rng(0), np.array([0, 0, 0, 1, 2, 2])
    digits = np.arange(6).repeat(50)
    other = module._another(digits, labels, draws, same=True)
    assert {*zip(digits.tolist(), other.tolist(), strict=True)} == {
        *((a, b) for a in range(3) for b in range(3) if a != b),
        *((3, 3), (4, 5), (5, 4)),
    }
    other = module._another(digits, labels, draws, same=False)
    assert {*zip(digits.tolist(), other.tolist(), strict=True)} == {
        (a, b) for a in range(6) for b in range(6) if labels[a] != labels[b]
    }


class Looking:
    """Takes the first numbers of an image for its latent."""

    latent = 4

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance."""
        flat = images.flatten(1)
        return flat[:, :4], flat[:, 4:8] - 2


def test_images_are_made_and_encoded_in_their_order(
    made: dict[str, MadePairs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MADE", 70)
    blends, cpu = made["train"].blends[:200], torch.device("cpu")
    found = encode_blends(Looking(), blends, SIDE, memory=Memory(cpu, 32, "images"), device=cpu)
    flat = np.stack([*blend_images(blends, SIDE)]).reshape(200, -1).astype(np.float32) / 255
    np.testing.assert_allclose(found.mean, flat[:, :4], rtol=1e-6)
    np.testing.assert_allclose(found.log_variance, flat[:, 4:8] - 2, rtol=1e-6)
