"""The search for weights of regions against the published loop, and a layer of published size."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import torch
from torch import Tensor
from torch.nn import functional

from actsense.attribution.anchors import Anchors
from actsense.attribution.region_weights import (
    KAPPA_P,
    MOST,
    TOLERANCE,
    log_resemblance,
    region_weights,
    sharpness,
)
from actsense.attribution.regions import other_images
from benchmarks.measure import Measurement, interleaved, seconds

REPOSITORY = Path(__file__).parents[1]
SMALL = (60, 64, 49)  # images, channels, regions
LARGE = (500, 512, 196)
CLASSES, OTHERS = 5, 100
PUBLISHED_STEPS, RATE, MOMENTUM, DECAY = 20, 0.05, 0.9, 5e-4
TIMED = 2  # images of the published loop
SWEPT = 8  # images of the large layer
GIGABYTE = 1e9


def measurements() -> Iterator[Measurement]:
    """Time both searches in turn, and a sweep of the large layer in a process of its own."""
    yield _speed()
    command = [sys.executable, "-m", "benchmarks.region_weights"]
    peak, taken = map(float, subprocess.check_output(command, text=True, cwd=REPOSITORY).split())
    images, channels, regions = LARGE
    measured = (
        f"{images} images, {channels} channels, {regions} regions, {OTHERS} others; "
        f"{SWEPT} images were timed"
    )
    yield Measurement(
        *("region_weights_sweep", taken, 120, 60, "s"),
        f"matches twice, gradients and a step of both weights: {measured}, and scaled",
    )
    yield Measurement(
        *("region_weights_memory", peak, 3, 2, "GB"), f"peak resident memory: {measured}"
    )


def made_layer(size: tuple[int, int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Return features of which three regions an image tell its class, probabilities, others."""
    images, channels, regions = size
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(images) % CLASSES
    features = torch.rand(images, channels, regions, generator=generator)
    own = functional.one_hot(labels, channels).float() * channels / 16
    features[:, :, :3] += own[:, :, None]
    logits = 8 * functional.one_hot(labels, CLASSES).float()
    logits += torch.randn(images, CLASSES, generator=generator)
    return features, logits.softmax(dim=1), other_images(torch.arange(images), OTHERS, seed=0)


def published_search(
    features: Tensor,
    outputs: Tensor,
    others: Tensor,
    images: Sequence[int],
    *,
    kappa_m: float,
    steps: int = PUBLISHED_STEPS,
) -> tuple[Tensor, Tensor, Tensor]:
    """Find weights as published: one image and one other at a time, (channels, regions, regions).

    Arguments:
        features: Features of the images' regions, (images, channels, regions).
        outputs: What the network says of them, (images, classes).
        others: Rows that every image is compared with, (images, others).
        images: Those whose weights are looked for.
        kappa_m: How sharply images are told apart by features.
        steps: Steps of gradient descent for each.

    Returns:
        w, (images, regions), v, (images, channels), of all, and the last losses of those asked
        for, nats.
    """
    unit, said = functional.normalize(features, dim=1), functional.normalize(outputs, dim=1)
    w, v = (
        torch.full((len(features), size), 1 / size, dtype=features.dtype, requires_grad=True)
        for size in (features.shape[2], features.shape[1])
    )
    descent = torch.optim.SGD([w, v], lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    losses = []
    for image in images:
        compared = others[image].tolist()
        target = (KAPPA_P * said[compared] @ said[image]).softmax(dim=0)
        for _ in range(steps):
            loss = _published_loss(unit, target, w[image], v[image], image, compared, kappa_m)
            descent.zero_grad()
            loss.backward()
            descent.step()
            with torch.no_grad():
                for weights in (w, v):
                    weights.abs_()
                    weights /= weights.sum(dim=1, keepdim=True)
        with torch.no_grad():
            found = _published_loss(unit, target, w[image], v[image], image, compared, kappa_m)
        losses.append(found)
    return w.detach(), v.detach(), torch.stack(losses)


def _published_loss(
    unit: Tensor,
    target: Tensor,
    w: Tensor,
    v: Tensor,
    image: int,
    compared: list[int],
    kappa_m: float,
) -> Tensor:
    similarities = []
    for other in compared:
        products = v[:, None, None] * unit[image][:, :, None] * unit[other][:, None, :]
        similarities.append(products.sum(dim=0).max(dim=1).values)
    by_region = (kappa_m * torch.stack(similarities)).log_softmax(dim=0)  # (others, regions)
    estimate = (by_region @ w).log_softmax(dim=0)  # a product of powers, normalised again
    return (target * (target.log() - estimate)).sum()


def _speed() -> Measurement:
    features, outputs, others = made_layer(SMALL)
    kappa_m, found = sharpness(SMALL[1]), {}

    def own() -> None:
        found["own"] = region_weights(
            features, outputs, others, kappa_m=kappa_m, steps=MOST, tolerance=TOLERANCE
        )

    def published() -> None:
        found["published"] = published_search(
            features, outputs, others, range(TIMED), kappa_m=kappa_m
        )

    taken, loop = interleaved(own, published, rounds=3)
    loop *= SMALL[0] / TIMED
    steps = PUBLISHED_STEPS
    equal = seconds(
        lambda: region_weights(features, outputs, others, kappa_m=kappa_m, steps=steps)
    )
    losses = found["own"][2][:TIMED]
    return Measurement(
        "region_weights_over_published",
        loop / taken,
        *(50, 100, "times"),
        f"{SMALL[0]} images, {SMALL[1]} channels, {SMALL[2]} regions: {taken:.2f} s until a step "
        f"wins less than {TOLERANCE:.0%}, loss {losses[:, -1].mean():.3f} of "
        f"{losses[:, 0].mean():.3f} nats; published {loop:.0f} s for {steps} steps, loss "
        f"{found['published'][2].mean():.3f} ({TIMED} images timed, scaled); {steps} of our steps "
        f"{equal:.2f} s, {loop / equal:.0f} times",
        more_is_better=True,
    )


def _sweep() -> tuple[float, float]:
    """Return peak memory in GB and the seconds of a step of all images, from a few of them."""
    torch.set_num_threads(2)
    features, outputs, others = made_layer(LARGE)
    target = log_resemblance(outputs, others)
    unit = functional.normalize(features, dim=1).mT.contiguous()
    anchors = Anchors(unit[:SWEPT], unit, others[:SWEPT], target[:SWEPT], sharpness(LARGE[1]))
    taken = seconds(lambda: anchors.fit(1))
    peak = 1024 * getrusage(RUSAGE_SELF).ru_maxrss / GIGABYTE
    return peak, taken * LARGE[0] / SWEPT


if __name__ == "__main__":
    print(*_sweep())
