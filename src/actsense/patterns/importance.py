"""Weights of regions and channels for Python users: anybody's features, any network."""

__all__ = ["ImportanceWeight"]

from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from actsense.attribution.region_weights import (
    KAPPA_P,
    MOST,
    TOLERANCE,
    region_weights,
    sharpness,
)
from actsense.attribution.regions import OTHERS, other_images
from actsense.device.precision import arithmetic
from actsense.patterns.arguments import (
    Data,
    Numbers,
    as_given,
    read_data,
    read_params,
    write_arrays,
    write_curves,
)

AXES = {
    "target_probs": "images, classes",
    "regional_features": "images, channels, height, width",
    "images": "images, colors, rows, columns",
}
PARAMS = {
    "lr": 1.0,
    "n_step": MOST,
    "tolerance": TOLERANCE,
    "kappa_p": KAPPA_P,
    "kappa_m": 0.0,
    "kl_sample_num": OTHERS,
    "seed": 0,
}


class ImportanceWeight:
    """How much every region, and every channel, of an image counts for what a network says.

    Arguments:
        images: Number of images, 3 or more.
        channels: Channels of the features.
        height: Regions from top to bottom.
        width: Regions from left to right.

    Source:
        Li, Wang & Zhang (2021), Visualizing the emergence of intermediate visual patterns in
        DNNs, NeurIPS, arXiv 2111.03505. The search is our own.
    """

    def __init__(self, images: int, channels: int, height: int, width: int) -> None:
        self.shape = (images, channels, height, width)
        if min(self.shape) < 1:
            raise ValueError(f"Features must not be empty; got the shape {self.shape}.")
        self._found: tuple[Tensor, Tensor, Tensor] | None = None
        self._kind: type = Tensor  # of what was given

    def estimate(
        self, data: Data, params: Data | None = None, verbose_dir: Path | str | None = None
    ) -> Self:
        """Find the weights. What is given is never changed.

        Arguments:
            data: Arrays or tensors: `regional_features`, (images, channels, height, width) in any
                unit, whose lengths are of no account; `target_probs`, (images, classes), softmax
                of logits; `images`, which may be left out, and are not looked at.
            params: Any of `n_step`, the most steps that are taken; `tolerance`, the share of its
                first loss below which a step of an image is its last; `kappa_p` and `kappa_m`, how
                sharply images are told apart by probabilities and by features (`kappa_m` of 0:
                1000 for 512 channels, and in proportion); `kl_sample_num`, how many others an
                image is compared with; `seed` of their draw. `lr` is taken, and without effect:
                sizes of steps follow from the loss.
            verbose_dir: Folder for `importance_weight.npz`, both weights, and
                `importance_weight.csv`, the mean loss after every step, nats.

        Returns:
            The object itself.

        Raises:
            ValueError: If a name is unknown, shapes do not fit, numbers are not finite, or there
                are fewer than three images.
        """
        tensors, options = (
            read_data(data, AXES, optional=["images"]),
            read_params(params or {}, PARAMS),
        )
        features = tensors["regional_features"]
        if tuple(features.shape) != self.shape:
            raise ValueError(
                f"regional_features must be {self.shape}, as the object was made for; got "
                f"{tuple(features.shape)}."
            )
        others = other_images(
            torch.arange(len(features)), options["kl_sample_num"], seed=options["seed"]
        )
        with arithmetic("float32", features.device):
            self._found = region_weights(
                features.flatten(2).float(),
                tensors["target_probs"].to(features.device).float(),
                others.to(features.device),
                kappa_p=options["kappa_p"],
                kappa_m=options["kappa_m"] or sharpness(features.shape[1]),
                steps=options["n_step"],
                tolerance=options["tolerance"],
            )
        self._kind = type(data["regional_features"])
        if verbose_dir is not None:
            self._write(verbose_dir)
        return self

    @property
    def w_r(self) -> Numbers:
        """Weights w of regions, (images, height * width) float32, row by row; they sum to 1."""
        return as_given(self._estimated()[0], self._kind)

    @property
    def w_k(self) -> Numbers:
        """Weights v of channels, (images, channels) float32, which sum to 1."""
        return as_given(self._estimated()[1], self._kind)

    @property
    def losses(self) -> Numbers:
        """Divergence of every image before and after every step, nats, (images, steps + 1)."""
        return as_given(self._estimated()[2], self._kind)

    def _estimated(self) -> tuple[Tensor, Tensor, Tensor]:
        if self._found is None:
            raise ValueError("There are no weights yet; call `estimate` first.")
        return self._found

    def _write(self, folder: Path | str) -> None:
        w_r, w_k, losses = self._estimated()
        write_arrays(folder, "importance_weight", {"w_r": w_r, "w_k": w_k})
        write_curves(folder, "importance_weight", {"loss": losses.mean(dim=0)})
