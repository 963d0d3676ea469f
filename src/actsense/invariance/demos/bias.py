"""What samples of two networks keep of images: what either says, their class, their background."""

__all__ = ["BiasRow", "bias_rows", "known_cues"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actsense.invariance.demos.opening import DemoSet
from actsense.invariance.demos.texture import Biased
from actsense.invariance.kept.estimates import Estimate, Floats, anchor_mean
from actsense.networks.outputs import NONE

PREDICTION, CLASS, BACKGROUND = "prediction", "class", "background"


@dataclass(frozen=True)
class BiasRow:
    """How many samples of a network have what a cue of their image tells, in a judge's eyes.

    Attributes:
        judge: The network that looks at samples.
        network: The network whose samples they are.
        cue: `prediction`, what the judge says of the image; `class`, its class; `background`, the
            photograph behind a digit.
        kept: Share of samples that the judge takes for that.
        floor: The same share with samples of other images.
        images: Images whose cue is an output of the judge.
    """

    judge: str
    network: str
    cue: str
    kept: Estimate
    floor: Estimate
    images: int


def known_cues(
    demos: DemoSet,
    predicted: NDArray[np.int64],
    labels: NDArray[np.int64],
    backgrounds: Sequence[str] | None,
) -> dict[str, NDArray[np.int64]]:
    """Return the outputs of a network that cues of images tell of, (images,), or `NONE`.

    Arguments:
        demos: The network.
        predicted: What it says of the images, (images,).
        labels: Their classes, (images,).
        backgrounds: What is behind every image, if that is known.
    """
    cues = {PREDICTION: predicted, CLASS: demos.subject.outputs.places[labels]}
    if backgrounds is not None:
        place = {name: number for number, name in enumerate(demos.outputs)}
        cues[BACKGROUND] = np.array([place.get(name, NONE) for name in backgrounds])
    return {name: cue for name, cue in cues.items() if (cue != NONE).any()}


def bias_rows(
    biased: Biased, cues: Mapping[str, Mapping[str, NDArray[np.int64]]], draws: Floats
) -> list[BiasRow]:
    """Return what samples keep, by judge, network and cue, with resamples of images.

    Arguments:
        biased: Samples of both networks.
        cues: What `known_cues` returned for either, by its name.
        draws: From `anchor_draws`, (1 + draws, images).
    """
    judged = biased.judged.numpy()
    found = []
    for j, judge in enumerate(biased.names):
        for n, network in enumerate(biased.names):
            for name, cue in cues[judge].items():
                own, floor = _shares(judged[j, n], cue)
                kept = anchor_mean(own, draws), anchor_mean(floor, draws)
                images = int((cue != NONE).sum())
                found.append(BiasRow(judge, network, name, *kept, images))
    return found


def _shares(judged: NDArray[np.int64], cue: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return shares of samples that are as the cue of an image tells, its own and all others'."""
    own = (judged == cue[:, None]).mean(axis=1)
    everyone = (judged[None] == cue[:, None, None]).mean(axis=2).sum(axis=1)
    others = (everyone - own) / (len(cue) - 1)
    unknown = cue == NONE
    return np.where(unknown, np.nan, own), np.where(unknown, np.nan, others)
