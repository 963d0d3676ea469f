"""Attacked images in the linear world: the margin of every image to the other class is known."""

import numpy as np
import pytest
import torch
from demo_world import demo_images, demo_view, left
from linear_world import SCALE

from actsense.errors import ConfigError
from actsense.features.attack import distances
from actsense.invariance.demos.attacks import Attacked, see_attack
from actsense.invariance.kept.sampling import invariance_noise

WORLD, VIEW = demo_view()
IMAGES = demo_images(WORLD, 40)
# What the first sum of pixels is beyond the middle, which decides; and how far values may change
# until it is decided otherwise.
MARGIN = (WORLD.encode(IMAGES)[0].double().numpy() @ WORLD.weight[0]) * SCALE
NEEDED = np.abs(MARGIN) / np.abs(WORLD.weight[0]).sum()
EPSILON = float(np.median(NEEDED))


def attacked(**options: object) -> Attacked:
    given = {"epsilon": EPSILON, "seed": 1, "samples": 2} | options
    return see_attack(VIEW, IMAGES, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
def test_an_attack_flips_the_images_that_are_near_enough_to_the_other_class(method: str) -> None:
    found = attacked(method=method)
    sure = np.abs(NEEDED / EPSILON - 1) > 0.01
    np.testing.assert_array_equal(found.flipped[sure], (NEEDED < EPSILON)[sure])
    assert distances(IMAGES, found.attacked, "linf").max() <= EPSILON
    assert distances(IMAGES, found.noisy, "linf").max() <= EPSILON
    assert 0 <= found.attacked.min() <= found.attacked.max() <= 1


def test_fgsm_is_the_sign_of_the_gradient() -> None:
    found = attacked()
    sign = -np.sign(MARGIN)[:, None] * np.sign(WORLD.weight[0])
    expected = IMAGES.flatten(1).numpy() + EPSILON * sign
    np.testing.assert_allclose(found.attacked.flatten(1), expected, atol=1e-6)


def test_the_view_has_the_class_of_the_attacked_image_and_noise_leaves_it() -> None:
    found = attacked()
    flipped = found.flipped
    assert 15 <= flipped.sum() <= 25
    same = found.predicted["view"] == found.predicted["attacked"]
    clean = found.predicted["view"] == found.predicted["images"]
    assert same[flipped].float().mean() > clean[flipped].float().mean()
    assert same.all()
    kept = (found.predicted["noisy"] == found.predicted["images"]).float().mean()
    assert kept >= 0.8
    expected = left(WORLD, IMAGES, found.attacked)
    np.testing.assert_allclose(WORLD.encode(found.view)[0], expected, atol=1e-3)
    expected = left(WORLD, IMAGES, found.noisy)
    np.testing.assert_allclose(WORLD.encode(found.noisy_view)[0], expected, atol=1e-3)
    torch.testing.assert_close(found.reconstructed_attacked, found.attacked, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.reconstructed, IMAGES, atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
def test_no_distance_leaves_images_as_they_are(method: str) -> None:
    found = attacked(method=method, epsilon=0)
    assert torch.equal(found.attacked, IMAGES)
    assert torch.equal(found.noisy, IMAGES)
    assert not found.flipped.any()
    torch.testing.assert_close(found.view, IMAGES, atol=1e-5, rtol=0)
    assert torch.equal(found.samples, found.attacked_samples)


def test_samples_share_their_v_and_say_what_they_are_drawn_for() -> None:
    found = attacked(samples=3)
    v = invariance_noise(np.arange(40), 3, WORLD.latent, seed=1)
    for name, source in (("samples", IMAGES), ("attacked_samples", found.attacked)):
        embedded = WORLD.embed(VIEW.look(source).said)
        expected = WORLD.decode(
            WORLD.restore(v.flatten(0, 1), embedded.repeat_interleave(3, dim=0))
        )
        torch.testing.assert_close(getattr(found, name).flatten(0, 1), expected, atol=1e-5, rtol=0)
        own = found.predicted["images" if name == "samples" else "attacked"]
        assert (found.predicted[name] == own[:, None]).all()


def test_a_target_is_reached_whatever_was_said_before() -> None:
    far = 1.01 * float(NEEDED.max())
    for target in (0, 1):
        found = attacked(target=target, epsilon=far)
        assert (found.predicted["attacked"] == target).all()


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
def test_distance_may_be_a_length(method: str) -> None:
    found = attacked(method=method, norm="l2", epsilon=0.05)
    lengths = distances(IMAGES, found.attacked, "l2")
    np.testing.assert_allclose(lengths, 0.05, rtol=1e-3)
    assert lengths.max() <= 0.05
    np.testing.assert_allclose(distances(IMAGES, found.noisy, "l2"), 0.05, rtol=1e-3)
    along = -np.sign(MARGIN)[:, None] * WORLD.weight[0] / np.linalg.norm(WORLD.weight[0])
    change = (found.attacked - IMAGES).flatten(1) / 0.05
    least = 1 - 1e-4 if method == "fgsm" else 0.95  # from a random start, some way is left
    assert (change.numpy() * along).sum(axis=1).min() > least


def test_results_are_a_matter_of_seed_and_row() -> None:
    whole, again = attacked(method="pgd"), attacked(method="pgd")
    for name in ("attacked", "noisy", "samples", "view"):
        assert torch.equal(getattr(whole, name), getattr(again, name))
    one = see_attack(*(VIEW, IMAGES[7:8]), epsilon=EPSILON, seed=1, samples=2, rows=np.array([7]))
    torch.testing.assert_close(one.noisy[0], whole.noisy[7], rtol=0, atol=0)
    torch.testing.assert_close(one.samples[0], whole.samples[7], rtol=0, atol=1e-6)
    other = attacked(seed=2)
    assert (other.noisy != whole.noisy).any()
    assert (other.samples != whole.samples).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "fgms"}, "method: 'fgms' is not known. Nearest: fgsm"),
        ({"norm": "l1"}, "norm: 'l1' is not known"),
        ({"epsilon": -0.1}, "epsilon must be 0 or more.*; got -0.1"),
        ({"epsilon": float("nan")}, "epsilon must be 0 or more"),
        ({"samples": 0}, "samples 1 or more; got .* and 0"),
        ({"steps": 0, "method": "pgd"}, "steps and samples 1 or more"),
        ({"target": 2}, "linear has outputs 0 to 1; got 2"),
        ({"target": 2, "epsilon": 0}, "linear has outputs 0 to 1; got 2"),
    ],
)
def test_what_is_not_allowed_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        attacked(**options)
    assert "\n" not in str(caught.value)


def test_rows_must_be_as_many_as_images() -> None:
    with pytest.raises(ValueError, match="40 images need one row each"):
        attacked(rows=np.arange(3))
