"""Facets of a layer: parts of a set of images that it responds to alike.

Channels are standardised, images compared among their principal components and parted by k-means.
A facet k is then told by the images nearest to its centre, its members: T_k is the mean of their
responses, weighted with w, and S_k the channels whose response to them stands out the most.

Source:
    Stergiou (2021), The mind's eye: visualizing class-agnostic features of CNNs, ICIP,
    arXiv 2101.12447.
"""

__all__ = ["FacetSplit", "facet_targets", "find_facets", "retarget"]

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.featvis.settings import Facets
from actsense.featvis.targets.components import plane, principal_components
from actsense.featvis.targets.spread import Spread
from actsense.featvis.targets.targets import Targets, direction_targets

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEAST_IMAGES = 4
DIGITS = 9  # behind the point, in shares of the largest component, that tell images apart
STARTS = 10  # of k-means; the best is kept
SHARE, LEAST_CHANNELS, MOST_CHANNELS = 1 / 40, 4, 50  # that `auto` drives

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FacetSplit:
    """Images by facet; the largest facet first, of equal ones the one with the first image.

    Attributes:
        facet: Of every image, (images,) int64.
        distance: From every image to every centre, (images, facets) float64, where they were
            parted: in standard deviations of a channel, or the units of the t-SNE.
        member: Images that tell the facet, (facets, members) int64, in the order they were taken.
        weight: How much each counts, (facets, members) float64, rows of sum 1.
        response: Weighted mean of their responses, (facets, channels) float32.
        chosen: Channels that stand out, (facets, channels) bool, as many of every facet.
        point: Where every image lies in a plane to look at, (images, 2) float32.
        silhouette: How well each count that was tried parts the images, -1 to 1; empty where the
            count was given.
    """

    facet: Integers
    distance: Floats
    member: Integers
    weight: Floats
    response: NDArray[np.float32]
    chosen: NDArray[np.bool_]
    point: NDArray[np.float32]
    silhouette: dict[int, float]

    def __len__(self) -> int:
        return len(self.member)


def find_facets(
    features: NDArray[np.floating[Any]], settings: Facets, *, seed: int, layer: str = ""
) -> FacetSplit:
    """Part images by what a layer responds to, and find what tells each part.

    Arguments:
        features: Response of every channel to every image, (images, channels).
        settings: The section `featvis.facets` of the configuration.
        seed: Seed of the study.
        layer: Name of the layer, for messages.

    Raises:
        ConfigError: If features are not finite, if there are fewer than 4 images, if the layer
            answers all of them alike, or if it has fewer channels, or there are fewer different
            images, than are asked for.
    """
    named = f"layer {layer!r}" if layer else "the layer"
    spread = _checked(features, named)
    components = principal_components(spread.standardise(features), settings.components)
    point = plane(components, seed=seed)
    space = components if settings.space == "pca" else point
    facet, silhouette = _parted(space, settings, seed, named)
    distance = _distances(space, facet)
    member = _members(facet, distance, settings, named)
    weight = _weights(np.take_along_axis(distance.T, member, axis=1), settings.weights)
    response = _mean_response(member, weight, features)
    return FacetSplit(
        facet=facet,
        distance=distance,
        member=member,
        weight=weight,
        response=response.astype(np.float32),
        chosen=_chosen(response, spread, settings, named),
        point=point.astype(np.float32),
        silhouette=silhouette,
    )


def retarget(
    split: FacetSplit,
    features: NDArray[np.floating[Any]],
    settings: Facets,
    *,
    layer: str = "",
) -> FacetSplit:
    """Return the same facets as another network responds to their members.

    Arguments:
        split: The facets.
        features: What that network responds to the same images, (images, channels).
        settings: The section `featvis.facets` of the configuration.
        layer: Name of the layer, for messages.

    Raises:
        ConfigError: As `find_facets`.
    """
    named = f"layer {layer!r}" if layer else "the layer"
    spread = _checked(features, named)
    response = _mean_response(split.member, split.weight, features)
    chosen = _chosen(response, spread, settings, named)
    return replace(split, response=response.astype(np.float32), chosen=chosen)


def facet_targets(
    split: FacetSplit,
    features: NDArray[np.floating[Any]],
    layer: str,
    sorted: Tensor | None = None,
) -> Targets:
    """Return what the picture of every facet is to drive and to resemble.

    Arguments:
        split: The facets.
        features: What they were found in, (images, channels).
        layer: Name of the layer.
        sorted: What `sorted_responses` returned of the members, (facets, channels, places).
    """
    direction = split.chosen / split.chosen.sum(axis=1, keepdims=True)
    targets = direction_targets(layer, direction, features)
    return replace(targets, response=torch.from_numpy(split.response), sorted=sorted)


def _checked(features: NDArray[np.floating[Any]], named: str) -> Spread:
    if len(features) < LEAST_IMAGES:
        raise ConfigError(
            f"featvis.facets: {len(features)} images cannot be parted. Give {LEAST_IMAGES} or "
            "more with `featvis.images`."
        )
    if not np.isfinite(features).all():
        raise ConfigError(
            f"featvis.facets: {named} has responses that are not finite. Name another one with "
            "`featvis.layers`, or compute in `precision: float32`."
        )
    spread = Spread.of(features)
    if not spread.responds.any():
        raise ConfigError(
            f"featvis.facets: {named} answers all {len(features)} images alike. Name another one "
            "with `featvis.layers`, or other images with `featvis.images`."
        )
    return spread


def _parted(
    space: Floats, settings: Facets, seed: int, named: str
) -> tuple[Integers, dict[int, float]]:
    """Return the facet of every image, and how well each count that was tried parts them."""
    different = len(np.unique(np.round(space / abs(space).max(), DIGITS), axis=0))
    if settings.count != "auto":
        if settings.count > different:
            raise ConfigError(
                f"featvis.facets.count: {settings.count} facets are more than the {different} "
                f"different images that {named} sees. Give {different} or fewer, or more images "
                "with `featvis.images`."
            )
        return _cluster(space, settings.count, seed), {}
    from sklearn.metrics import silhouette_score

    counts = range(2, min(settings.most, different, len(space) - 1) + 1)
    found = {count: _cluster(space, count, seed) for count in counts}
    silhouette = {count: float(silhouette_score(space, facet)) for count, facet in found.items()}
    # A few odd images are far from all others, and no facet: it has its members, if any can.
    full = [k for k, facet in found.items() if np.bincount(facet).min() >= settings.members]
    best = max(full or counts, key=silhouette.__getitem__)
    return found[best], silhouette


def _cluster(space: Floats, count: int, seed: int) -> Integers:
    """Part images by k-means; the largest part first, of equal ones that of the first image."""
    from sklearn.cluster import KMeans

    state = int(stream(seed, "starts of facets", count).integers(2**31))
    # No tolerance: in the end every image is in the facet whose mean is nearest.
    found = KMeans(count, n_init=STARTS, tol=0, random_state=state).fit_predict(space)
    _, first, part, size = np.unique(
        found, return_index=True, return_inverse=True, return_counts=True
    )
    place = np.empty_like(first)
    place[np.lexsort((first, -size))] = np.arange(len(first))
    return np.asarray(place[part], dtype=np.int64)


def _distances(space: Floats, facet: Integers) -> Floats:
    """Return the distance of every image to the mean of every facet, (images, facets)."""
    centres = [space[facet == k].mean(axis=0) for k in range(facet.max() + 1)]
    return np.stack([np.linalg.norm(space - centre, axis=1) for centre in centres], axis=1)


def _members(facet: Integers, distance: Floats, settings: Facets, named: str) -> Integers:
    """Return the members of every facet, (facets, members); of equals the first image."""
    if settings.choice == "farthest":
        return np.argsort(-distance, axis=0, kind="stable")[: settings.members].T
    sizes = np.bincount(facet)
    kept = min(settings.members, int(sizes.min()))
    if kept < settings.members:
        log.warning(
            "featvis.facets.members: the smallest facet of %s has %d images, and all facets are "
            "told by as many instead of %d.",
            *(named, kept, settings.members),
        )
    own = np.where(facet[:, None] == np.arange(len(sizes)), distance, np.inf)
    return np.argsort(own, axis=0, kind="stable")[:kept].T


def _weights(distance: Floats, how: str) -> Floats:
    """Return the weights of members, (facets, members), rows of sum 1."""
    if how == "inverse":
        power = 1 / np.maximum(distance, np.finfo(np.float64).tiny)
    else:
        spread = distance.std(axis=1, keepdims=True)
        power = -distance / np.where(spread > 0, spread, 1)
    weight = np.exp(power - power.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _mean_response(
    member: Integers, weight: Floats, features: NDArray[np.floating[Any]]
) -> Floats:
    mean: Floats = np.einsum("km,kmc->kc", weight, features[member].astype(np.float64))
    return mean


def _chosen(response: Floats, spread: Spread, settings: Facets, named: str) -> NDArray[np.bool_]:
    """Return the channels that stand out, (facets, channels); of equals the first."""
    score = spread.standardise(response) if settings.rank == "contrast" else response
    score = np.where(spread.responds, score, -np.inf)
    count = _channel_count(spread.responds, settings, named)
    chosen = np.zeros(response.shape, dtype=bool)
    order = np.argsort(-score, axis=1, kind="stable")[:, :count]
    np.put_along_axis(chosen, order, True, axis=1)
    return chosen


def _channel_count(responds: NDArray[np.bool_], settings: Facets, named: str) -> int:
    """Return how many channels a facet drives."""
    channels, able = len(responds), int(responds.sum())
    if settings.channels == "auto":
        usual = min(max(round(SHARE * channels), LEAST_CHANNELS), MOST_CHANNELS)
        return min(usual, able)
    if settings.channels > channels:
        raise ConfigError(
            f"featvis.facets.channels: {settings.channels} are more than the {channels} channels "
            f"of {named}. Give {channels} or fewer, or `auto`."
        )
    if settings.channels > able:
        log.warning(
            "featvis.facets.channels: %s of %s answer all images alike; pictures cannot tell "
            "whether they drive these.",
            f"{settings.channels - able} of {settings.channels} channels",
            named,
        )
    return settings.channels
