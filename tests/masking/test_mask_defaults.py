"""Defaults that follow their cost: what is stated stands, what is not fits or is the least."""

from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actsense.masking.defaults import LEAST, STEPS, lowered
from actsense.masking.settings import Masking

STATED: dict[str, Any] = {
    "images": 300,
    "values": ("S1", "ST"),
    "factors": "all",
    "fractions": (0.9, 0.2),
    "scales": (0, 2.0),
    "levels": ("channel",),
    "layers": ("each",),
    "random_masks": 7,
}


def listed(masking: Masking) -> range:
    """Stand for the conditions of a network of three layers, as products have them."""
    lengths = map(len, (masking.values, masking.fractions, masking.scales, masking.levels))
    places = ("together" in masking.layers) + 3 * ("each" in masking.layers)
    guides = 7 if masking.factors == "all" else 4
    return range(prod(lengths) * places * (guides + masking.random_masks))


@given(
    passes=st.one_of(st.integers(1, 10**5), st.integers(10**5, 10**8)),
    names=st.sets(st.sampled_from(sorted(STATED))),
)
def test_what_is_stated_stands_and_the_rest_fits(passes: int, names: set[str]) -> None:
    stated = {name: STATED[name] for name in names}
    found = lowered(Masking(**stated), listed, passes)
    assert {name: getattr(found, name) for name in names} == stated
    least = Masking(**{"images": LEAST} | {k: v for s in STEPS for k, v in s.items()} | stated)
    taken = len(listed(found)) * found.images
    assert taken <= max(passes, len(listed(least)) * least.images)


def test_nothing_is_lowered_where_all_of_it_fits() -> None:
    masking = Masking()
    needed = len(listed(masking)) * masking.images
    assert lowered(masking, listed, needed) == masking
    assert lowered(masking, listed, needed - 1).images == masking.images - 1


@pytest.mark.parametrize("passes", [1, 10**4, 10**5, 10**6, 10**7])
def test_a_larger_design_never_masks_less(passes: int) -> None:
    small, large = (lowered(Masking(), listed, most) for most in (passes, 10 * passes))
    taken = [len(listed(found)) * found.images for found in (small, large)]
    assert taken[0] <= taken[1]
    assert {*small.fractions} <= {*large.fractions}
    assert {*small.layers} <= {*large.layers}
