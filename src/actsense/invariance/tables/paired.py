"""Estimates of all layers of a network as rows, with what states and next layers differ by.

All estimates of a network come from the same draws of its anchors, so that differences are paired:
what an anchor does to both sides cancels.
"""

__all__ = ["Named", "Row", "Where", "compared", "estimate_rows", "row_of"]

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from actsense.invariance.choices import RANDOM, TRAINED
from actsense.invariance.kept.estimates import Estimate

Row = dict[str, Any]
Where = tuple[str, str]  # state and layer
Named = tuple[str, ...]  # what an estimate is of, such as a measure


def compared(
    measured: Mapping[Where, Mapping[Named, Estimate]],
    limited: Mapping[Where, bool],
    names: Sequence[str],
) -> Iterator[Row]:
    """Yield a row for every estimate, then one for every difference of two.

    Differences are those of a layer, trained weights minus random ones, with the state
    `trained - random`; and in every state those of a layer minus the one before it, with both
    names as the layer. A difference is limited if one of its sides is.

    Arguments:
        measured: Estimates by state and layer, layers in their order.
        limited: Where the autoencoder limits them.
        names: Columns that the parts of an estimate's name go to.
    """
    for where, own in measured.items():
        yield from estimate_rows(where, own, names, limited[where])
    for one, other, where in _pairs(list(measured)):
        first, second = measured[one], measured[other]
        both = {
            name: Estimate(first[name].samples - second[name].samples)
            for name in first
            if name in second
        }
        yield from estimate_rows(where, both, names, limited[one] or limited[other])


def estimate_rows(
    where: Where, own: Mapping[Named, Estimate], names: Sequence[str], limited: bool
) -> Iterator[Row]:
    """Yield a row for every estimate of one layer in one state.

    Arguments:
        where: State and layer.
        own: Its estimates.
        names: Columns that the parts of an estimate's name go to.
        limited: Whether the autoencoder limits them.
    """
    state, layer = where
    for name, estimate in own.items():
        yield {
            **{"state": state, "layer": layer},
            **dict(zip(names, name, strict=True)),
            **row_of(estimate),
            "limited": limited,
        }


def row_of(estimate: Estimate) -> Row:
    """Return columns `value`, `low` and `high`."""
    low, high = estimate.interval
    return {"value": estimate.value, "low": low, "high": high}


def _pairs(known: Sequence[Where]) -> Iterator[tuple[Where, Where, Where]]:
    """Yield what is compared with what, and what the difference is called."""
    for state, layer in known:
        if state == TRAINED and (RANDOM, layer) in known:
            yield (state, layer), (RANDOM, layer), (f"{TRAINED} - {RANDOM}", layer)
    for state in dict.fromkeys(state for state, _ in known):
        layers = [layer for own, layer in known if own == state]
        for before, layer in pairwise(layers):
            yield (state, layer), (state, before), (state, f"{layer} - {before}")
