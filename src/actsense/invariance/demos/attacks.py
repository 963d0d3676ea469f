"""What a layer sees of images that were changed a little to mislead the network.

    x_a      the image, changed at most by epsilon               x_n   changed as much by noise
    view     D(t^-1(t(w | z) | z_a))                             samples   D(t^-1(v | z)), ... z_a

The view has what the layer says of the attacked image, and of the intact one what it does not say.
"""

__all__ = ["Attacked", "Method", "see_attack"]

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.draws.counter import counter_keys, counter_noise
from actsense.errors import ConfigError, choose
from actsense.features.attack import BALLS, Goal, perturb, start_keys
from actsense.features.settings import Attack
from actsense.invariance.demos.view import View, image_rows
from actsense.invariance.kept.sampling import invariance_noise

Method = Literal["fgsm", "pgd"]
METHODS = ("fgsm", "pgd")


@dataclass(frozen=True)
class Attacked:
    """Images, what became of them, and what the layer sees; on the CPU, images in [0, 1].

    Attributes:
        images: Intact, (images, 3, side, side); `noisy` and `attacked` likewise.
        noisy: With noise of the same length.
        attacked: After the attack.
        view: What the layer sees of the attacked ones; `noisy_view` of the noisy ones.
        noisy_view: See `view`.
        reconstructed: What the autoencoder makes of the intact ones.
        reconstructed_attacked: What it makes of the attacked ones: the attack does not show.
        samples: Of what is said of the intact ones, (images, samples, 3, side, side).
        attacked_samples: The same v with what is said of the attacked ones.
        predicted: Number of the highest output for each of the above, by their names.
    """

    images: Tensor
    noisy: Tensor
    attacked: Tensor
    view: Tensor
    noisy_view: Tensor
    reconstructed: Tensor
    reconstructed_attacked: Tensor
    samples: Tensor
    attacked_samples: Tensor
    predicted: dict[str, Tensor]

    @property
    def flipped(self) -> Tensor:
        """Whether the attack changed what the network says, (images,) bool."""
        return self.predicted["attacked"] != self.predicted["images"]


def see_attack(
    view: View,
    images: Tensor,
    *,
    method: Method = "fgsm",
    epsilon: float = 0.01,
    target: int | None = None,
    norm: Literal["linf", "l2"] = "linf",
    steps: int = 20,
    samples: int = 3,
    seed: int,
    rows: NDArray[np.int64] | None = None,
) -> Attacked:
    """Attack images, and show what the layer sees of them.

    They are moved away from what the network says of them, or towards another class.

    Arguments:
        view: The layer.
        images: In [0, 1], (images, 3, side, side).
        method: One step along the gradient, or projected gradient descent.
        epsilon: How far at most, of values in [0, 1]; 0 leaves them as they are.
        target: Number of the output to move to, if any.
        norm: What epsilon measures, see `Attack`.
        steps: Steps of projected gradient descent.
        samples: Samples of every image.
        seed: Seed of samples, noise and starts.
        rows: Of the images in the dataset, (images,): seeds go with them; default: from 0.

    Raises:
        ConfigError: If the images do not fit, or method, epsilon or target are not allowed.

    Source:
        Goodfellow, Shlens & Szegedy (2015), Explaining and harnessing adversarial examples, ICLR.
    """
    choose("method", method, METHODS)
    choose("norm", norm, BALLS)
    if not 0 <= epsilon < float("inf") or steps < 1 or samples < 1:
        raise ConfigError(
            "epsilon must be 0 or more, steps and samples 1 or more; got "
            f"{epsilon}, {steps} and {samples}."
        )
    outputs = view.tap.layers[-1].shape[0]
    if target is not None and not 0 <= target < outputs:
        raise ConfigError(
            f"target: {view.subject.network.name} has outputs 0 to {outputs - 1}; got {target}."
        )
    looked, known = view.look(images), image_rows(images, rows)
    # At once, or in many steps from a random place.
    course = {"steps": 1, "step": epsilon, "random_start": False}
    if method == "pgd":
        course = {"steps": steps}
    attacked = noisy = images.float().cpu()
    if epsilon:
        settings = Attack.model_validate({"norm": norm, "epsilon": epsilon, **course})
        attacked = _attacked(view, images, looked.predicted, target, settings, known, seed)
        noisy = _noisy(images.float().cpu(), known, epsilon, norm, seed)
    moved, noised = view.look(attacked), view.look(noisy)
    v = invariance_noise(known, samples, view.autoencoder.latent, seed=seed)
    shown = {
        "images": images.float().cpu(),
        "noisy": noisy,
        "attacked": attacked,
        "view": view.seen(looked.v, moved.said),
        "noisy_view": view.seen(looked.v, noised.said),
        "reconstructed": view.decoded(looked.latents),
        "reconstructed_attacked": view.decoded(moved.latents),
        "samples": view.samples(v, looked.said),
        "attacked_samples": view.samples(v, moved.said),
    }
    return Attacked(**shown, predicted={name: view.predict(x) for name, x in shown.items()})


def _attacked(
    view: View,
    images: Tensor,
    predicted: Tensor,
    target: int | None,
    settings: Attack,
    rows: NDArray[np.int64],
    seed: int,
) -> Tensor:
    subject, parts = view.subject, list[Tensor]()
    everything = torch.arange(view.tap.layers[-1].shape[0], device=subject.device)
    classes = predicted if target is None else torch.full_like(predicted, target)
    keys = start_keys(seed, rows)

    def attack(part: slice) -> None:
        shown = images[part].float().to(subject.device)
        goal = Goal(everything, classes[part].to(subject.device), target is not None)
        moved = shown
        for step in perturb(subject, shown, goal, keys[part].to(subject.device), settings):
            moved = step
        parts.append(moved.cpu())

    subject.memory.run(len(images), attack)
    return torch.cat(parts)


def _noisy(
    images: Tensor, rows: NDArray[np.int64], epsilon: float, norm: str, seed: int
) -> Tensor:
    """Add or subtract the same from every value, by chance."""
    keys = counter_keys(seed, ["noise beside an attack", torch.from_numpy(rows)])
    signs = torch.where(counter_noise(keys, images[0].numel()) < 0, -1.0, 1.0)
    each = epsilon if norm == "linf" else epsilon / images[0].numel() ** 0.5
    return BALLS[norm](images, epsilon).nearest(images + each * signs.view_as(images))
