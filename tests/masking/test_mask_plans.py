"""Which conditions there are, counted and listed."""

import subprocess
import sys
from typing import Any

import pytest

from actsense.masking.plan import (
    Condition,
    MaskPlan,
    conditions,
)
from actsense.masking.settings import Masking
from actsense.sampling.designs import ORIGINAL

AUGMENTATIONS, FACTORS = ("hue", "rolling"), ("hue", "rolling", "order", "class", "image")
LAYERS = ("first", "second", "third")
BOTH = {"levels": ["activation", "channel"], "layers": ["together", "each"]}


def settings(**changes: Any) -> Masking:
    usual = Masking(
        values=("S1", "ST"),
        fractions=(0.5, 0.3, 0.1),
        scales=(0, 1.5),
        levels=("activation",),
        layers=("together",),
        random_masks=4,
    )
    return usual.replaced(**changes)


def listed(**changes: Any) -> list[Condition]:
    return list(
        conditions(
            settings(**changes), augmentations=AUGMENTATIONS, factors=FACTORS, map_layers=LAYERS
        )
    )


@pytest.mark.parametrize(("factors", "chosen"), [("all", 5), ("augmentations", 2)])
@pytest.mark.parametrize(("places", "others"), [({}, 0), (BOTH, 1 + 3 + 3)])
def test_the_count_is_the_closed_form(
    factors: str, chosen: int, places: dict[str, Any], others: int
) -> None:
    """Two values, two scales, three fractions, four draws, two augmentations."""
    inputs, masks = 1 + 2, 2 * 3
    own = 2 * (chosen + 2)  # values times: every factor's original, and two augmentations
    first = masks * inputs * (2 * chosen + 4 + 1) + 2 * masks * own + 3 * own
    other = masks * (own + 2 * 2 * chosen + 4 + 1) + 3 * 2 * chosen
    expected = inputs + first + others * other
    assert len(listed(factors=factors, **places)) == expected


def test_no_condition_occurs_twice() -> None:
    found = listed(**BOTH)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("control", ["random", "magnitude"])
def test_every_mask_of_the_first_place_has_controls_of_its_size_and_input(control: str) -> None:
    found = listed(**BOTH)
    size = [
        (c.input, c.plan.scale, c.plan.fraction, c.plan.level, c.plan.layers)
        for c in found
        if c.plan.rule == control
    ]
    guided = {
        (c.input, c.plan.scale, c.plan.fraction, c.plan.level, c.plan.layers)
        for c in found
        if c.plan.rule == "top" and (c.plan.level, c.plan.layers) == ("activation", "together")
    }
    assert len(guided) == 3 * 2 * 3
    assert guided <= set(size)


@pytest.mark.parametrize("rule", ["permuted", "least", "mean"])
def test_controls_of_a_map_see_the_original_and_their_own_augmentation(rule: str) -> None:
    seen = {(c.plan.factor, c.input) for c in listed() if c.plan.rule == rule}
    assert seen == {*((f, ORIGINAL) for f in FACTORS), *((a, a) for a in AUGMENTATIONS)}


def test_plans_that_differ_in_size_alone_rank_alike() -> None:
    plan = MaskPlan("top", "S1", "hue", 0.0, 0.5, "activation", "together")
    other = MaskPlan("least", "S1", "hue", 1.5, 0.1, "activation", "first")
    assert plan.ranking == other.ranking
    assert plan.ranking != MaskPlan("top", "ST", "hue", 0.0, 0.5, "activation").ranking


def test_counting_imports_neither_torch_nor_tables() -> None:
    code = (
        "import sys, actsense.masking.plan; "
        "sys.exit(' '.join({'torch', 'pandas', 'xarray'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.strip() == ""
