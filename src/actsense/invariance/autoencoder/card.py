"""What an autoencoder is worth: how much of an image is left, for people and for networks.

A flow can only be as faithful as the autoencoder before it. Where the images that an autoencoder
returns are others to a network, the numbers of its flows say more of the autoencoder.
"""

__all__ = ["AutoencoderCard", "Faithfulness", "judge_autoencoder"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.errors import ConfigError, choose
from actsense.invariance.autoencoder.architectures import Autoencoder
from actsense.invariance.autoencoder.gate import AGREEMENT, COSINE
from actsense.invariance.autoencoder.loss import divergence
from actsense.networks.subject import Subject

RESOLUTION = 1e-6  # of the length of a mean: what is nearer to it may be rounding of float32


@dataclass(frozen=True)
class Faithfulness:
    """How alike images and reconstructions are to a network.

    Attributes:
        agreement: Share of images whose strongest output stays the same.
        cosine: By layer, the mean cosine of the activations of an image and of its
            reconstruction, both centred at the mean activation of the images; without images
            whose activations are that mean. NaN where a layer always says the same.
    """

    agreement: float
    cosine: Mapping[str, float]


@dataclass(frozen=True)
class AutoencoderCard:
    """What was measured on images that an autoencoder was not trained on.

    Attributes:
        images: How many images.
        absolute: Mean absolute error of a pixel's channel, images being in [0, 1].
        squared: Mean squared error, likewise.
        explained: 1 - squared error / variance over images, dimensionless.
        divergence: Mean divergence of the latents from a normal distribution, nats per image.
        noise: Mean standard deviation of a latent's noise; latents have standard deviation 1.
        networks: What reconstructions are to each network.
    """

    images: int
    absolute: float
    squared: float
    explained: float
    divergence: float
    noise: float
    networks: Mapping[str, Faithfulness]

    def passes(self, network: str, layer: str) -> bool:
        """Say whether numbers of a flow at a layer are not limited by the autoencoder.

        Raises:
            ConfigError: If it was not judged by that layer.
        """
        choose("the card of the autoencoder", network, self.networks)
        faithful = self.networks[network]
        choose(f"the card of the autoencoder, {network}", layer, faithful.cosine)
        return faithful.agreement >= AGREEMENT and faithful.cosine[layer] >= COSINE

    def facts(self) -> dict[str, Any]:
        """Return plain values for a file, with what the gate says of every layer."""
        gate = {
            name: {layer: self.passes(name, layer) for layer in faithful.cosine}
            for name, faithful in self.networks.items()
        }
        return asdict(self) | {"gate": gate}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """Return the card that gave these values; others beside them are passed over."""
        names = cls.__dataclass_fields__
        own = {name: facts[name] for name in names if name != "networks"}
        return cls(**own, networks={k: Faithfulness(**v) for k, v in facts["networks"].items()})


def judge_autoencoder(
    autoencoder: Autoencoder,
    subjects: Mapping[str, Subject],
    layers: Mapping[str, Sequence[str]],
    rows: NDArray[np.int64],
) -> AutoencoderCard:
    """Measure an autoencoder on images that it was not trained on.

    Reconstructions are made from the means of the latents, without noise.

    Arguments:
        autoencoder: In evaluation mode, on the device of the subjects.
        subjects: The analysed networks, one at least, by their names.
        layers: Layers of each, by the same names.
        rows: Rows of the images, two at least, (images,).

    Raises:
        ConfigError: If images are of another size, a layer is none of a network, or there are too
            few images.
    """
    if len(rows) < 2:
        raise ConfigError(
            f"The autoencoder is judged by {len(rows)} images. Allowed: 2 or more, which it was "
            "not trained on. Raise dataset.validation_fraction."
        )
    first = next(iter(subjects.values()))
    found = {
        name: _faithfulness(autoencoder, subject, layers[name], rows)
        for name, subject in subjects.items()
    }
    return AutoencoderCard(len(rows), **_errors(autoencoder, first, rows), networks=found)


@torch.inference_mode()
def _errors(
    autoencoder: Autoencoder, subject: Subject, rows: NDArray[np.int64]
) -> dict[str, float]:
    (mean,) = _means(subject, rows, lambda images: {"": images}).values()
    found = torch.empty(len(rows), 5, dtype=torch.float64)

    def measure(images: Tensor, part: slice) -> None:
        latents, log_variance = autoencoder.encode(images)
        error = (autoencoder.decode(latents) - images).double().flatten(1)
        apart = (images - mean).flatten(1)
        columns = [error.abs().mean(1), (error**2).mean(1), (apart**2).mean(1)]
        columns += [divergence(latents, log_variance), (log_variance / 2).exp().mean(1)]
        found[part] = torch.stack([column.double() for column in columns], dim=1).cpu()

    subject.over(rows, measure)
    absolute, squared, variance, nats, noise = found.mean(dim=0).tolist()
    return {
        "absolute": absolute,
        "squared": squared,
        "explained": 1 - squared / variance if variance else float("nan"),
        "divergence": nats,
        "noise": noise,
    }


@torch.inference_mode()
def _faithfulness(
    autoencoder: Autoencoder, subject: Subject, layers: Sequence[str], rows: NDArray[np.int64]
) -> Faithfulness:
    tap = subject.tap([*dict.fromkeys([*layers, "logits"])])
    centres = _means(subject, rows, tap)
    same = torch.empty(len(rows), dtype=torch.float64)
    cosines = {layer: torch.empty(len(rows), dtype=torch.float64) for layer in layers}

    def compare(images: Tensor, part: slice) -> None:
        there, made = tap(images), tap(autoencoder(images))
        same[part] = (there["logits"].argmax(1) == made["logits"].argmax(1)).double().cpu()
        for layer, cosine in cosines.items():
            cosine[part] = _cosine(there[layer], made[layer], centres[layer]).cpu()

    subject.over(rows, compare)
    cosine = {layer: float(found.nanmean()) for layer, found in cosines.items()}
    return Faithfulness(float(same.mean()), cosine)


def _means(
    subject: Subject, rows: NDArray[np.int64], see: Callable[[Tensor], Mapping[str, Tensor]]
) -> dict[str, Tensor]:
    """Return the mean over images of everything that is seen in them, float64."""
    sums: dict[str, Tensor] = {}

    def add(images: Tensor, _part: slice) -> None:
        # All that may run out of memory comes first: a batch is added once, or not at all.
        seen = {name: x.double().sum(dim=0) for name, x in see(images).items()}
        sums.update({name: sums.get(name, 0) + x for name, x in seen.items()})

    subject.over(rows, add)
    return {name: x / len(rows) for name, x in sums.items()}


def _cosine(one: Tensor, other: Tensor, centre: Tensor) -> Tensor:
    """Return centred cosines, (batch,) float64; NaN where a length is that of roundings."""
    one, other = ((x - centre).flatten(1) for x in (one, other))
    lengths = [x.norm(dim=1) for x in (one, other)]
    cosine: Tensor = (one * other).sum(dim=1) / (lengths[0] * lengths[1])
    cosine[torch.minimum(*lengths) <= RESOLUTION * centre.norm()] = torch.nan
    return cosine
