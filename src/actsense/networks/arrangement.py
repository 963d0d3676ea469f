"""Which axes of a module's output are channels and positions, and the way there and back.

A layer is recorded as (channel, row, col). Modules return

    channels_first   (batch, channel, row, col)
    channels_last    (batch, row, col, channel)
    tokens           (batch, tokens, channel): one token per position, row by row, behind a few
                     that have none (class and register tokens), which are no part of the layer
    other            anything else, recorded as it is

Positions are the axes that grow with the image. Where a network takes images of one size only,
maps of square images are square.
"""

__all__ = ["Arrangement", "arrange", "edited", "in_doubt", "recorded", "returned"]

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt, prod

import torch
from torch import Tensor, nn

from actsense.layers import Layer
from actsense.networks.trace import Call

FIRST, LAST, TOKENS, OTHER = "channels_first", "channels_last", "tokens", "other"
CUBE = "cube"  # three axes as long as each other
MAP_AXES, TOKEN_AXES = 3, 2
WITHOUT_PLACE = 16  # tokens without a position, at most
REORDERED = ("Hiera",)  # networks whose tokens do not lie row by row

Shape = tuple[int, ...]
Sizes = dict[str, Shape]


@dataclass(frozen=True)
class Arrangement:
    """How a module's output is recorded.

    Attributes:
        layout: One of those above; `other` for three axes if which is the channel cannot be told.
        shape: Of one image's activations, as recorded.
    """

    layout: str
    shape: Shape

    @property
    def is_map(self) -> bool:
        """Tell whether there are channels and positions."""
        return self.layout in (FIRST, LAST, TOKENS) and len(self.shape) == MAP_AXES

    @property
    def is_told(self) -> bool:
        """Tell whether the axes are known, or have no names."""
        return self.layout != OTHER or len(self.shape) != MAP_AXES

    @property
    def is_vector(self) -> bool:
        """Tell whether there is but one axis that is longer than one."""
        return max(self.shape, default=0) == prod(self.shape)


def arrange(
    calls: Sequence[Call], larger: Sequence[Call], network: str, said: str
) -> dict[str, Arrangement]:
    """Find out how the outputs of modules are arranged.

    Arguments:
        calls: Runs with outputs that can be recorded, one of each module.
        larger: Runs of the same network for images of twice the side, as far as it got.
        network: Name of the network's class.
        said: `channels_first` or `channels_last` where the sizes do not tell, or `auto`.

    Returns:
        The arrangements by name.
    """
    sizes = {call.name: call.shape[1:] for call in calls if call.shape}
    grown = {call.name: call.shape[1:] for call in larger if call.shape}
    tokens = {
        (shape[0], grown[name][0] if name in grown else 0)
        for name, shape in sizes.items()
        if len(shape) == TOKEN_AXES
    }
    layouts = {
        name: _map_layout(shape, grown.get(name), tokens)
        for name, shape in sizes.items()
        if len(shape) == MAP_AXES
    }
    for call in calls:  # attention of channels to channels is square, too, at any size of image
        same = call.name in layouts and grown.get(call.name) == sizes[call.name]
        if same and _may_be_shares(call):
            layouts[call.name] = OTHER
    known = {layout for layout in layouts.values() if layout not in (CUBE, OTHER)}
    usual = known.pop() if len(known) == 1 else OTHER
    guesses = {CUBE: usual, OTHER: OTHER} if said == "auto" else {CUBE: said, OTHER: said}
    found = {
        name: Arrangement(own := guesses.get(layout, layout), _moved(sizes[name], own))
        for name, layout in layouts.items()
    }
    grids = _grids(found, grown) if network not in REORDERED else {}
    return {
        name: found.get(name) or _flat(shape, grown.get(name), grids)
        for name, shape in sizes.items()
    }


def in_doubt(calls: Sequence[Call], wanted: Collection[str]) -> bool:
    """Tell whether shapes for images of one size leave open what is a channel.

    Arguments:
        calls: Runs with outputs that can be recorded.
        wanted: Names of those that will be; empty for those that `auto` may take.
    """
    shapes = [call.shape[1:] for call in calls if call.shape]
    if any(len(shape) == TOKEN_AXES for shape in shapes):
        return True  # and attention of tokens to tokens may look like a map
    looked_at = [call for call in calls if not wanted or call.name in wanted]
    return any(
        not _is_plain(call.shape[1:]) or (bool(wanted) and _may_be_shares(call))
        for call in looked_at
        if call.shape and len(call.shape) == 1 + MAP_AXES
    )


def recorded(layer: Layer, output: Tensor) -> Tensor:
    """Return a module's output as it is recorded, (batch, *shape of the layer); a view.

    An output that cannot be the layer's is returned as it is.
    """
    if layer.layout == LAST and output.ndim == 1 + MAP_AXES:
        return output.movedim(3, 1)
    if layer.layout == TOKENS and output.ndim == 1 + TOKEN_AXES:
        _, rows, cols = layer.shape
        if output.shape[1] >= rows * cols:
            return output[:, -rows * cols :].mT.reshape(len(output), -1, rows, cols)
    return output


def edited(layer: Layer, output: Tensor, edit: Callable[[Tensor], Tensor]) -> Tensor:
    """Return a module's output after an edit of what is recorded of it.

    Arguments:
        layer: The layer.
        output: The output, as the module returns it.
        edit: From what is recorded, (batch, channel, row, col), to the same; it may return more
            rows of the batch.
    """
    changed = returned(layer, edit(recorded(layer, output)))
    if layer.layout == TOKENS:
        rest = output[:, : output.shape[1] - changed.shape[1]]
        return torch.cat([rest.repeat(len(changed) // len(rest), 1, 1), changed], dim=1)
    return changed


def returned(layer: Layer, activations: Tensor) -> Tensor:
    """Return what is recorded, (batch, channel, row, col), as the module returns it.

    Of tokens, those that have positions; a view.
    """
    if layer.layout == LAST:
        return activations.movedim(1, 3)
    return activations.flatten(2).mT if layer.layout == TOKENS else activations


def _is_plain(shape: Shape) -> bool:
    return shape[1] == shape[2] and (shape[0] != shape[1] or prod(shape) == 1)


def _may_be_shares(call: Call) -> bool:
    """Tell whether a module may return what attention shares out."""
    return call.hands_on or isinstance(call.module, nn.Softmax)


def _map_layout(shape: Shape, grown: Shape | None, tokens: set[tuple[int, int]]) -> str:
    """Return the layout of three axes; `OTHER` if they are no map's."""
    first, middle, last = shape
    if grown is not None and len(grown) == MAP_AXES and grown != shape:
        axes = list(zip(shape, grown, strict=True))
        if tokens.intersection(axes):  # attention of tokens to tokens is square, too
            return OTHER
        match [new > old for old, new in axes]:
            case [False, True, True]:
                return FIRST
            case [True, True, False]:
                return LAST
        return OTHER
    if first == middle == last > 1:
        return CUBE
    if last > 1 and any(last == count for count, _ in tokens):
        return OTHER
    if middle == last:
        return FIRST
    return LAST if first == middle else OTHER


def _moved(shape: Shape, layout: str) -> Shape:
    return (shape[2], *shape[:2]) if layout == LAST else shape


def _grids(found: Mapping[str, Arrangement], grown: Sizes) -> dict[int, int]:
    """Return the sides of maps, and what they are for images of twice the side, 0 if unknown."""
    grids: dict[int, int] = {}
    for name, own in found.items():
        _, rows, cols = own.shape
        if own.is_map and rows == cols > 1:
            later = _moved(grown[name], own.layout)[1] if name in grown else 0
            grids[rows] = max(later, grids.get(rows, 0))
    return grids


def _flat(shape: Shape, grown: Shape | None, grids: Mapping[int, int]) -> Arrangement:
    """Arrange an output without rows and columns: tokens, if there is one per position."""
    as_it_is = Arrangement(OTHER, shape)
    if len(shape) != TOKEN_AXES:
        return as_it_is
    tokens, channels = shape
    if grown is None or len(grown) != TOKEN_AXES:
        # Where a network shrinks its tokens, it halves the sides.
        halves = {-(-own // part) for own in grids for part in (2, 4, 8)}
        exact = {own for own in halves if own**2 == tokens > 1}
        side = max((own for own in grids if _fits(tokens, own)), default=max(exact, default=0))
        if not side or any(channels - own**2 in (0, 1) for own in grids):
            return as_it_is
    elif grown[0] > tokens and grown[1] == channels:
        side = _side(tokens, grown[0], grids)
    else:
        return as_it_is
    return Arrangement(TOKENS, (channels, side, side)) if side else as_it_is


def _fits(tokens: int, side: int) -> bool:
    return 0 <= tokens - side**2 <= WITHOUT_PLACE


def _side(tokens: int, grown: int, grids: Mapping[int, int]) -> int:
    """Return the side of the grid that so many tokens, and so many of a larger image, lie on."""
    for side in sorted(grids, reverse=True):
        if _fits(tokens, side) and tokens - side**2 == grown - grids[side] ** 2:
            return side
    # Patches that were cut out by hand: twice the side has four times the positions.
    places, rest = divmod(grown - tokens, 3)
    side = isqrt(places)
    return side if not rest and side**2 == places and _fits(tokens, side) else 0
