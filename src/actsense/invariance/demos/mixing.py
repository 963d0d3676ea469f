"""Images mixed: what a layer says of one, with what it does not say of another."""

__all__ = ["Mixed", "mix_images"]

from dataclasses import dataclass

from torch import Tensor

from actsense.invariance.demos.view import View


@dataclass(frozen=True)
class Mixed:
    """All mixtures of some images; everything on the CPU, images in [0, 1].

    Attributes:
        images: The images, (images, 3, side, side).
        reconstructed: What the autoencoder makes of them: the diagonal, but for rounding.
        mixed: Where the first number tells whose v, and the second whose z they have,
            (images, images, 3, side, side).
        predicted: Number of the highest output for every image, (images,).
        predicted_mixed: The same for mixtures, (images, images).
    """

    images: Tensor
    reconstructed: Tensor
    mixed: Tensor
    predicted: Tensor
    predicted_mixed: Tensor


def mix_images(view: View, images: Tensor) -> Mixed:
    """Mix every image with every other: D(t^-1(t(w_i | z_i) | z_j)).

    Arguments:
        view: The layer.
        images: In [0, 1], (images, 3, side, side).

    Raises:
        ConfigError: If there are none, or they have another size or other values.
    """
    looked, count = view.look(images), len(images)
    v = looked.v.repeat_interleave(count, dim=0)
    said = looked.said.repeat(count, *[1] * (looked.said.ndim - 1))
    mixed = view.seen(v, said).view(count, count, *images.shape[1:])
    return Mixed(
        images.cpu(),
        view.decoded(looked.latents),
        mixed,
        looked.predicted,
        view.predict(mixed),
    )
