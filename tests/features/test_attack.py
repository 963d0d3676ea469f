"""Projected gradient descent: laws, closed forms for a linear network, ten lines as oracle."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st
from opened import Images, opened
from torch import Tensor, nn

from actsense.data.pool import ImagePool
from actsense.features.attack import Goal, distances, other_classes, perturb, start_keys
from actsense.features.attacked import write_attack
from actsense.features.images import choose_images
from actsense.features.settings import Attack
from actsense.networks.network import Network
from actsense.networks.subject import Subject
from actsense.store.rows import Rows

SIDE, CLASSES = 6, 3
ROWS = np.arange(24)
NORMS = ("linf", "l2")
# From here on a length in float64 is another one, of a sum of so many squares.
ROUNDED = 1e-14


def subject(module: nn.Module, *, batch_size: int = 32) -> Subject:
    """Open a module on images of random bytes, the extremes among them."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (len(ROWS), 3, SIDE, SIDE)).astype(np.uint8)
    pixels[:, :, 0] = 0
    pixels[:, :, 1] = 255
    network = Network(
        "net", module.eval().requires_grad_(False), (0.5,) * 3, (0.25,) * 3, SIDE, None
    )
    pool = ImagePool.shuffled(ROWS // 12, ROWS % CLASSES, seed=0)
    return opened(network, Images(pixels, "0", "1", "2"), pool, batch_size=batch_size)


def linear() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, CLASSES))


def convolutional() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            *(nn.Conv2d(3, 8, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(2)),
            *(nn.Flatten(), nn.Linear(32, CLASSES)),
        )


def attacked(
    own: Subject, rows: Any = ROWS, *, classes: Any = None, **settings: Any
) -> tuple[Tensor, Tensor]:
    """Return images, and what is made of them in the end."""
    described = Attack(**settings)
    labels = torch.from_numpy(rows % CLASSES) if classes is None else classes
    goal = Goal(torch.arange(CLASSES), labels, described.targeted)
    images, keys = own.read(rows), start_keys(0, rows)
    *_, moved = perturb(own, images, goal, keys, described)
    return images, moved


def between_two(own: Subject, labels: Tensor, **settings: Any) -> tuple[Tensor, Tensor]:
    """Attack between two classes alone."""
    images, goal = own.read(ROWS), Goal(torch.arange(2), labels, targeted=False)
    *_, moved = perturb(own, images, goal, start_keys(0, ROWS), Attack(**settings))
    return images, moved


@trials(max_examples=40, deadline=None)
@given(st.sampled_from(NORMS), st.floats(1e-6, 4), st.floats(1e-4, 3), st.booleans())
def test_changes_are_never_longer_than_epsilon_to_the_last_bit(
    norm: str, epsilon: float, step: float, random_start: bool
) -> None:
    made = {"norm": norm, "epsilon": epsilon, "step": step, "random_start": random_start}
    images, moved = attacked(subject(linear()), **made, steps=2)
    assert moved.dtype == torch.float32
    assert moved.min() >= 0
    assert moved.max() <= 1
    change = moved.double() - images.double()
    if norm == "linf":
        assert change.abs().max() <= epsilon
        assert (moved - images).abs().max() <= np.float32(epsilon)
    else:
        assert change.square().flatten(1).sum(dim=1).sqrt().max() <= epsilon * (1 + ROUNDED)
    torch.testing.assert_close(
        distances(images, moved, norm),
        change.flatten(1).norm(dim=1, p=float("inf") if norm == "linf" else 2),
    )


@pytest.mark.parametrize("random_start", [False, True])
def test_of_a_linear_network_the_best_change_is_found(random_start: bool) -> None:
    """Between two classes the loss grows along one direction, in every value alone."""
    module, epsilon = linear(), 0.1
    own, labels = subject(module), torch.from_numpy(ROWS % 2)
    images, moved = between_two(own, labels, epsilon=epsilon, step=0.2, random_start=random_start)
    weight = module[1].weight.view(CLASSES, 3, SIDE, SIDE)
    ahead = (weight[1 - labels] - weight[labels]).sign()
    torch.testing.assert_close(moved, (images + epsilon * ahead).clamp(0, 1))


def test_of_a_linear_network_a_short_change_goes_along_the_gradient() -> None:
    module, epsilon = linear(), 0.01
    own, labels = subject(module), torch.from_numpy(ROWS % 2)
    images, moved = between_two(
        own, labels, norm="l2", epsilon=epsilon, step=0.05, random_start=False
    )
    weight = module[1].weight.view(CLASSES, 3, SIDE, SIDE)
    ahead = weight[1 - labels] - weight[labels]
    expected = images + epsilon * ahead / ahead.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    torch.testing.assert_close(moved, expected.clamp(0, 1), rtol=0, atol=2e-4)
    inside = (images > 0) & (images < 1)
    change = ((moved - images) * inside).flatten(1)
    cosine = torch.cosine_similarity(change, (ahead * inside).flatten(1))
    assert cosine.min() > 0.9999


def ten_lines(
    own: Subject, images: Tensor, classes: Tensor, sign: int, settings: Attack
) -> Tensor:
    """Attack as textbooks write it."""
    epsilon, step = settings.radius(SIDE), settings.pace(SIDE)
    moved = images.clone()
    for _ in range(settings.steps):
        moved.requires_grad_()
        logits = own.network.module((moved - 0.5) / 0.25)
        loss = sign * nn.functional.cross_entropy(logits, classes, reduction="sum")
        (grad,) = torch.autograd.grad(loss, moved)
        if settings.norm == "linf":
            change = (moved + step * grad.sign() - images).clamp(-epsilon, epsilon)
        else:
            length = grad.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            change = (moved + step * grad / length - images).flatten(1).renorm(2, 0, epsilon)
        moved = (images + change.view_as(images)).clamp(0, 1).detach()
    return moved


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("norm", NORMS)
def test_an_attack_is_that_of_textbooks(norm: str, targeted: bool) -> None:
    made = {"norm": norm, "steps": 5, "targeted": targeted, "random_start": False}
    own, classes = subject(convolutional()), torch.from_numpy((ROWS + 1) % CLASSES)
    images, moved = attacked(own, classes=classes, **made)
    expected = ten_lines(own, images, classes, -1 if targeted else 1, Attack(**made))
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("norm", NORMS)
def test_an_image_is_attacked_alike_in_whatever_company(norm: str) -> None:
    own = subject(convolutional())
    _, together = attacked(own, norm=norm, steps=3)
    few = ROWS[[17, 3, 8]]
    _, apart = attacked(own, few, norm=norm, steps=3)
    torch.testing.assert_close(apart, together[few], rtol=0, atol=1e-6)


@pytest.mark.parametrize("norm", NORMS)
def test_random_starts_fill_the_ball(norm: str) -> None:
    """A step that does not count leaves where the attack begins."""
    own = subject(linear())
    images, moved = attacked(own, norm=norm, epsilon=0.2, step=1e-12, steps=1)
    free = (images > 0.2) & (images < 0.8)
    shares = (distances(images, moved, norm) / 0.2).numpy()
    if norm == "linf":
        values = ((moved - images)[free] / 0.2).double()
        assert abs(float(values.mean())) < 0.1
        assert float(values.var()) == pytest.approx(1 / 3, rel=0.1)
    else:
        assert shares.min() < 0.3
        assert shares.max() > 0.7
    _, other = attacked(own, norm=norm, epsilon=0.2, step=1e-12, steps=1, random_start=False)
    torch.testing.assert_close(other, images, rtol=0, atol=1e-6)


def test_targets_are_all_other_classes_alike() -> None:
    rows, classes = np.arange(3000), 4
    labels = torch.from_numpy(rows % classes)
    further = (other_classes(5, rows, labels, classes) - labels) % classes
    counts = torch.bincount(further, minlength=classes)
    assert counts[0] == 0
    np.testing.assert_allclose(counts[1:] / len(rows), 1 / 3, atol=0.05)


@pytest.mark.parametrize(("steps", "recorded"), [(20, 10), (7, 3), (3, 9), (1, 1), (20, 20)])
def test_recorded_steps_ascend_to_the_last(steps: int, recorded: int) -> None:
    kept = Attack(steps=steps, recorded=recorded).kept
    assert list(kept) == sorted({*kept})
    assert len(kept) == min(steps, recorded)
    assert kept[-1] == steps
    assert kept[0] >= 1
    assert np.ptp(np.diff(kept, prepend=0)) <= 1


@pytest.mark.parametrize("targeted", [False, True])
def test_a_store_holds_what_was_done_and_said(tmp_path: Path, targeted: bool) -> None:
    own = subject(convolutional(), batch_size=5)
    chosen = choose_images(own, images=10, classes=3)
    made = Attack(epsilon=0.3, steps=6, recorded=3, targeted=targeted)
    path = tmp_path / "attack.zarr"
    write_attack(own, chosen, made, path, seed=0, attributes={"from": "here"})
    store = Rows(path)
    found = {name: store.read(np.arange(len(store)), name) for name in store.columns}
    images = torch.from_numpy(found["images"])
    assert images.shape == (10, 3, 3, SIDE, SIDE)
    np.testing.assert_array_equal(found["row"], chosen.rows)
    said = [own.logits(own.read(chosen.rows)), *map(own.logits, images.unbind(1))]
    predictions = torch.stack([logits.argmax(dim=1) for logits in said], dim=1).numpy()
    np.testing.assert_array_equal(found["predictions"], predictions)
    assert store.attributes["recorded"] == [2, 4, 6]
    right, last = predictions[:, 0] == found["label"], predictions[:, -1]
    wanted = last == found["target"] if targeted else last != found["label"]
    assert store.attributes["success"] == pytest.approx(wanted[right].mean())
    assert store.attributes["accuracy_attacked"] == np.mean(last == found["label"])
    assert (found["target"] == -1).all() != targeted
    assert store.attributes["largest"] <= 0.3
    assert {"from", "seed", "norm", "epsilon", "step", "classes"} <= store.attributes.keys()
