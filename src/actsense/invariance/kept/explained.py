r"""How much of the variance of latents the invariances of a layer explain, and how much the layer.

By the law of total variance, with z what the layer says, and w a latent that it allows,

    tr Cov(w)  =  E tr Cov(w | z)  +  tr Cov(E[w | z])
    total         by invariances      by the layer

With n anchors z_i and S samples w_is of each, m_i their mean:

    within_i  =  sum_s |w_is - m_i|^2 / (S - 1)          has the mean tr Cov(w | z_i)
    spread    =  sum_i |m_i - m|^2 / (n - 1)             has the mean of the layer's, + within / S
    total     =  spread + (1 - 1/S) mean within

Numerator and denominator of the share are without bias, for any number of samples. The variance
of all n S samples, which looks simpler, is too small: those of an anchor go together.
"""

__all__ = ["Explained", "Spread", "explained_variance"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from actsense.invariance.kept.estimates import Estimate, Floats

if TYPE_CHECKING:  # figures read what was measured without it
    from torch import Tensor


@dataclass(frozen=True)
class Spread:
    """What the samples of every anchor say of their variance; more anchors are joined to it.

    Attributes:
        samples: Samples of every anchor, two at least.
        mean: Mean over the samples, (anchors, numbers).
        within: Their variance, without bias, summed over all numbers, (anchors,).
    """

    samples: int
    mean: NDArray[np.floating]
    within: Floats

    @classmethod
    def of(cls, sampled: "Tensor") -> Self:
        """Measure samples, (anchors, samples, ...), all numbers of one alike.

        Raises:
            ValueError: If there are fewer than two samples of an anchor.
        """
        samples = sampled.shape[1]
        if samples < 2:
            raise ValueError(
                f"A variance needs at least 2 samples of every anchor; got {samples}."
            )
        numbers = sampled.flatten(2).double()
        within = numbers.var(dim=1).sum(dim=1)
        return cls(samples, numbers.mean(dim=1).numpy(), within.numpy())

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Join what is known of different anchors."""
        return cls(
            parts[0].samples,
            np.concatenate([part.mean for part in parts]),
            np.concatenate([part.within for part in parts]),
        )


@dataclass(frozen=True)
class Explained:
    """Shares of variance, dimensionless, and the variances, in squared units of the samples.

    Shares are not cut to [0, 1]: noise may push them outside. They are NaN where nothing varies.

    Attributes:
        by_invariances: Share that remains when what the layer says is known.
        by_layer: Share that what it says explains: 1 minus the other.
        within: Mean variance around an anchor.
        total: Variance of samples of all anchors.
    """

    by_invariances: Estimate
    by_layer: Estimate
    within: Estimate
    total: Estimate


def explained_variance(spread: Spread, draws: Floats) -> Explained:
    """Return how much of the variance the invariances explain, with resamples of anchors.

    An anchor that is drawn twice says nothing of how anchors differ, so that pairs of it with
    itself are left out: resamples are without bias, too.

    Arguments:
        spread: What is known of the samples, of two anchors at least.
        draws: From `anchor_draws`, (1 + draws, anchors).

    Raises:
        ValueError: If there are fewer than two anchors, or not as many as are drawn.

    Source:
        Definition: Rombach, Esser & Ommer (2020), Making sense of CNNs, ECCV, whose estimator is
        not published; this one is the analysis of variance with one random factor.
    """
    anchors = len(spread.mean)
    if anchors < 2 or draws.shape[1] != anchors:
        raise ValueError(f"{draws.shape[1]} anchors are drawn, 2 at least; got {anchors}.")
    # Around their mean: the sums below lose nothing to what all anchors share.
    mean = spread.mean.astype(np.float64) - spread.mean.mean(axis=0, dtype=np.float64)
    gram = mean @ mean.T
    around = draws @ gram.diagonal() - ((draws @ gram) * draws).sum(axis=1) / anchors
    pairs = anchors**2 - np.square(draws).sum(axis=1)
    within = draws @ spread.within / anchors
    between = anchors * around / np.where(pairs == 0, np.nan, pairs)
    total = between + (1 - 1 / spread.samples) * within
    share = within / np.where(total == 0, np.nan, total)
    return Explained(Estimate(share), Estimate(1 - share), Estimate(within), Estimate(total))
