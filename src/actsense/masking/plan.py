"""Which activations are scaled, by how much, and under which inputs the network is then tried.

A *plan* says what is masked in the network, a *condition* is a plan and an input. Rules:

    none       nothing
    top        the units, or channels, that rank highest in the map of a value and a factor
    random     as many, drawn
    magnitude  as many of the largest root mean square response
    permuted   those that rank highest when the positions of the map are permuted
    least      as many that rank lowest
    mean       those of `top`, replaced by their mean response instead of scaled

And, if asked for, *soft* rules, without scale or fraction: every activation is multiplied by a
number of its own.

    soft            its index S, between 0 and 1; 0 where it is dead, rare or undefined
    inverse         1 - S
    soft_permuted   the S of another position, as in `permuted`
    inverse_permuted
"""

__all__ = [
    "COORDINATES",
    "SOFT",
    "TOGETHER",
    "Condition",
    "MaskPlan",
    "conditions",
    "mask_parts",
    "settings_in_force",
    "work",
]

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product, repeat
from math import ceil
from typing import Any

from actsense.masking.defaults import lowered
from actsense.masking.settings import Masking
from actsense.sampling.designs import ORIGINAL
from actsense.sampling.plan import SampledDesign
from actsense.work import Facts, Work, store_files, table_files

TOGETHER = "together"
GUIDED = ("top", "permuted", "least")  # rules that scale by the map of a value and a factor
SOFT = ("soft", "inverse", "soft_permuted", "inverse_permuted")
# Rules of the first place that see every input; and those whose predictions are kept.
EVERYWHERE = ("top", "random", "magnitude", "soft", "inverse")
KEPT = ("top", "soft", "inverse")
# What a masking store says of every condition.
COORDINATES = (
    *("input", "value", "factor", "rule", "scale", "fraction", "level", "layers", "draw"),
    "first_place",
)

ARRAYS = 44  # with labels of conditions, and of predictions
LABEL_BYTES = 200  # of a condition
OUTCOME_BYTES = 16  # of an image under a condition: those five, and how far they diverge
PREDICTION_BYTES = 2 * 5  # of an image: the five classes that are predicted first
PROFILES = 5  # tables: effects, profiles, clusters, linkage, trees
FIGURES = 6  # controls, effects, layers, profiles, trees, recall; and a folder of curves


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
    def keeps_predictions(self) -> bool:
        """Whether what the network predicts is kept image by image."""
        plan, own = self.plan, (ORIGINAL, self.plan.factor)
        return plan.rule == "none" or (self.first and plan.rule in KEPT and self.input in own)

    @property
    def coordinates(self) -> dict[str, Any]:
        """One of each of `COORDINATES`; NaN where the plan has no number."""
        own = {"input": self.input, "first_place": self.first} | vars(self.plan)
        return {name: float("nan") if own[name] is None else own[name] for name in COORDINATES}


def conditions(
    settings: Masking,
    *,
    augmentations: Sequence[str],
    factors: Sequence[str],
    map_layers: Sequence[str],
) -> Iterator[Condition]:
    """Yield every condition of a design.

    The unmasked network sees every input. So do, in the first place (the first of the levels
    with the first of `together` and `each`), the rules of `EVERYWHERE`; all other rules see the
    original and, if their factor is an augmentation, that one. In the other places those of
    `KEPT` see these two, and their controls see the original alone. Where `each` is first,
    the first place holds every layer alone.

    Arguments:
        settings: The section `masking` of the configuration.
        augmentations: Those of the design.
        factors: All factors of the design.
        map_layers: Names of the layers that can be masked.
    """
    inputs = (ORIGINAL, *augmentations)
    chosen = augmentations if settings.factors == "augmentations" else factors
    for name in inputs:
        yield Condition(name, MaskPlan("none"), first=True)
    first = True
    for level, which in product(settings.levels, settings.layers):
        for layers in (TOGETHER,) if which == TOGETHER else map_layers:
            for plan in _plans(settings, chosen, level, layers):
                for name in _inputs(plan, inputs, first):
                    yield Condition(name, plan, first)
        first = False


def settings_in_force(facts: Facts, network: str, design: str) -> Masking:
    """Return the section `masking` with the defaults that a network and a design can afford.

    Arguments:
        facts: What is known of the study.
        network: Name of the network.
        design: Name of the design.
    """
    counted = SampledDesign.of(facts.settings, network, design, facts.networks[network])

    repeats = _repeats(facts, design)

    def listed(masking: Masking) -> Iterator[Condition]:
        for condition in _listed(masking, facts, network, design):
            yield from repeat(condition, masking.draws if repeats[condition.input] else 1)

    return lowered(facts.settings.masking, listed, counted.design.evaluations)


def mask_parts(facts: Facts, network: str, design: str) -> int:
    """Return into how many jobs the masks of a network and a design are cut; 0 if one makes all.

    Arguments:
        facts: What is known of the study.
        network: Name of the network.
        design: Name of the design.
    """
    facts = facts.settled
    masking = settings_in_force(facts, network, design)
    shown = _shown(masking, facts, design, _listed(masking, facts, network, design))
    parts = facts.jobs(network, shown * facts.validation(masking.images))
    return parts if parts > 1 else 0


def work(facts: Facts) -> list[Work]:
    """Return what masked networks take, for every network and design."""
    return [own for names in facts.runs for own in _run(facts, *names)]


def _listed(masking: Masking, facts: Facts, network: str, design: str) -> Iterator[Condition]:
    described = facts.settings.designs[design]
    maps = range(len(facts.networks[network].maps))
    return conditions(
        masking,
        augmentations=described.augmentations,
        factors=described.factors,
        map_layers=[*map(str, maps)],
    )


def _repeats(facts: Facts, design: str) -> dict[str, bool]:
    """Return which inputs are drawn: those of augmentations with parameters, as far as known."""
    names = facts.settings.designs[design].augmentations
    drawn = facts.drawn.get(design, (1,) * len(names))
    return {ORIGINAL: False} | {
        name: bool(count) for name, count in zip(names, drawn, strict=True)
    }


def _shown(masking: Masking, facts: Facts, design: str, listed: Iterable[Condition]) -> int:
    """Return how often an image is shown to masked networks."""
    repeats = _repeats(facts, design)
    return sum(masking.draws if repeats[condition.input] else 1 for condition in listed)


def _run(facts: Facts, network: str, design: str) -> list[Work]:
    masking, own = settings_in_force(facts, network, design), facts.networks[network]
    names = facts.settings.designs[design].factors
    listed = list(_listed(masking, facts, network, design))
    images, kept = facts.validation(masking.images), sum(c.keeps_predictions for c in listed)
    repeats = _repeats(facts, design)
    # Of three indices with two controls, the random masks, and multipliers, twice if by channel.
    # A soft mask is kept itself, on the host and on the device, and so is its control.
    ranks = 2 * 4 * ((6 + 12 * masking.soft) * len(names) + 25) * own.units
    # Those of further draws are held of one input at a time.
    drawn = Counter(c.input for c in listed if repeats[c.input])
    further = (masking.draws - 1) * max(drawn.values(), default=0)
    outcomes = OUTCOME_BYTES * (len(listed) + further) * images
    numbers = 4 * (20 + 4 * facts.classes + masking.bootstrap)
    run, there = (network, design), int(facts.analysed(network, design))
    parts, shown = mask_parts(facts, network, design), _shown(masking, facts, design, listed)
    whole = Work(
        *("evaluate_masks", *run, there),
        passes=shown * images,
        longest=shown * images,
        holds=(ranks + outcomes) / 1e6,
        kept=len(listed) * (LABEL_BYTES + numbers) + kept * images * PREDICTION_BYTES,
        files=store_files(ARRAYS, groups=2) + table_files(1),
    )
    part = replace(
        whole,
        rule="mask_part",
        jobs=parts * there,
        longest=ceil(whole.passes / max(1, parts)) + facts.batch(network),
        holds=(ranks + 2 * outcomes / max(1, parts)) / 1e6,
        kept=0,
        dropped=OUTCOME_BYTES * shown * images,
        files=0,
        files_dropped=parts,
    )
    if parts:  # what is left: images may be labelled by what the unmasked network says of them
        whole = replace(whole, passes=images, longest=images)
    return [
        part,
        whole,
        Work(*("profile_masks", *run, there), files=table_files(PROFILES)),
        Work(*("plot_masking", *run, there), files=FIGURES + 1 + len(masking.values)),
    ]


def _plans(
    settings: Masking, factors: Sequence[str], level: str, layers: str
) -> Iterator[MaskPlan]:
    place = partial(MaskPlan, level=level, layers=layers)
    guides = list(product(settings.values, factors))
    for scale, fraction in product(settings.scales, settings.fractions):
        scaled = partial(place, scale=float(scale), fraction=float(fraction))
        for rule, (value, factor) in product(GUIDED, guides):
            yield scaled(rule, value=value, factor=factor)
        for draw in range(settings.random_masks):
            yield scaled("random", draw=draw)
        yield scaled("magnitude")
    for fraction, (value, factor) in product(settings.fractions, guides):
        yield place("mean", value=value, factor=factor, fraction=float(fraction))
    for rule, (value, factor) in product(SOFT if settings.soft else (), guides):
        yield place(rule, value=value, factor=factor)


def _inputs(plan: MaskPlan, inputs: Sequence[str], first: bool) -> Sequence[str]:
    if first and plan.rule in EVERYWHERE:
        return inputs
    alone = (ORIGINAL,)
    return (
        (*alone, plan.factor) if (first or plan.rule in KEPT) and plan.factor in inputs else alone
    )
