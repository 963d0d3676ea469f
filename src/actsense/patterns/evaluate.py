"""From recorded features of a network to embeddings of its images and of their regions."""

__all__ = ["embed_patterns"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from actsense.attribution.region_weights import MOST, TOLERANCE, region_weights, sharpness
from actsense.attribution.regions import other_images
from actsense.patterns.baselines import baseline_embeddings, uncertainty
from actsense.patterns.knowledge import mean_strength
from actsense.patterns.regions import RegionFit, fit_regions
from actsense.patterns.settings import Patterns
from actsense.patterns.states import FeatureStates, State
from actsense.progress import Progress
from actsense.store.rows import Rows

IMAGES = {  # what is kept of every state, with its axes
    "probability": (
        ("state", "image", "class"),
        "what the network says of the image among the chosen classes, softened by the temperature",
    ),
    "embedding": (("state", "image", "axis"), "where the image lies: g = M f"),
    "direction": (("state", "class", "axis"), "unit vector that a class lies in"),
    "prior": (("state", "class"), "mean probability of a class"),
    "loss": (
        ("state",),
        "mean divergence of the embedding's probabilities from the network's, nats; NaN where "
        "nothing was fitted",
    ),
    "uncertainty": (("state", "image"), "entropy of `probability`, nats"),
    "correct": (("state", "image"), "whether the most probable class is the label"),
}
REGIONS = {
    "embedding": (
        ("state", "image", "region", "axis"),
        "where the region lies, in mean lengths of the regions of the layer",
    ),
    "scale": (("state",), "that mean length before the division"),
    "weight": (
        ("state", "image", "region"),
        "how much the region counts for what the network says; sums to 1 over the image",
    ),
}
CHANNELS = "how much the channel counts for what the finished network says; sums to 1"

Arrays = dict[str, NDArray[Any]]


def embed_patterns(
    features: Rows, settings: Patterns, *, seed: int, device: torch.device | str = "cpu"
) -> dict[str, xr.Dataset]:
    """Embed the images of a network and their regions, in all its recorded states.

    Features of one layer of one state are held at a time.

    Arguments:
        features: What `record_features` wrote.
        settings: The section `patterns` of the configuration.
        seed: Seed of the study.
        device: Where embeddings are fitted.

    Returns:
        The root: of every state and image what the network says, `probability`, and where the
        image lies, `embedding`, with `direction` and `prior` of every class; `spread` is the mean
        angle between the embeddings of several starts. `regions_0` and so on, one for every
        layer: where every region lies, and its weight. `baselines`: images of the finished
        network embedded by other methods. `seeds`: the `loss` of every start.

    Raises:
        ConfigError: If features are not finite.
    """
    recorded = FeatureStates(features, settings, seed, torch.device(device))
    states = recorded.states()
    groups = {
        "": _images(recorded, states),
        "baselines": _baselines(recorded, states[0]),
        "seeds": xr.Dataset({"loss": ("seed", states[0].fit.losses.cpu().numpy())}),
    }
    layers, fits = features.attributes["layers"], sum(state.fitted for state in states)
    embedding = _LayerEmbedding.of(recorded)
    with Progress(fits * len(layers), desc="regions", unit="layer") as bar:
        for number, layer in enumerate(layers):
            data = embedding.embed(number, states, bar)
            groups[f"regions_{number}"] = data.assign_attrs(layer=layer)
    return groups


def _images(recorded: FeatureStates, states: Sequence[State]) -> xr.Dataset:
    labels, facts = recorded.read_plain("label"), recorded.features.attributes
    own = [
        {
            "probability": state.target.cpu().numpy(),
            "embedding": _plain(state.embedding),
            "direction": _plain(state.fit.directions),
            "prior": state.fit.prior.cpu().numpy(),
            "loss": state.fit.loss if state.fitted else np.nan,
            "uncertainty": uncertainty(state.target.cpu().numpy()),
            "correct": state.target.argmax(dim=1).cpu().numpy() == labels,
        }
        for state in states
    ]
    spread = {"description": "mean angle between the embeddings of several starts, radians"}
    return xr.Dataset(
        _stacked(own, IMAGES) | {"spread": ("image", _plain(states[0].fit.spread), spread)},
        coords={
            "state": [state.name for state in states],
            "kind": ("state", [state.kind for state in states]),
            "epoch": ("state", [state.epoch for state in states]),
            "step": ("state", [state.step for state in states]),
            "class": facts["classes"],
            "row": ("image", recorded.read_plain("row")),
            "label": ("image", labels),
        },
        attrs={
            "layers": facts["layers"],
            "grid": facts["grid"],
            "temperature": recorded.settings.temperature,
        },
    )


def _baselines(recorded: FeatureStates, final: State) -> xr.Dataset:
    found = baseline_embeddings(
        recorded.read_plain("hidden", final.first),
        names=recorded.settings.baselines,
        seed=recorded.seed,
    )
    axes = ("method", "image", "axis")
    shape = (0, *final.embedding.shape)
    stacked = np.stack([*found.values()]) if found else np.empty(shape)
    return xr.Dataset(
        {"embedding": (axes, stacked.astype(np.float32))}, coords={"method": [*found]}
    )


@dataclass(frozen=True)
class _LayerEmbedding:
    """How the regions of every layer are embedded."""

    recorded: FeatureStates
    others: Tensor  # (images, others)

    @classmethod
    def of(cls, recorded: FeatureStates) -> "_LayerEmbedding":
        rows = torch.from_numpy(recorded.read_plain("row"))
        others = other_images(rows, recorded.settings.others, seed=recorded.seed)
        return cls(recorded, others.to(recorded.device))

    def embed(self, number: int, states: Sequence[State], bar: Progress) -> xr.Dataset:
        """Embed the regions of one layer in all states."""
        own, channels = [], None
        projection, scale = torch.empty(0), np.nan  # of the finished network
        for state in states:
            features = self.recorded.read(f"map_{number}", state.first).flatten(2)
            if not state.fitted:
                embedding = torch.einsum("nkr,ek->nre", features, projection)
                weight = np.full(embedding.shape[:2], np.nan, dtype=np.float32)
                own.append(_region_arrays(embedding, scale, weight))
                continue
            w, v, _ = self._weights(features, state)
            fit = self._fit(features, state, w, v)
            own_scale = mean_strength(fit.embedding.cpu()) if fit.embedding.any() else 1.0
            own.append(_region_arrays(fit.embedding, own_scale, _plain(w)))
            if state.kind == "final":
                projection, scale, channels = fit.projection, own_scale, _plain(v)
            bar.update(1)
        described = {"description": CHANNELS}
        return xr.Dataset(
            _stacked(own, REGIONS)
            | {"channel_weight": (("image", "channel"), channels, described)}
        )

    def _fit(self, features: Tensor, state: State, w: Tensor, v: Tensor) -> RegionFit:
        """Embed the regions; those of a layer that never responds lie at the origin."""
        if features.any():
            return fit_regions(features, state.target, state.embedding, w, v, self.others)
        axes, channels = state.embedding.shape[1], features.shape[1]
        zeros = features.new_zeros
        return RegionFit(zeros(axes, channels), zeros(*w.shape, axes), zeros(1, 2))

    def _weights(self, features: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor]:
        return region_weights(
            *(features, state.target.float(), self.others),
            kappa_m=sharpness(features.shape[1]),
            steps=MOST,
            tolerance=TOLERANCE,
        )


def _region_arrays(embedding: Tensor, scale: float, weight: NDArray[Any]) -> Arrays:
    return {
        "embedding": _plain(embedding / scale),
        "scale": np.asarray(scale),
        "weight": weight,
    }


def _stacked(
    own: Sequence[dict[str, Any]], described: dict[str, tuple[tuple[str, ...], str]]
) -> dict[str, Any]:
    """Put what is known of every state on one axis."""
    return {
        name: (axes, np.stack([np.asarray(one[name]) for one in own]), {"description": words})
        for name, (axes, words) in described.items()
    }


def _plain(values: Tensor) -> NDArray[np.float32]:
    return values.float().cpu().numpy()
