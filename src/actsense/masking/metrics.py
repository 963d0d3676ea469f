r"""What a masked network predicts, in numbers with image-level intervals.

    top1, top5  share of images whose label is first, or among the first k (5)
    kl          mean of KL(p || q), p and q the softmax of the unmasked and the masked network
    entropy     of the histogram of predicted classes, nats: 0 where all predictions are alike
    recall      share of a class's images that are predicted as it

Where an input was drawn several times, these are means over the draws of an image.

Logits are ranked, not probabilities; of equal ones the first class is ahead. Images are drawn
again with equal probabilities; the same draws serve all conditions, so that differences of
conditions can be bootstrapped. Shares of images (top1, top5, and recall, of the images of its
class) have Wilson's interval, which has a width also where all images are alike.
"""

__all__ = ["METRICS", "Outcomes", "Summary", "outcomes", "summarize"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.masking.blocks import Block
from actsense.statistics.resampling import interval
from actsense.statistics.shares import wilson

Summary = dict[str, NDArray[np.generic]]

METRICS = ("top1", "top5", "kl", "entropy")
CELLS = 2**26  # images times classes that are counted at a time: 256 MB


@dataclass(frozen=True)
class Outcomes:
    """What every condition predicts for every image, in host memory.

    Attributes:
        order: The first k classes, best first, (conditions, images, k).
        divergence: KL from the unmasked network, nats, (conditions, images).
    """

    order: NDArray[np.int16]
    divergence: NDArray[np.float32]

    @classmethod
    def empty(cls, conditions: int, images: int, k: int) -> "Outcomes":
        """Make room for so many."""
        return cls(
            np.empty((conditions, images, k), dtype=np.int16),
            np.empty((conditions, images), dtype=np.float32),
        )

    def put(self, block: Block, found: "Outcomes") -> None:
        """Put in the outcomes of a block, (its plans, its images)."""
        self.order[block.plans, block.images] = found.order
        self.divergence[block.plans, block.images] = found.divergence


def outcomes(logits: Tensor, unmasked: Tensor, k: int) -> Outcomes:
    """Return the outcomes of some versions of a network.

    Arguments:
        logits: Those of the versions, (versions, images, classes).
        unmasked: Those of the unmasked network, (images, classes).
        k: How many first classes are kept.
    """
    order = logits.sort(dim=-1, descending=True, stable=True).indices[..., :k]
    p, q = (x.double().log_softmax(dim=-1) for x in (unmasked, logits))  # cancels near p = q
    return Outcomes(
        order.to(torch.int16).cpu().numpy(),
        (p.exp() * (p - q)).sum(dim=-1).float().cpu().numpy(),
    )


def summarize(
    found: Sequence[Outcomes], labels: NDArray[np.int64], classes: int, draws: Tensor
) -> Summary:
    """Reduce outcomes to numbers per condition.

    Arguments:
        found: The outcomes, of every draw of the input.
        labels: Class of every image, (images,).
        classes: Number of classes.
        draws: From `image_draws`, on the device that is to count, (1 + bootstrap, images) float32.

    Returns:
        Every one of `METRICS` with `_low` and `_high`, (conditions,); `top1_bootstrap`,
        (bootstrap, conditions); `predicted`, counts, and `recall` with `_low` and `_high`,
        (conditions, class), NaN for classes without images.
    """
    first = [one.order[..., 0] for one in found]
    # Sums over draws are whole numbers: their means would be rounded.
    right = np.sum([own == labels for own in first], axis=0)
    within = np.sum([(one.order == labels[:, None]).any(axis=-1) for one in found], axis=0)
    counted = [[np.bincount(row, minlength=classes) for row in own] for own in first]
    predicted = np.sum(counted, axis=0)
    results: Summary = {
        "top1_bootstrap": _resampled_mean(right, draws, len(found))[1:],
        "predicted": predicted.astype(np.int32),
        **_recall(right / len(found), labels, classes),
    }
    for name, hits in (("top1", right), ("top5", within)):
        # Draws of an image are not independent, and their mean varies less than one of them.
        count = hits.sum(axis=1, dtype=np.float64) / len(found)
        results[name] = count / len(labels)
        results[f"{name}_low"], results[f"{name}_high"] = wilson(count, len(labels))
    divergence = np.stack([one.divergence for one in found]).mean(axis=0, dtype=np.float64)
    results["kl"] = divergence.mean(axis=1)
    results["kl_low"], results["kl_high"] = interval(_resampled_mean(divergence, draws))
    entropies = _resampled_entropy(first, classes, draws)
    results["entropy"] = entropy = _entropy(torch.from_numpy(predicted)).numpy()
    # Resampling lowers an entropy by about (classes - 1) / (2 images): that is taken out. With few
    # images the upper end may then lie above log(classes).
    bias = entropies[1:].mean(axis=0) - entropy
    low, high = interval(entropies)
    results["entropy_low"], results["entropy_high"] = low - bias, high - bias
    return results


def _resampled_mean(
    values: NDArray[np.number], draws: Tensor, repeats: int = 1
) -> NDArray[np.float32]:
    """Return the mean and that of every resample, of sums over so many repeats."""
    # Sums of hits are whole numbers below 2^24 and exact in float32.
    columns = torch.from_numpy(values).to(draws.device, torch.float32).T
    return (draws @ columns / (draws.shape[1] * repeats)).cpu().numpy()


def _resampled_entropy(
    predicted: Sequence[NDArray[np.int16]], classes: int, draws: Tensor
) -> NDArray[np.float64]:
    """Return the entropy of predictions, and of every resample, (1 + bootstrap, conditions)."""
    images = draws.shape[1]
    parts = []
    step = max(1, CELLS // (classes * max(images, len(draws))))
    for start in range(0, len(predicted[0]), step):
        own = [
            torch.from_numpy(one[start : start + step]).to(draws.device, torch.int64)
            for one in predicted
        ]
        hot = torch.zeros(images, len(own[0]), classes, device=draws.device)
        for part in own:
            places = part.T[..., None]
            hot.scatter_add_(2, places, torch.ones_like(places, dtype=hot.dtype))
        counts = draws @ hot.flatten(1)  # (1 + bootstrap, conditions * classes)
        parts.append(_entropy(counts.view(len(draws), -1, classes)).cpu().numpy())
    return np.concatenate(parts, axis=1)


def _entropy(counts: Tensor) -> Tensor:
    """Return the entropy over the last axis, nats."""
    share = counts.double() / counts.sum(dim=-1, keepdim=True)
    entropy: Tensor = torch.special.entr(share).sum(dim=-1)
    return entropy


def _recall(right: NDArray[np.floating], labels: NDArray[np.int64], classes: int) -> Summary:
    images = np.bincount(labels, minlength=classes)
    hits = np.stack([np.bincount(labels, row, minlength=classes) for row in right])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hits / images
    low, high = wilson(hits, images)
    found = {"recall": share, "recall_low": low, "recall_high": high}
    return {name: value.astype(np.float32) for name, value in found.items()}
