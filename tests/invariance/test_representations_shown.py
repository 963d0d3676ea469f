"""Samples of representations: likeness and consistency in the linear world."""

import numpy as np
import pytest
import torch
from demo_world import demo_images, demo_view
from linear_world import LATENT

from actsense.errors import ConfigError
from actsense.invariance.demos.representations import Shown, show_representations
from actsense.invariance.demos.view import View
from actsense.invariance.kept.comparison import Comparison
from actsense.invariance.kept.measure import measure_kept

WORLD, VIEW = demo_view()
IMAGES = demo_images(WORLD, 12)


def shown(view: View = VIEW, **options: object) -> Shown:
    given = {"samples": 4, "seed": 3, "bootstrap": 50} | options
    return show_representations(view, IMAGES, **given)  # type: ignore[arg-type]


def test_samples_say_what_their_images_say_between_floor_and_ceiling() -> None:
    found = shown()
    np.testing.assert_allclose(found.likeness.centred, 1, atol=1e-4)
    assert (found.predicted_samples == found.predicted[:, None]).all()
    told = found.consistency
    assert told.cosine.value == pytest.approx(1, abs=1e-4)
    assert told.cosine_ceiling.value == pytest.approx(1, abs=1e-4)
    assert told.cosine_floor.value < 0.3
    assert told.agreement.value == 1
    assert told.agreement_floor.value < 0.7
    assert (found.samples - IMAGES[:, None]).abs().mean() > 0.001  # and yet they are others


def test_what_is_shown_is_what_is_measured_elsewhere() -> None:
    found, latents = shown(), WORLD.encode(IMAGES)[0]
    looked = VIEW.look(IMAGES)
    kept = measure_kept(
        *(VIEW.subject, "said", looked.said.numpy(), looked.predicted.numpy()),
        *(latents.numpy(), np.arange(12)),
        **{"sampler": WORLD, "decoder": WORLD, "samples": 4, "seed": 3},  # type: ignore[arg-type]
    )
    assert found.maps is not None
    np.testing.assert_allclose(found.maps.variance, kept.maps.variance, rtol=1e-3, atol=1e-9)
    np.testing.assert_allclose(found.likeness.cosine_floor, kept.samples.cosine_floor, atol=1e-5)
    np.testing.assert_allclose(
        found.likeness_reconstructed.centred, kept.reconstructions.centred, atol=1e-5
    )


def looked_at() -> tuple[torch.Tensor, torch.Tensor]:
    looked = VIEW.look(IMAGES)
    return looked.said, looked.predicted


class Halved(type(WORLD)):  # type: ignore[misc]
    """A decoder that loses half of the latent."""

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return images without what is lost."""
        return super().decode(latents * (torch.arange(LATENT) < LATENT // 2))


def test_the_ceiling_is_the_autoencoders() -> None:
    found = shown(View(WORLD.subject(), "said", WORLD, Halved(WORLD.weight, WORLD.bias)))
    told, own, ceiling = found.consistency, found.likeness, found.likeness_reconstructed
    assert told.cosine_ceiling.value == pytest.approx(ceiling.centred.mean())
    assert told.cosine.value == pytest.approx(own.centred.mean())
    assert told.cosine_ceiling.value < 0.9
    again = Comparison(WORLD.subject(), "said", *(x.numpy() for x in looked_at()))
    expected_ceiling = again.likeness(found.reconstructed[:, None], slice(0, 12)).centred
    np.testing.assert_allclose(ceiling.centred, expected_ceiling, atol=1e-5)
    assert np.abs(ceiling.centred - own.centred).max() > 0.01
    expected = IMAGES.flatten(1) * (torch.arange(LATENT) < LATENT // 2)
    expected += 0.5 * (torch.arange(LATENT) >= LATENT // 2)
    torch.testing.assert_close(found.reconstructed.flatten(1), expected, atol=1e-6, rtol=0)


def test_no_temperature_gives_one_image_and_seeds_give_the_same_bits() -> None:
    still = shown(temperature=0.0)
    assert torch.equal(still.samples[:, :1].expand_as(still.samples), still.samples)
    assert still.maps is not None
    assert not still.maps.variance.any()
    assert torch.equal(still.samples, shown(temperature=0.0, seed=9).samples)
    assert torch.equal(shown().samples, shown().samples)
    assert (shown().samples != shown(seed=4).samples).any()


def test_a_single_sample_has_no_map() -> None:
    found = shown(samples=1)
    assert found.maps is None
    assert found.samples.shape == (12, 1, 3, 2, 2)


def test_samples_go_with_rows() -> None:
    some = show_representations(
        VIEW, IMAGES[[3, 8]], samples=4, seed=3, bootstrap=5, rows=np.array([3, 8])
    )
    torch.testing.assert_close(some.samples, shown().samples[[3, 8]], atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("count", "options", "message"),
    [
        (1, {}, "give 2 images or more.*; got 1, 8 and 1.0"),
        (2, {"samples": 0}, "1 sample or more.*got 2, 0"),
        (2, {"temperature": -1.0}, "no negative temperature.*and -1.0"),
    ],
)
def test_too_little_is_refused(count: int, options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        show_representations(VIEW, IMAGES[:count], seed=0, **options)  # type: ignore[arg-type]
