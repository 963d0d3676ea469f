"""Images mixed in the linear world, where a mixture is a closed form."""

import numpy as np
import pytest
import torch
from demo_world import demo_images, demo_view, left

from actsense.errors import ConfigError
from actsense.invariance.demos.mixing import mix_images
from actsense.invariance.demos.view import View

WORLD, VIEW = demo_view()
IMAGES = demo_images(WORLD, 5)


def test_an_image_mixed_with_itself_is_its_reconstruction() -> None:
    mixed = mix_images(VIEW, IMAGES)
    torch.testing.assert_close(mixed.reconstructed, IMAGES, atol=1e-6, rtol=0)
    for k in range(5):
        torch.testing.assert_close(mixed.mixed[k, k], IMAGES[k], atol=1e-5, rtol=0)


def test_a_mixture_has_what_is_said_of_one_and_is_else_like_the_other() -> None:
    mixed = mix_images(VIEW, IMAGES)
    for i in range(5):
        for j in range(5):
            expected = WORLD.decode(
                torch.from_numpy(left(WORLD, IMAGES[i : i + 1], IMAGES[j : j + 1]))
            )
            np.testing.assert_allclose(mixed.mixed[i, j], expected[0], atol=1e-5)
            said = VIEW.look(mixed.mixed[i, j][None]).said[0]
            torch.testing.assert_close(said, VIEW.look(IMAGES).said[j], atol=1e-4, rtol=0)
    latents = WORLD.encode(IMAGES)[0].numpy()
    np.testing.assert_array_equal(mixed.predicted, WORLD.predicted(latents))
    np.testing.assert_array_equal(mixed.predicted_mixed, mixed.predicted.expand(5, 5))
    assert len(mixed.predicted.unique()) == 2


@pytest.mark.parametrize("size", [1, 3, 100])
def test_mixtures_are_the_same_in_batches_of_any_size(size: int) -> None:
    _, view = demo_view(batch_size=size)
    torch.testing.assert_close(
        mix_images(view, IMAGES).mixed, mix_images(VIEW, IMAGES).mixed, atol=1e-6, rtol=0
    )


def test_the_logits_are_a_layer_as_well() -> None:
    class Deaf:
        """Hears nothing of what is said."""

        def embed(self, condition: torch.Tensor) -> torch.Tensor:
            """Return nothing of it."""
            return condition[:, :1] * 0

        def transform(
            self, latents: torch.Tensor, embedded: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            """Return latents."""
            return latents + embedded, embedded[:, 0]

        def restore(self, v: torch.Tensor, embedded: torch.Tensor) -> torch.Tensor:
            """Return v."""
            return v + embedded

    view = View(WORLD.subject(), "logits", Deaf(), WORLD)
    mixed = mix_images(view, IMAGES)
    torch.testing.assert_close(
        mixed.mixed, IMAGES[:, None].expand(5, 5, 3, 2, 2), atol=1e-6, rtol=0
    )
    np.testing.assert_array_equal(mixed.predicted_mixed, mixed.predicted[:, None].expand(5, 5))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[:0], "one or more images of 3 x 2 x 2 values; got 0 x 3 x 2 x 2"),
        (torch.zeros(2, 3, 4, 4), "3 x 2 x 2 values; got 2 x 3 x 4 x 4"),
        (torch.zeros(3, 2, 2), "got 3 x 2 x 2"),
        (IMAGES * 255, "divide those of bytes by 255"),
        (IMAGES * torch.nan, r"must lie in \[0, 1\]"),
    ],
)
def test_images_that_do_not_fit_are_refused(images: torch.Tensor, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        mix_images(VIEW, images)
    assert "\n" not in str(caught.value)


def test_a_layer_that_the_network_lacks_is_refused() -> None:
    with pytest.raises(ConfigError, match="siad"):
        mix_images(View(WORLD.subject(), "siad", WORLD, WORLD), IMAGES)
