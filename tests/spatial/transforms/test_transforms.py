"""Networks whose answer to shuffles and saturations is known."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from spatial_study import CLASSES, convolutions, noise, subject
from torch import Tensor, nn

from actsense.augment.patches import patch_shuffle, shuffle_keys
from actsense.augment.saturation import saturate
from actsense.errors import ConfigError
from actsense.networks.subject import Subject
from actsense.spatial.transforms.evaluate import evaluate_transforms
from actsense.spatial.transforms.settings import Transforms

SETTINGS: dict[str, Any] = {
    "images": 40,
    "divisions": [1, 2, 3, 5],
    "modes": ["grid", "bands"],
    "repeats": 2,
    "saturations": [0.5, 2, 8],
}
SHUFFLES = 2 * 3 * 2


def evaluated(own: Subject, seed: int = 0, **changes: Any) -> xr.Dataset:
    return evaluate_transforms(own, Transforms(**(SETTINGS | changes)), seed)[""]


def chosen(data: xr.Dataset, **where: Any) -> xr.Dataset:
    keep = np.logical_and.reduce([data[name].to_numpy() == value for name, value in where.items()])
    return data.isel(condition=np.flatnonzero(keep))


class Spy(nn.Module):
    """Remembers what it is shown."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module, self.seen = module, []

    def forward(self, images: Tensor) -> Tensor:
        """Remember the images."""
        self.seen.append(images.clone())
        return self.module(images)


class Answer(nn.Module):
    """Says what a function says."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, images: Tensor) -> Tensor:
        """Call the function."""
        return self.function(images)


def averaged_pixels() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Conv2d(3, 16, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)
        )


def test_averaged_features_of_single_pixels_do_not_feel_shuffles() -> None:
    data = evaluated(subject(averaged_pixels()), divisions=[2, 3, 5, 16])
    shuffled, intact = chosen(data, transform="patch_shuffle"), chosen(data, transform="none")
    assert shuffled.sizes["condition"] == 2 * 4 * 2
    assert (shuffled["moved"].mean("image") > 0.5).all()
    np.testing.assert_array_equal(*np.broadcast_arrays(shuffled["rank"], intact["rank"]))
    np.testing.assert_allclose(
        *np.broadcast_arrays(shuffled["probability"], intact["probability"]), rtol=1e-5
    )


def test_a_linear_function_of_pixels_feels_shuffles() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))
    data = evaluated(subject(module))
    shuffled, intact = chosen(data, transform="patch_shuffle"), chosen(data, transform="none")
    assert (abs(shuffled["probability"] - intact["probability"].to_numpy()) > 0.01).mean() > 0.5
    assert ((shuffled["predicted"] != intact["predicted"].to_numpy()).mean("image") > 0.1).all()


def test_every_mode_division_and_repeat_is_a_condition_once_and_nothing_else() -> None:
    data = evaluated(subject())
    names = ("transform", "mode", "level", "repeat")
    found = list(zip(*(data[name].to_numpy().tolist() for name in names), strict=True))
    assert found[0][:2] == ("none", "")
    assert found[1:] == [
        *(
            ("patch_shuffle", mode, k, repeat)
            for mode in ("grid", "bands")
            for k in (2, 3, 5)
            for repeat in (0, 1)
        ),
        *(("saturation", "", level, 0) for level in (0.5, 8)),
    ]


def test_answers_are_those_to_the_images_of_each_condition() -> None:
    own = subject()
    data = evaluated(own, seed=3)
    rows, labels = own.validation(40)
    images = own.read(rows)
    keys = shuffle_keys(3, torch.from_numpy(rows), 3, 1)
    shown = {
        "none": (images, {}),
        "patch_shuffle": (
            patch_shuffle(images, 3, "bands", keys=keys)[0],
            {"mode": "bands", "level": 3, "repeat": 1},
        ),
        "saturation": (saturate(images, 8), {"level": 8}),
    }
    for transform, (seen, where) in shown.items():
        found = chosen(data, transform=transform, **where).squeeze("condition")
        logits = own.logits(seen).numpy()
        label = logits[np.arange(40), labels]
        odds = np.exp(logits - label[:, None]).sum(axis=1)
        np.testing.assert_array_equal(found["predicted"], logits.argmax(axis=1))
        np.testing.assert_array_equal(found["rank"], (logits > label[:, None]).sum(axis=1))
        np.testing.assert_allclose(found["probability"], 1 / odds, rtol=1e-4)
    np.testing.assert_array_equal(data["row"], rows)
    np.testing.assert_array_equal(data["label"], labels)


@pytest.mark.parametrize("batch_size", [1, 7])
def test_batches_move_logits_by_roundings_alone(batch_size: int) -> None:
    usual, other = (evaluated(subject(batch_size=size), images=16) for size in (40, batch_size))
    for name in ("predicted", "rank", "moved", "area"):
        xr.testing.assert_identical(usual[name], other[name])
    np.testing.assert_allclose(usual["probability"], other["probability"], rtol=1e-4, atol=1e-7)


def test_networks_are_shown_the_same_however_many_images_at_a_time() -> None:
    wide, narrow = Spy(convolutions(seed=1)), Spy(averaged_pixels())
    evaluated(subject(wide, batch_size=40))
    evaluated(subject(narrow, batch_size=6), images=12)
    conditions = 1 + SHUFFLES + 2
    all_at_once = wide.seen[-conditions:]
    halves = narrow.seen[-2 * conditions :]
    for number, shown in enumerate(all_at_once):
        together = torch.cat([halves[number], halves[conditions + number]])
        torch.testing.assert_close(shown[:12], together, rtol=0, atol=0)


def test_seeds_and_repeats_shuffle_differently() -> None:
    seen = []
    for seed in (0, 1):
        spy = Spy(convolutions())
        evaluated(subject(spy, batch_size=40), seed=seed, divisions=[1, 3], saturations=[2])
        seen += spy.seen[-4:]  # two repeats of two modes
    for one, other in ((0, 1), (2, 3), (0, 2), (0, 4), (2, 6)):
        assert (seen[one] != seen[other]).flatten(1).any(dim=1).float().mean() > 0.9


def test_an_image_is_read_once_whatever_is_done_to_it() -> None:
    own = subject()
    read: list[int] = []
    original = own.images.read
    own.images.read = lambda rows: (read.extend(rows), original(rows))[1]
    evaluated(own)
    rows, _ = own.validation(40)
    # The number of outputs is looked up from the first two.
    assert sorted(read) == sorted([*rows, *rows[:2]])


def test_equal_logits_rank_by_class() -> None:
    data = evaluated(subject(Answer(lambda images: images.new_zeros(len(images), CLASSES))))
    assert (data["predicted"] == 0).all()
    np.testing.assert_array_equal(*np.broadcast_arrays(data["rank"], data["label"]))
    np.testing.assert_allclose(data["probability"], 1 / CLASSES)


def test_moved_and_area_tell_what_was_shuffled() -> None:
    data = evaluated(subject(), divisions=[2, 5])
    still = data.isel(condition=np.flatnonzero(data["transform"] != "patch_shuffle"))
    assert (still["moved"] == 0).all()
    assert (still["area"] == 0).all()
    assert (chosen(data, mode="bands")["area"] == 1).all()
    np.testing.assert_allclose(chosen(data, mode="grid", level=5)["area"], (15 / 16) ** 2)
    fine = chosen(data, mode="grid", level=5)["moved"]
    assert float(fine.mean()) == pytest.approx(24 / 25, abs=0.02)  # one of n stays, on average
    np.testing.assert_allclose(fine * 25, (fine * 25).round(), rtol=1e-6)


def test_other_outputs_are_compared_with_what_is_said_of_intact_images() -> None:
    data = evaluated(subject(convolutions(outputs=7)))
    assert data.attrs["label"] == "prediction"
    assert data.attrs["classes"] == 7
    assert (chosen(data, transform="none")["rank"] == 0).all()
    assert (chosen(data, transform="patch_shuffle")["rank"] > 0).any()


def test_facts_of_the_study_are_kept() -> None:
    facts = evaluated(subject(name="net"), seed=5).attrs
    basis = facts.pop("outputs")
    assert basis == "the order of the classes"
    assert facts == {"network": "net", "label": "class", "classes": 4, "images": 40, "seed": 5}


def test_more_patches_than_pixels_are_refused() -> None:
    expected = "divisions: 17 patches do not fit along a side of 16 pixels. Allowed are 1 to 16"
    with pytest.raises(ConfigError, match=expected):
        evaluated(subject(), divisions=[2, 17])


def test_logits_that_are_not_finite_are_refused() -> None:
    module = Answer(lambda images: images.new_full((len(images), CLASSES), torch.nan))
    with pytest.raises(ConfigError, match="logits of net are not finite"):
        evaluated(subject(module))


# Toy sets whose accuracies follow from counting arrangements.

CELL = 8
RELATIONS = [((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))]  # row, column, diagonal
GRIDS = torch.tensor(list(permutations(range(4))))
BANDS = torch.tensor([[*rows, *cols] for rows in ((0, 1), (1, 0)) for cols in ((0, 1), (1, 0))])


def blobs(*cells: int) -> np.ndarray:
    """Return an image with a white square in the middle of some of its 2 x 2 cells."""
    image = np.zeros((3, 2 * CELL, 2 * CELL), dtype=np.uint8)
    for cell in cells:
        top, left = (CELL * place + 2 for place in divmod(cell, 2))
        image[:, top : top + 4, left : left + 4] = 255
    return image


def quarters(images: Tensor) -> tuple[Tensor, ...]:
    """Return the mean of every cell."""
    return nn.functional.adaptive_avg_pool2d(images.mean(dim=1), 2).flatten(1).unbind(dim=1)


def relation(images: Tensor) -> Tensor:
    a, b, c, d = quarters(images)
    return torch.stack([a * b + c * d, a * c + b * d, a * d + b * c], dim=1)


def side(images: Tensor) -> Tensor:
    a, b, c, d = quarters(images)
    return torch.stack([a + c, b + d], dim=1)


def related() -> Subject:
    """Classes are the relations of two blobs; the network knows them."""
    pixels = np.stack([blobs(*pair) for pairs in RELATIONS for pair in pairs])
    return subject(Answer(relation), pixels, np.arange(6) // 2, normalised=False)


def sided() -> Subject:
    """Classes are the sides of a blob; the network knows them."""
    pixels = np.stack([blobs(cell) for cell in range(4)])
    return subject(Answer(side), pixels, np.arange(4) % 2, normalised=False)


def enumerated(own: Subject, mode: str) -> float:
    """Return the mean accuracy over all permutations of 2 x 2 cells."""
    rows, labels = own.validation(10)
    every = GRIDS if mode == "grid" else BANDS
    images = own.read(rows).repeat_interleave(len(every), dim=0)
    shuffled, _ = patch_shuffle(images, 2, mode, permutation=every.repeat(len(rows), 1))
    right = own.logits(shuffled).argmax(dim=1).numpy() == labels.repeat(len(every))
    return float(right.mean())


@pytest.mark.parametrize(
    ("own", "mode", "accuracy"),
    [
        (related, "bands", 1),
        (related, "grid", 1 / 3),
        (sided, "bands", 1 / 2),
        (sided, "grid", 1 / 2),
    ],
)
def test_layouts_survive_shuffles_as_counting_says(own: Any, mode: str, accuracy: float) -> None:
    assert enumerated(own(), mode) == pytest.approx(accuracy)
    data = evaluated(own(), divisions=[1, 2], repeats=60, images=10)
    right = chosen(data, transform="patch_shuffle", mode=mode)["rank"] == 0
    error = np.sqrt(accuracy * (1 - accuracy) / right.size)
    assert abs(float(right.mean()) - accuracy) <= 4 * error
    assert error < 0.035
    assert (chosen(data, transform="none")["rank"] == 0).all()


def test_mean_colours_survive_all_shuffles() -> None:
    """Noise brighter in the channel of its class: right at every k, in both modes."""
    pixels, labels = noise(30) // 2, np.arange(30) % 3
    pixels[np.arange(30), labels] += 100
    module = Answer(lambda images: images.mean(dim=(2, 3)))
    own = subject(module, pixels, labels, normalised=False)
    data = evaluated(own, divisions=[2, 3, 4, 7, 16])
    assert (chosen(data, transform="patch_shuffle")["rank"] == 0).all()


NAMES = ("other", "class 2", "none", "CLASS_0", "more", "class 1")  # class 3 is none of them
PLACES = np.array([3, 5, 1, -1])


def test_ranks_are_those_of_the_outputs_that_the_classes_are() -> None:
    own = subject(convolutions(6), outputs=NAMES)
    data = evaluated(own)
    row = data["row"].to_numpy()
    labels = PLACES[row % CLASSES]
    np.testing.assert_array_equal(data["label"], labels)
    logits = own.answers(row).numpy().astype(np.float64)
    ahead = (logits > np.take_along_axis(logits, labels[:, None], 1)).sum(axis=1)
    intact = chosen(data, transform="none").isel(condition=0)
    np.testing.assert_array_equal(intact["rank"], np.where(labels < 0, -1, ahead))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = np.where(labels < 0, np.nan, p[np.arange(len(p)), labels])
    np.testing.assert_allclose(intact["probability"], expected, rtol=1e-4)
    assert data.attrs["label"] == "class"
    assert data.attrs["classes"] == 6


class Shifted(nn.Module):
    """Tells the level of gray, as output number level + shift."""

    def __init__(self, levels: int, shift: int) -> None:
        super().__init__()
        self.levels, self.shift = levels, shift

    def forward(self, images: Tensor) -> Tensor:
        """Score every level by how near it is."""
        level = images.mean((1, 2, 3))[:, None] * (self.levels + 1) - 1
        steps = torch.arange(self.levels)
        return -((level - steps) ** 2).roll(self.shift, dims=1)


@pytest.mark.parametrize("shift", [0, 1])
def test_outputs_in_another_order_are_told(shift: int, caplog: pytest.LogCaptureFixture) -> None:
    labels = np.arange(40) % CLASSES
    gray = np.rint(255 * (labels + 1) / (CLASSES + 1)).astype(np.uint8)
    pixels = np.broadcast_to(gray[:, None, None, None], (40, 3, 16, 16))
    own = subject(Shifted(CLASSES, shift), pixels, labels, normalised=False)
    data = chosen(evaluated(own), transform="none")
    assert (data["rank"] == 0).all() == (shift == 0)
    said = "networks.net: names and outputs disagree: 0 of 20 images are right, and 20 would be"
    assert (said in caplog.text) == (shift == 1)


def test_probabilities_are_not_taken_for_logits() -> None:
    plain, own = subject(), subject(nn.Sequential(convolutions(), nn.Softmax(dim=1)))
    own = replace(own, network=replace(own.network, returns="probabilities"))
    found, expected = evaluated(own), evaluated(plain)
    np.testing.assert_array_equal(found["rank"], expected["rank"])
    np.testing.assert_allclose(found["probability"], expected["probability"], rtol=1e-4, atol=1e-7)
