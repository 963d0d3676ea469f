"""Regional embeddings for Python users: anybody's features, any network."""

__all__ = ["RegionEmbedding"]

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from actsense.attribution.region_weights import KAPPA_P
from actsense.attribution.regions import OTHERS, other_images
from actsense.patterns.arguments import (
    Data,
    Numbers,
    as_given,
    read_data,
    read_params,
    write_arrays,
    write_curves,
)
from actsense.patterns.regions import LAMBDA_KL, LAMBDA_MI, STEPS, RegionFit, fit_regions

AXES = {
    "target_probs": "images, classes",
    "regional_features": "images, channels, height, width",
    "sample_embs": "images, axes",
    "w_k": "images, channels",
    "w_r": "images, regions",
}
PARAMS = {
    "lambda_kl": LAMBDA_KL,
    "lambda_mi": LAMBDA_MI,
    "lr": 1.0,
    "n_step": STEPS,
    "kappa_p": KAPPA_P,
    "kl_sample_num": OTHERS,
    "seed": 0,
}


class RegionEmbedding:
    """A linear map of regional features to the space of the images' embeddings.

    The direction of a region's embedding tells which class it supports, the length how much.
    Called with features it embeds them: those of the fit, or others of the same layer.

    Arguments:
        in_dim: Channels of the features.
        out_dim: Dimensions of the embedding, as many as those of the images have.

    Source:
        Li, Wang & Zhang (2021), Visualizing the emergence of intermediate visual patterns in
        DNNs, NeurIPS, arXiv 2111.03505. The search is our own.
    """

    def __init__(self, in_dim: int, out_dim: int = 3) -> None:
        if in_dim < 1 or out_dim < 2:
            raise ValueError(
                f"in_dim must be 1 or more and out_dim 2 or more; got {in_dim} and {out_dim}."
            )
        self.in_dim, self.out_dim = in_dim, out_dim
        self._fit: RegionFit | None = None
        self._kind: type = Tensor  # of what was given

    def fit(
        self, data: Data, params: Data | None = None, verbose_dir: Path | str | None = None
    ) -> Self:
        """Find the map. What is given is never changed, and the same call gives the same bits.

        Arguments:
            data: Arrays or tensors: `regional_features`, (images, channels, height, width) in any
                unit; `target_probs`, (images, classes), softmax of logits; `sample_embs`, (images,
                axes), or the `SampleEmbedding` that holds them; `w_k`, (images, channels), and
                `w_r`, (images, height * width), the weights that `ImportanceWeight` finds.
            params: Any of `lambda_kl` and `lambda_mi`, the weights of both terms of the loss;
                `n_step`, the most steps that are taken; `kappa_p`, how sharply images are told
                apart by probabilities; `kl_sample_num`, how many others an image is compared
                with; `seed` of their draw. `lr` is taken, and without effect: sizes of steps
                follow from the loss.
            verbose_dir: Folder for `region_embedding.npz`, the map and all embeddings, and
                `region_embedding.csv`, both terms of the loss after every step.

        Returns:
            The object itself.

        Raises:
            ValueError: If a name is unknown, shapes do not fit, or numbers are not finite.
        """
        tensors, options = read_data(_embedded(data), AXES), read_params(params or {}, PARAMS)
        features = tensors.pop("regional_features")
        self._check_width(features.shape[1])
        others = other_images(
            torch.arange(len(features)), options["kl_sample_num"], seed=options["seed"]
        )
        target, samples, v, w = (
            tensors[name].to(features.device)
            for name in ("target_probs", "sample_embs", "w_k", "w_r")
        )
        self._fit = fit_regions(
            features.flatten(2),
            target,
            samples,
            w,
            v,
            others.to(features.device),
            axes=self.out_dim,
            steps=options["n_step"],
            kappa_p=options["kappa_p"],
            lambda_kl=options["lambda_kl"],
            lambda_mi=options["lambda_mi"],
        )
        self._kind = type(data["regional_features"])
        if verbose_dir is not None:
            self._write(verbose_dir)
        return self

    def __call__(self, features: Numbers) -> Numbers:
        """Embed features, (images, channels, height, width), to (images, height * width, axes)."""
        projection = self._fitted().projection
        tensor = torch.as_tensor(features)
        if tensor.ndim != 4:
            raise ValueError(
                f"features must be (images, channels, height, width); got {tuple(tensor.shape)}."
            )
        self._check_width(tensor.shape[1])
        return as_given((projection @ tensor.to(projection).flatten(2)).mT, type(features))

    @property
    def embedding(self) -> Numbers:
        """Embeddings h of all regions of the fit, (images, height * width, axes) float32.

        Their unit is arbitrary: lengths are compared over `knowledge.mean_strength`.
        """
        return as_given(self._fitted().embedding, self._kind)

    @property
    def projection(self) -> Numbers:
        """The map Lambda, (axes, channels) float32."""
        return as_given(self._fitted().projection, self._kind)

    @property
    def losses(self) -> Numbers:
        """Divergence, nats, and alignment before and after every step, (steps + 1, 2)."""
        return as_given(self._fitted().losses, self._kind)

    def _fitted(self) -> RegionFit:
        if self._fit is None:
            raise ValueError("There is no embedding yet; call `fit` first.")
        return self._fit

    def _check_width(self, channels: int) -> None:
        if channels != self.in_dim:
            raise ValueError(
                f"Features must have {self.in_dim} channels, as `in_dim`; got {channels}."
            )

    def _write(self, folder: Path | str) -> None:
        fit = self._fitted()
        arrays = {"projection": fit.projection, "embedding": fit.embedding}
        write_arrays(folder, "region_embedding", arrays)
        curves = {"divergence": fit.losses[:, 0], "alignment": fit.losses[:, 1]}
        write_curves(folder, "region_embedding", curves)


def _embedded(data: Data) -> dict[str, Any]:
    """Return data with the embeddings of images in place of the object that holds them."""
    return {
        name: getattr(given, "embedding", given) if name == "sample_embs" else given
        for name, given in data.items()
    }
