"""Every image gets its own augmentations in its own order, whatever stands beside it."""

from itertools import permutations

import pytest
import torch
from torch import Tensor

from actsense.augment import AUGMENTATIONS, augment, parameter_columns, stretch
from actsense.augment import sequence as scheduler

COLOR = ["brightness", "contrast", "saturation", "hue", "grayscaling"]
FIRST = ["erasing", "sharpness_const", "rolling", "grayscaling", "gaussian_blur"]
SECOND = ["hflip", "rotation", "elliptic_local_blur", "hue", "contrast"]
THIRD = ["patch_shuffle", "patch_mask", "rolling", "rotation", "saturation"]
EVERY = list(AUGMENTATIONS)


def images_and_values(
    names: list[str], batch: int, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Images of uniform pixels and parameters from their ranges."""
    generator = torch.Generator().manual_seed(4)
    ranges = [p for name in names for p in AUGMENTATIONS[name].parameters(*size)]
    u = torch.rand(batch, len(ranges), generator=generator)
    drawn = [torch.from_numpy(p.at(v.numpy())).float() for p, v in zip(ranges, u.T, strict=True)]
    return torch.rand(batch, 3, *size, generator=generator), torch.stack(drawn, dim=1)


def switched(names: list[str], batch: int) -> Tensor:
    """A random order for every image, half of its augmentations off, at any position."""
    generator = torch.Generator().manual_seed(5)
    order = torch.rand(batch, len(names), generator=generator).argsort(dim=1)
    return order.masked_fill(torch.rand(order.shape, generator=generator) < 0.5, -1)


def one_by_one(images: Tensor, sequence: Tensor, values: Tensor, names: list[str]) -> Tensor:
    """The definition: for every image alone, one operation after the other."""
    columns = parameter_columns(names)
    results = []
    for i, queue in enumerate(sequence.tolist()):
        image = images[i : i + 1]
        for k in queue:
            if k >= 0:
                own = values[i : i + 1, columns[names[k]]]
                image = AUGMENTATIONS[names[k]].apply(image, own)
        results.append(image)
    return torch.cat(results)


@pytest.mark.parametrize("names", [COLOR, FIRST, SECOND, THIRD])
def test_every_order_of_five_equals_one_after_the_other(names: list[str]) -> None:
    sequence = torch.tensor(list(permutations(range(5))))
    images, values = images_and_values(names, 120, (24, 31))

    together = augment(images, sequence, values, names)

    expected = one_by_one(images, sequence, values, names)
    torch.testing.assert_close(together, expected, rtol=0, atol=1e-5)
    assert len(torch.unique(together.flatten(1), dim=0)) == 120


@pytest.mark.parametrize("part", [1, 2**17, 2**30])
def test_any_selection_equals_one_after_the_other(
    part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "CACHE_BYTES", part)
    images, values = images_and_values(EVERY, 70, (32, 32))
    sequence = switched(EVERY, 70)

    together = augment(images, sequence, values, EVERY)

    expected = one_by_one(images, sequence, values, EVERY)
    torch.testing.assert_close(together, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("inference", [False, True])
def test_threads_change_no_bit(inference: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "CACHE_BYTES", 2**17)
    sequence = switched(EVERY, 70)
    with torch.inference_mode(inference):
        images, values = images_and_values(EVERY, 70, (32, 32))
        alone = augment(images, sequence, values, EVERY)
        torch.set_num_threads(3)  # the fixture sets it back

        together = augment(images, sequence, values, EVERY)

    assert torch.equal(together, alone)
    assert together.is_inference() == inference
    assert torch.get_num_threads() == 3


def test_a_fault_in_a_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "CACHE_BYTES", 1)
    torch.set_num_threads(2)
    images, values = images_and_values(["hue"], 4, (8, 8))
    monkeypatch.setattr(scheduler, "_rounds", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        augment(images, torch.zeros(4, 1, dtype=torch.int64), values, ["hue"])

    assert torch.get_num_threads() == 2


def test_an_image_does_not_feel_its_neighbors() -> None:
    images, values = images_and_values(EVERY, 40, (33, 29))
    sequence = switched(EVERY, 40)
    alone = torch.tensor([7])

    together = augment(images, sequence, values, EVERY)
    shuffle = torch.randperm(40, generator=torch.Generator().manual_seed(6))
    shuffled = augment(images[shuffle], sequence[shuffle], values[shuffle], EVERY)
    single = augment(images[alone], sequence[alone], values[alone], EVERY)

    torch.testing.assert_close(shuffled, together[shuffle], rtol=0, atol=1e-6)
    torch.testing.assert_close(single, together[alone], rtol=0, atol=1e-6)


def test_switched_off_images_stay_the_same_to_the_bit() -> None:
    images, values = images_and_values(EVERY, 30, (32, 32))
    sequence = switched(EVERY, 30)
    sequence[::3] = -1

    result = augment(images, sequence, values, EVERY)

    assert torch.equal(result[::3], images[::3])


def test_parameters_of_what_is_off_do_not_matter() -> None:
    images, values = images_and_values(COLOR, 20, (16, 16))
    sequence = switched(COLOR, 20)
    unused = values.clone()
    for k, columns in enumerate(parameter_columns(COLOR).values()):
        unused[(sequence != k).all(dim=1), columns] = float("nan")

    result = augment(images, sequence, unused, COLOR)

    assert torch.equal(result, augment(images, sequence, values, COLOR))


def test_input_stays_as_it_is() -> None:
    arguments = images_and_values(EVERY, 12, (20, 20))
    images, values = (x.clone() for x in arguments)
    sequence = switched(EVERY, 12)
    before = sequence.clone()

    augment(images, sequence, values, EVERY).zero_()

    assert torch.equal(images, arguments[0])
    assert torch.equal(values, arguments[1])
    assert torch.equal(sequence, before)


@pytest.mark.parametrize(("batch", "names"), [(0, COLOR), (3, [])])
def test_nothing_to_do_returns_a_copy(batch: int, names: list[str]) -> None:
    images, values = (
        images_and_values(names, batch, (8, 8))
        if names
        else (
            torch.rand(batch, 3, 8, 8),
            torch.empty(batch, 0),
        )
    )
    sequence = torch.full((batch, len(names)), -1)

    result = augment(images, sequence, values, names)

    assert torch.equal(result, images)
    assert result is not images


def test_columns_stand_in_the_order_of_the_names() -> None:
    columns = parameter_columns(["hue", "hflip", "erasing", "rolling"])

    assert columns == {
        "hue": slice(0, 1),
        "hflip": slice(1, 1),
        "erasing": slice(1, 5),
        "rolling": slice(5, 7),
    }


@pytest.mark.parametrize(
    ("names", "message"),
    [(["hue", "blur"], "'blur' is not one of erasing, "), (["hue", "hue"], "'hue' appears twice")],
)
def test_unusable_names_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parameter_columns(names)


@pytest.mark.parametrize(
    ("images", "sequence", "values", "message"),
    [
        ((2, 1, 8, 8), (2, 1), (2, 1), r"images must be .* got \(2, 1, 8, 8\)"),
        ((2, 3, 8, 8), (3, 1), (2, 1), r"sequence must be \(2, positions\).* got \(3, 1\)"),
        ((2, 3, 8, 8), (2, 1), (2, 2), r"values \(2, 1\); got .* \(2, 2\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    images: tuple[int, ...], sequence: tuple[int, ...], values: tuple[int, ...], message: str
) -> None:
    queue = torch.zeros(sequence, dtype=torch.int64)
    with pytest.raises(ValueError, match=message):
        augment(torch.rand(images), queue, torch.rand(values), ["hue"])


@pytest.mark.parametrize("outside", [-2, 1])
def test_positions_outside_the_names_are_refused(outside: int) -> None:
    with pytest.raises(ValueError, match=r"sequence must lie in -1\.\.0"):
        augment(torch.rand(1, 3, 8, 8), torch.tensor([[outside]]), torch.rand(1, 1), ["hue"])


def test_stretch_fills_the_range_of_every_channel() -> None:
    images = 0.2 + 0.3 * torch.rand(4, 3, 9, 11, generator=torch.Generator().manual_seed(7))
    images[2, 1] = 0.4

    result = stretch(images)

    low, high = result.amin(dim=(2, 3)), result.amax(dim=(2, 3))
    assert (low == 0).all()
    assert (high[2, 1], high.sum()) == (0, 11)


@pytest.mark.parametrize(("name", "factor"), [("brightness", 0.1), ("contrast", 0.05)])
def test_stretch_undoes_what_only_scales(name: str, factor: float) -> None:
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(8))

    changed = AUGMENTATIONS[name].apply(images, torch.full((4, 1), factor))

    torch.testing.assert_close(stretch(changed), stretch(images), rtol=0, atol=1e-5)
