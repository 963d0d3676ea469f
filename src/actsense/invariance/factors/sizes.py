r"""How many numbers of a latent each concept gets.

Pairs (a, b) that share a concept k alone tell how much of a latent it decides. With means and
variances over all images of these pairs, and d numbers in a latent,

    s_k  =  sum_i Cov(a_i, b_i) / sum_i Var_i            1 for equal pairs, 0 for unrelated ones
    N_k  =  floor(d exp(s_k) / (e + sum_j exp(s_j)))     the rest for the residual, whose s is 1

which is the published rule. No concept ever gets less than another by more than a factor of e,
though it be one number. The other rule counts the directions in which pairs agree: eigenvalues
l_i of the symmetrised covariance of a and b, after whitening by the covariance of latents, those
alone that unrelated pairs would not give,

    r_k  =  exp(-sum_i p_i log p_i),   p_i = l_i / sum_j l_j
"""

__all__ = ["Score", "concept_score", "effective_rank", "factor_sizes", "published_sizes"]

from collections.abc import Mapping
from dataclasses import dataclass
from math import e, exp, floor, sqrt

import numpy as np
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.invariance.factors.pairs import RESIDUAL, Pairs, check_part

SINGULAR = 1e-10  # of the largest variance, below which there is none
CERTAIN = 3.0  # standard errors above 0
MARGIN = 1.2  # of the edge: the largest eigenvalue scatters around it


@dataclass(frozen=True)
class Score:
    """How much of the variance of latents a concept decides, dimensionless.

    Attributes:
        value: s of the concept.
        error: Its standard error over pairs.
    """

    value: float
    error: float


def concept_score(pairs: Pairs, concept: str) -> Score:
    """Return how much of the variance of latents pairs have in common; means of posteriors.

    Raises:
        ConfigError: If there is no such concept, fewer than two pairs share it alone, or all
            latents are the same.

    Source:
        Esser, Rombach & Ommer (2020), A disentangling invertible interpretation network, CVPR.
    """
    first, second, _ = _centred(pairs.alone(concept))
    variance = float(np.square([first, second]).sum(axis=2).mean())
    if variance == 0:
        raise ConfigError(
            f"All images of pairs that share `{concept}` have the same latent. Train the "
            "autoencoder with a smaller `divergence`, or make other pairs."
        )
    together = (first * second).sum(axis=1) / variance
    error = together.std(ddof=1) / sqrt(len(together))
    return Score(float(together.mean()), float(error))


def effective_rank(pairs: Pairs, concept: str) -> float:
    """Return in how many directions pairs agree; 0 if in none more than unrelated pairs would.

    Raises:
        ConfigError: If there is no such concept, or fewer than two pairs share it alone.

    Source:
        Roy & Vetterli (2007), The effective rank, EUSIPCO; the edge is that of Wigner's
        semicircle, for entries of variance 1 / (2 pairs).
    """
    first, second, noise = _centred(pairs.alone(concept))
    count = len(first)
    covariance = (first.T @ first + second.T @ second) / (2 * count) + np.diag(noise)
    variances, axes = np.linalg.eigh(covariance)
    # What the posterior has given up does not vary in its mean, and is nothing to agree in.
    some = variances > SINGULAR * variances.max()
    whitening = axes[:, some] / np.sqrt(variances[some])
    cross = first.T @ second / (2 * count)
    found = np.linalg.eigvalsh(whitening.T @ (cross + cross.T) @ whitening)
    agreeing = found[found > MARGIN * sqrt(2 * some.sum() / count)]
    share = agreeing / agreeing.sum()
    return float(np.exp(-(share * np.log(share)).sum())) if len(share) else 0.0


def factor_sizes(pairs: Pairs, rule: str = "published") -> dict[str, int]:
    """Return how many numbers every part of a latent gets, the residual last.

    Arguments:
        pairs: Of every concept, some that share it alone.
        rule: "published", or "rank" for the effective rank. Where the ranks leave nothing to the
            residual, they share all but one number, in proportion.

    Raises:
        ConfigError: If there are no pairs of a concept, or they share no more than unrelated ones
            do, or there is no number for every part.
    """
    scores = {concept: concept_score(pairs, concept) for concept in pairs.concepts}
    for concept, score in scores.items():
        if score.value <= CERTAIN * score.error:
            raise _nothing_shared(concept, score)
    if rule == "published":
        return published_sizes({k: s.value for k, s in scores.items()}, pairs.latents.latent)
    ranks = {concept: effective_rank(pairs, concept) for concept in pairs.concepts}
    for concept, rank in ranks.items():
        if rank == 0:
            raise ConfigError(
                f"Pairs that share `{concept}` are too few to tell in which directions they "
                "agree. Make more of them, or take the `published` rule."
            )
    latent = pairs.latents.latent
    numbers = {concept: max(1, round(rank)) for concept, rank in ranks.items()}
    if sum(numbers.values()) >= latent:
        total = sum(ranks.values())
        numbers = {name: floor((latent - 1) * rank / total) for name, rank in ranks.items()}
    return checked_sizes(numbers | {RESIDUAL: latent - sum(numbers.values())}, latent)


def published_sizes(scores: Mapping[str, float], latent: int) -> dict[str, int]:
    """Return how many numbers every part gets by the published rule.

    Arguments:
        scores: s of every concept, without the residual.
        latent: Numbers in a latent.

    Raises:
        ConfigError: If there is no number for every part.
    """
    total = e + sum(exp(score) for score in scores.values())
    numbers = {concept: floor(latent * exp(s) / total) for concept, s in scores.items()}
    return checked_sizes(numbers | {RESIDUAL: latent - sum(numbers.values())}, latent)


def checked_sizes(sizes: Mapping[str, int], latent: int) -> dict[str, int]:
    """Return sizes that fit a latent.

    Raises:
        ConfigError: If a part has no number, the residual is not there or not last, or they are
            not as many as the latent has.
    """
    check_part(RESIDUAL, [*sizes])
    if [*sizes][-1] != RESIDUAL:
        raise ConfigError(f"The `{RESIDUAL}` is the last of the factors; got {', '.join(sizes)}.")
    if min(sizes.values()) < 1 or sum(sizes.values()) != latent:
        told = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ConfigError(
            f"Sizes of factors are 1 at least and sum up to the {latent} numbers of a latent; got "
            f"{told}. Give other sizes, fewer concepts, or an autoencoder with a larger latent."
        )
    return dict(sizes)


def _centred(pairs: Pairs) -> tuple[NDArray[np.float64], ...]:
    """Return both means without their common mean, and the mean variance of the posteriors."""
    mean = pairs.latents.mean.astype(np.float64)
    first, second = mean[pairs.first], mean[pairs.second]
    centre = (first.mean(axis=0) + second.mean(axis=0)) / 2
    both = np.concatenate([pairs.first, pairs.second])
    noise = np.exp(pairs.latents.log_variance[both].astype(np.float64)).mean(axis=0)
    return first - centre, second - centre, noise


def _nothing_shared(concept: str, score: Score) -> ConfigError:
    return ConfigError(
        f"Pairs that should share `{concept}` share nothing: their latents correlate by "
        f"{score.value:.3f} +- {score.error:.3f}, like unrelated images. Check these pairs, make "
        "more of them, or leave the concept out."
    )
