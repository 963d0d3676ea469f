"""Embeddings of whole images for Python users: anybody's features, any network."""

__all__ = ["SampleEmbedding"]

from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from actsense.patterns.arguments import (
    Data,
    Numbers,
    as_given,
    read_data,
    read_params,
    write_arrays,
    write_curves,
)
from actsense.patterns.radial import posterior
from actsense.patterns.samples import RATE, STEPS, SampleFit, fit_samples

AXES = {"target_probs": "images, classes", "sample_features": "images, features"}
PARAMS = {"lr": RATE, "n_step": STEPS, "seeds": 3, "seed": 0, "gradient": "exact"}


class SampleEmbedding:
    """A linear map of features to a few dimensions, which says what a network says.

    The direction of an image's embedding tells which class it supports, the length how surely.
    Called with features it embeds them: those of the fit, or others of the same network.

    Arguments:
        in_dim: Features of an image.
        out_dim: Dimensions of the embedding, 2 or more.

    Source:
        Li, Wang & Zhang (2021), Visualizing the emergence of intermediate visual patterns in
        DNNs, NeurIPS, arXiv 2111.03505.
    """

    def __init__(self, in_dim: int, out_dim: int = 3) -> None:
        if in_dim < out_dim or out_dim < 2:
            raise ValueError(
                f"out_dim must be 2 or more and in_dim no less; got {out_dim} of {in_dim}."
            )
        self.in_dim, self.out_dim = in_dim, out_dim
        self._fit: SampleFit | None = None
        self._kind: type = Tensor  # of what was given

    def fit(
        self, data: Data, params: Data | None = None, verbose_dir: Path | str | None = None
    ) -> Self:
        """Find the map. What is given is never changed.

        Arguments:
            data: Arrays or tensors: `sample_features`, (images, features) in any unit, and
                `target_probs`, (images, classes), whose rows sum to 1: softmax of logits, at a
                temperature of 4 in the published study.
            params: Any of `lr`, the size of the first steps of Adam; `n_step`, their number;
                `seeds`, the number of starts of which the best is kept; `seed` of the random
                ones; `gradient`, `exact` or `published`.
            verbose_dir: Folder for `sample_embedding.npz`, all results, and
                `sample_embedding.csv`, the loss of every start after every step, nats.

        Returns:
            The object itself.

        Raises:
            ValueError: If a name is unknown, shapes do not fit, numbers are not finite, or rows of
                `target_probs` are no probabilities.
        """
        tensors, options = read_data(data, AXES), read_params(params or {}, PARAMS)
        features, target = tensors["sample_features"], tensors["target_probs"]
        self._check_width(features.shape[1])
        self._fit = fit_samples(
            features,
            target.to(features.device),
            axes=self.out_dim,
            seeds=options["seeds"],
            seed=options["seed"],
            steps=options["n_step"],
            rate=options["lr"],
            gradient=options["gradient"],
        )
        self._kind = type(data["sample_features"])
        if verbose_dir is not None:
            self._write(verbose_dir)
        return self

    def __call__(self, features: Numbers) -> Numbers:
        """Embed features (..., features), to (..., axes) float64, of the kind that they are."""
        projection = self._fitted().projection
        tensor = torch.as_tensor(features)
        self._check_width(tensor.shape[-1])
        return as_given(tensor.to(projection) @ projection.mT, type(features))

    def posterior(self, features: Numbers) -> Numbers:
        """Return what embeddings of features say of the classes, (..., classes), rows of sum 1."""
        fit = self._fitted()
        points = torch.as_tensor(self(features)).to(fit.projection)
        return as_given(posterior(points, fit.directions, fit.prior), type(features))

    @property
    def embedding(self) -> Numbers:
        """Embeddings g of the images of the fit, (images, axes) float64, dimensionless."""
        return as_given(self._fitted().embedding, self._kind)

    @property
    def directions(self) -> Numbers:
        """Directions mu of the classes, unit vectors, (classes, axes)."""
        return as_given(self._fitted().directions, self._kind)

    @property
    def prior(self) -> Numbers:
        """Shares pi of the classes, (classes,)."""
        return as_given(self._fitted().prior, self._kind)

    @property
    def projection(self) -> Numbers:
        """The map M, (axes, features)."""
        return as_given(self._fitted().projection, self._kind)

    @property
    def spread(self) -> Numbers:
        """Mean angle of every image between the starts' embeddings, rad, (images,)."""
        return as_given(self._fitted().spread, self._kind)

    @property
    def loss(self) -> float:
        """Mean divergence from what the network says, nats."""
        return self._fitted().loss

    def _fitted(self) -> SampleFit:
        if self._fit is None:
            raise ValueError("There is no embedding yet; call `fit` first.")
        return self._fit

    def _check_width(self, width: int) -> None:
        if width != self.in_dim:
            raise ValueError(f"Features must be {self.in_dim} wide, as `in_dim`; got {width}.")

    def _write(self, folder: Path | str) -> None:
        fit = self._fitted()
        named = ("projection", "directions", "prior", "embedding", "losses", "spread")
        arrays = {name: getattr(fit, name) for name in named}
        write_arrays(folder, "sample_embedding", arrays)
        curves = {f"seed_{number}": trace for number, trace in enumerate(fit.traces)}
        write_curves(folder, "sample_embedding", curves)
