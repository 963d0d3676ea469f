"""The demos as the page plays them, with PyTorch: plain arrays in, and out.

Imported when the first demo is played, so that other pages do not wait for PyTorch.
"""

__all__ = ["attack", "compare", "film_bytes", "mix", "sample", "translate"]

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, pad

from actsense.explorer.invariance.outcomes import Pair, Played, Sampled
from actsense.invariance.demos.attacks import Attacked, Method, see_attack
from actsense.invariance.demos.clips import Clip, write_gif
from actsense.invariance.demos.mixing import mix_images
from actsense.invariance.demos.opening import DemoSet
from actsense.invariance.demos.representations import show_representations
from actsense.invariance.demos.texture import compare_networks
from actsense.invariance.demos.video import translate_clip
from actsense.invariance.kept.maps import Maps

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Units = NDArray[np.float32]
WIDTH = 160  # pixels of an image in a film, at least
GAP = 8  # pixels between the images of a film


def sample(
    demos: DemoSet,
    layer: str,
    images: Units,
    rows: Integers,
    *,
    samples: int,
    temperature: float,
    seed: int,
) -> Sampled:
    """Sample what a layer does not tell apart from the first image; others are to compare with."""
    shown = show_representations(
        *(demos.view(layer), torch.from_numpy(images)),
        samples=samples,
        seed=seed,
        temperature=temperature,
        bootstrap=1,
        rows=rows,
        shown=1,
    )
    own, ceiling = shown.likeness, shown.likeness_reconstructed
    maps = Maps.of(shown.samples)
    return Sampled(
        *(_bytes(shown.images)[0], _bytes(shown.reconstructed)[0], _bytes(shown.samples)[0]),
        *(_bytes(torch.from_numpy(maps.mean))[0], maps.variance[0]),
        *(int(shown.predicted[0]), shown.predicted_samples[0].numpy()),
        *(float(own.centred[0]), float(own.cosine_floor[0]), float(ceiling.centred[0])),
        *(float(own.agreement[0]), float(own.agreement_floor[0]), float(ceiling.agreement[0])),
    )


def attack(
    demos: DemoSet,
    layer: str,
    image: Units,
    row: Integers,
    *,
    method: Method,
    epsilon: float,
    target: int | None,
    samples: int,
    seed: int,
) -> Played:
    """Attack one image, (1, 3, side, side), and return all that `see_attack` shows of it."""
    found: Attacked = see_attack(
        *(demos.view(layer), torch.from_numpy(image)),
        method=method,
        epsilon=epsilon,
        target=target,
        samples=samples,
        seed=seed,
        rows=row,
    )
    return Played(
        {name: _bytes(getattr(found, name))[0] for name in found.predicted},
        {name: said[0].numpy() for name, said in found.predicted.items()},
    )


def mix(demos: DemoSet, layer: str, images: Units) -> Played:
    """Mix images with each other: `images`, and `mixed`, (images, images, 3, side, side)."""
    found = mix_images(demos.view(layer), torch.from_numpy(images))
    return Played(
        {"images": _bytes(found.images), "mixed": _bytes(found.mixed)},
        {"images": found.predicted.numpy(), "mixed": found.predicted_mixed.numpy()},
    )


def translate(demos: DemoSet, layer: str, clip: Clip, image: Units) -> Played:
    """Let one image, (3, side, side), move like a clip: `frames`, `images` and `reference`."""
    found = translate_clip(demos.view(layer), clip, torch.from_numpy(image))
    return Played(
        {
            **{"frames": _bytes(found.frames), "images": _bytes(found.images)},
            "reference": _bytes(found.reference),
        },
        {"images": found.predicted.numpy(), "reference": np.array(found.predicted_reference)},
    )


def compare(
    demos: Sequence[DemoSet],
    layers: Sequence[str],
    images: Units,
    rows: Integers,
    *,
    samples: int,
    seed: int,
) -> Pair:
    """Sample one layer of either of two networks from the same v."""
    first, second = (one.network for one in demos)
    views = {one.network: one.view(layer) for one, layer in zip(demos, layers, strict=True)}
    found = compare_networks(
        views,
        (first, second),
        torch.from_numpy(images),
        samples=samples,
        seed=seed,
        rows=rows,
    )
    return Pair(_bytes(found.samples), found.predicted.numpy(), found.judged.numpy())


def film_bytes(parts: Sequence[Bytes], rate: float) -> bytes:
    """Return a GIF of films side by side, each (frames, 3, side, side), enlarged to be seen.

    Arguments:
        parts: The films, as long as each other.
        rate: Frames per second.
    """
    scale = -(-WIDTH // parts[0].shape[-1])
    large = [
        interpolate(torch.from_numpy(part).float() / 255, scale_factor=scale, mode="nearest")
        for part in parts
    ]
    spaced = [pad(part, (0, GAP), value=1.0) for part in large[:-1]] + large[-1:]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.gif"
        write_gif(torch.cat(spaced, dim=-1), path, rate=rate)
        return path.read_bytes()


def _bytes(images: Tensor) -> Bytes:
    found: Bytes = (images.clamp(0, 1) * 255).round().byte().numpy()
    return found
