"""Is a network one fixed function of one image? Tried before anything is measured.

A few images of noise are shown twice, in another order, one of them alone, and to a network that
is built again from its factory and its weights. All that its modules get and return is compared.
"""

__all__ = ["check_function", "differ", "probe_images"]

import itertools
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from actsense.device.precision import arithmetic
from actsense.draws import stream
from actsense.draws.global_state import seeded_globals
from actsense.errors import ConfigError
from actsense.networks.foreign import foreign
from actsense.networks.network import Network, normalise

IMAGES = 3
ALONE = 1  # the image that is shown alone: not the first, which code may compare others with
OTHER = 1729  # seed of what a second build draws
KEPT = 2**14  # numbers of every value and image that are compared, evenly spread
# How far numbers may lie apart: shares of the spread of all, and of the largest. What another size
# of the batch rounds in another way is far below.
SPREAD, LARGEST = 1e-3, 1e-5
RARE = 1e-3  # share of numbers that may lie further apart: near 0, a logarithm enlarges rounding

# What was done, and what is likely where it makes a difference.
MIXED = (
    "an image is normalised with the others of its batch (batch normalisation without running "
    "statistics, means over the first axis). Treat every image by itself"
)
DRAWS = (
    "shown the same images twice",
    "every pass draws something at random (dropout stays on without training=self.training), or "
    "changes what the next one finds. Draw nothing in evaluation mode",
)
COMPANY = ("shown an image alone and in a batch", MIXED)
ORDER = ("shown the same images in another order", MIXED)
OUTSIDE = (
    "built a second time, with the same weights",
    "it holds tensors that its state dict does not (drawn when it is built and kept as plain "
    "attributes), or draws at random. Keep them with register_buffer, or seed what draws them",
)


def check_function(load: Callable[[], Network], side: int) -> Network:
    """Check that a network is a fixed function of one image, and return it.

    Arguments:
        load: Builds the network anew and fills in its weights, on the CPU.
        side: Side of the square images, pixels.

    Raises:
        ConfigError: With the first module, in the order of execution, that is none, or whose
            result is no number, and the likely cause.
    """
    network = load()
    images = normalise(probe_images(IMAGES, side), network.mean, network.std)
    shown = _show(network, images)
    _check_numbers(network, shown)
    _compare(network, shown, _show(network, images), DRAWS)
    alone = _show(network, images[[ALONE]], "its forward, shown one image alone,")
    axes = [_image_axes(*pair) for pair in zip(shown, alone, strict=False)]
    one = _picked(shown, axes, [ALONE])
    _compare(network, one, _picked(alone, axes, [0]), COMPANY, rare=RARE)
    order = list(range(IMAGES))[::-1]
    turned = _picked(_show(network, images[order]), axes, order)
    whole = _picked(shown, axes, slice(None))
    _compare(network, whole, turned, ORDER, rare=RARE)
    with seeded_globals(OTHER):  # what is drawn then differs, as in any other process
        again = load()
    _compare(network, shown, _show(again, images), OUTSIDE)
    return network


def probe_images(count: int, side: int) -> Tensor:
    """Return images of noise, each of another brightness, contrast and colour, the same always.

    Arguments:
        count: How many; fewer are the first of more.
        side: Side of the square images, pixels.

    Returns:
        Shape (count, 3, side, side), float32 in [0, 1].
    """
    images = []
    for number in range(count):
        generator = stream(0, "images that probe a network", number)
        ends = np.sort(generator.random((2, 3, 1, 1)), axis=0)
        images.append(ends[0] + (ends[1] - ends[0]) * generator.random((3, side, side)))
    return torch.from_numpy(np.stack(images).astype(np.float32))


def differ(one: Tensor, other: Tensor, *, rare: float = 0.0) -> bool:
    """Tell whether two tensors differ by more than the rounding of float32.

    Arguments:
        one: Numbers or truth values.
        other: What they are compared with.
        rare: Share of them that may.
    """
    if one.shape != other.shape:
        return True
    one, other = one.double(), other.double()
    finite = one[one.isfinite()]
    if not finite.numel():
        return not torch.equal(one.isnan(), other.isnan())
    bound = SPREAD * finite.std(correction=0) + LARGEST * finite.abs().max()
    # What is infinite or no number in both is alike.
    alike = (one == other) | (one.isnan() & other.isnan()) | ((one - other).abs() <= bound)
    return int((~alike).sum()) > rare * alike.numel()


@dataclass(frozen=True)
class _Moment:
    """What a module got, or returned.

    Arguments:
        name: Its name; empty for the whole network.
        kind: Its class.
        entered: Whether it got it.
        values: Every tensor, (images, numbers) or, where the first axis is not the images,
            (1, numbers).
        by_image: Whether the first axis is the images, of every tensor.
    """

    name: str
    kind: str
    entered: bool
    values: tuple[Tensor, ...]
    by_image: tuple[bool, ...]

    def agrees(self, other: "_Moment", rare: float) -> bool:
        """Tell whether another run of the same module got, or returned, the same."""
        if (self.name, self.entered, len(self.values)) != (
            *(other.name, other.entered, len(other.values)),
        ):
            return False
        pairs = zip(self.values, other.values, strict=True)
        return not any(differ(one, two, rare=rare) for one, two in pairs)


def _image_axes(batch: _Moment, alone: _Moment) -> list[bool]:
    """Tell which values have an axis of images: three of them in a batch, one for one alone."""
    return [all(both) for both in zip(batch.by_image, alone.by_image, strict=False)]


def _picked(
    moments: Sequence[_Moment], axes: Sequence[Sequence[bool]], images: list[int] | slice
) -> list[_Moment]:
    """Take some images, in that order; leave out what has no axis of them."""
    return [
        replace(moment, values=tuple(v[images] for v in itertools.compress(moment.values, own)))
        for moment, own in zip(moments, axes, strict=False)
    ]


def _show(network: Network, images: Tensor, doing: str = "its forward") -> list[_Moment]:
    """Let normalised images pass, and note all that modules get and return, in order."""
    moments: list[_Moment] = []

    def note(name: str, entered: bool, module: nn.Module, *passed: Any) -> None:
        told = passed if entered else passed[-1:]
        held = [leaf for leaf in tree_leaves(told) if _is_plain(leaf)]
        values = tuple(_numbers(tensor, len(images)) for tensor in held)
        by_image = tuple(_has_images(tensor, len(images)) for tensor in held)
        moments.append(_Moment(name, type(module).__name__, entered, values, by_image))

    with ExitStack() as hooks:
        for name, module in network.module.named_modules():
            before, after = partial(note, name, True), partial(note, name, False)
            hooks.callback(module.register_forward_pre_hook(before, with_kwargs=True).remove)
            hooks.callback(module.register_forward_hook(after).remove)
        told = foreign(f"networks.{network.name}: {doing}")
        with torch.inference_mode(), arithmetic("float32", torch.device("cpu")), told:
            network.module(images)
    return moments


def _check_numbers(network: Network, shown: Sequence[_Moment]) -> None:
    """Refuse outputs that nothing can be computed with; minus infinity is a class ruled out."""
    if not any(map(_is_no_number, shown[-1].values)):
        return
    returned = [moment for moment in shown if not moment.entered]
    first = next(moment for moment in returned if any(map(_is_no_number, moment.values)))
    raise ConfigError(
        f"networks.{network.name}: for images of noise its outputs are NaN or infinite, and so "
        f"is, first of all, {_place(first, '')}. Check the weights: a training that diverged "
        "leaves such numbers, in running statistics, too."
    )


def _is_no_number(values: Tensor) -> bool:
    return bool((values.isnan() | values.isposinf()).any())


def _is_plain(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and leaf.layout == torch.strided and not leaf.is_quantized


def _has_images(tensor: Tensor, images: int) -> bool:
    return tensor.ndim > 0 and len(tensor) == images


def _numbers(tensor: Tensor, images: int) -> Tensor:
    """Copy some numbers of every image, before an operation in place can change them."""
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    flat = tensor.reshape(images if _has_images(tensor, images) else 1, -1)
    return flat[:, :: max(1, flat.shape[1] // KEPT)].clone()


def _compare(
    network: Network,
    one: Sequence[_Moment],
    other: Sequence[_Moment],
    told: tuple[str, str],
    *,
    rare: float = 0.0,
) -> None:
    doing, cause = told
    behind = ""
    for first, second in itertools.zip_longest(one, other):
        if first is None or second is None or not first.agrees(second, rare):
            place = _place(first or second, behind)
            raise ConfigError(
                f"networks.{network.name}: it is not a fixed function of one image: {doing}, "
                f"{place} differs. Likely, {cause}."
            )
        if not first.entered:
            behind = first.name or behind


def _place(moment: _Moment, behind: str) -> str:
    after = f", behind {behind!r}," if behind else ""
    if not moment.name:
        return f"what {moment.kind} {'gets' if moment.entered else 'returns'}{after}"
    if moment.entered:
        return f"what layer {moment.name!r} ({moment.kind}) gets{after}"
    return f"the output of layer {moment.name!r} ({moment.kind})"
