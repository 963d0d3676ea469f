"""Which activations are scaled, by how much, and under which inputs the network is then tried.

A *plan* says what is masked in the network, a *condition* is a plan and an input. Rules:

    none       nothing
    top        the units, or channels, that rank highest in the map of a value and a factor
    random     as many, drawn
    magnitude  as many of the largest root mean square response
    permuted   those that rank highest when the positions of the map are permuted
    least      as many that rank lowest
    mean       those of `top`, replaced by their mean response instead of scaled
"""

__all__ = [
    "COORDINATES",
    "TOGETHER",
    "Condition",
    "MaskPlan",
    "conditions",
    "count_conditions",
]

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

from actsense.sampling.designs import ORIGINAL

TOGETHER = "together"
GUIDED = ("top", "permuted", "least")  # rules that scale by the map of a value and a factor
EVERYWHERE = ("top", "random", "magnitude")  # rules of the first place that see every input
# What a masking store says of every condition.
COORDINATES = (
    *("input", "value", "factor", "rule", "scale", "fraction", "level", "layers", "draw"),
    "first_place",
)


@dataclass(frozen=True)
class MaskPlan:
    """What is done to the activations of a network.

    Attributes:
        rule: How they are chosen, see above.
        value: Index whose map chooses, or empty.
        factor: Factor whose map chooses, or empty.
        scale: What they are multiplied by, or None.
        fraction: Share of every masked layer, or None.
        level: `activation` or `channel`, or empty.
        layers: `together` for all layers that have positions, or the one layer, or empty.
        draw: Number of the random mask.
    """

    rule: str
    value: str = ""
    factor: str = ""
    scale: float | None = None
    fraction: float | None = None
    level: str = ""
    layers: str = ""
    draw: int = 0

    @property
    def ranking(self) -> "MaskPlan":
        """What the plan has in common with all plans that rank units like it."""
        rule = "top" if self.rule in ("least", "mean") else self.rule
        return replace(self, rule=rule, scale=None, fraction=None, layers="")


@dataclass(frozen=True)
class Condition:
    """A masked network and what it is shown.

    Attributes:
        input: `original`, or an augmentation alone.
        plan: What is masked.
        first: Whether it is masked in the first place, or not at all; see `conditions`.
    """

    input: str
    plan: MaskPlan
    first: bool

    @property
    def coordinates(self) -> dict[str, Any]:
        """One of each of `COORDINATES`; NaN where the plan has no number."""
        own = {"input": self.input, "first_place": self.first} | vars(self.plan)
        return {name: float("nan") if own[name] is None else own[name] for name in COORDINATES}


def conditions(
    settings: Mapping[str, Any],
    *,
    augmentations: Sequence[str],
    factors: Sequence[str],
    map_layers: Sequence[str],
) -> Iterator[Condition]:
    """Yield every condition of a design.

    The unmasked network sees every input. So do, in the first place (the first of the levels
    with the first of `together` and `each`), the rules `top`, `random` and `magnitude`; all
    other rules see the original and, if their factor is an augmentation, that one. In the other
    places `top` sees these two, and its controls see the original alone. Where `each` is first,
    the first place holds every layer alone.

    Arguments:
        settings: The section `masking` of the configuration.
        augmentations: Those of the design.
        factors: All factors of the design.
        map_layers: Names of the layers that can be masked.
    """
    inputs = (ORIGINAL, *augmentations)
    chosen = augmentations if settings["factors"] == "augmentations" else factors
    for name in inputs:
        yield Condition(name, MaskPlan("none"), first=True)
    first = True
    for level, which in product(settings["levels"], settings["layers"]):
        for layers in (TOGETHER,) if which == TOGETHER else map_layers:
            for plan in _plans(settings, chosen, level, layers):
                for name in _inputs(plan, inputs, first):
                    yield Condition(name, plan, first)
        first = False


def count_conditions(
    settings: Mapping[str, Any],
    *,
    augmentations: Sequence[str],
    factors: Sequence[str],
    map_layers: int,
) -> int:
    """Count what `conditions` yields for so many layers that can be masked."""
    names = [str(layer) for layer in range(map_layers)]
    found = conditions(settings, augmentations=augmentations, factors=factors, map_layers=names)
    return sum(1 for _ in found)


def _plans(
    settings: Mapping[str, Any], factors: Sequence[str], level: str, layers: str
) -> Iterator[MaskPlan]:
    place = partial(MaskPlan, level=level, layers=layers)
    guides = list(product(settings["values"], factors))
    for scale, fraction in product(settings["scales"], settings["fractions"]):
        scaled = partial(place, scale=float(scale), fraction=float(fraction))
        for rule, (value, factor) in product(GUIDED, guides):
            yield scaled(rule, value=value, factor=factor)
        for draw in range(settings["random_masks"]):
            yield scaled("random", draw=draw)
        yield scaled("magnitude")
    for fraction, (value, factor) in product(settings["fractions"], guides):
        yield place("mean", value=value, factor=factor, fraction=float(fraction))


def _inputs(plan: MaskPlan, inputs: Sequence[str], first: bool) -> Sequence[str]:
    if first and plan.rule in EVERYWHERE:
        return inputs
    alone = (ORIGINAL,)
    return (
        (*alone, plan.factor) if (first or plan.rule == "top") and plan.factor in inputs else alone
    )
