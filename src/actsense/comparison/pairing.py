"""What of two studies belongs together: networks, designs, layers, factors; and what is left out.

networks    those of equal name, or as stated
designs     as stated; else of equal name; else, of those left, the one with most augmentations
                in common
layers      of equal name and equal shape
factors     of equal name, where `permutation` is `order`, and `sharpness` `sharpness_const`
contrasts   of the same partition; of both together beside each, where one side has that alone
"""

__all__ = ["ALL", "VALUES", "Pair", "known_layers", "pair_studies"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from actsense.comparison.sides import Key, Side
from actsense.errors import ConfigError, choose
from actsense.inspection import StudyResults

ALL = "all"  # layers, factors, values, where nothing of a run is compared
VALUES = ("S1", "ST", "S2", "shapley", "variance", "contrast")


@dataclass(frozen=True)
class Pair:
    """Two runs beside each other.

    Attributes:
        a: The first one.
        b: The second one.
    """

    a: Side
    b: Side

    @property
    def named(self) -> dict[str, str]:
        """Columns that name the pair in tables."""
        first, second = self.a.run, self.b.run
        return {
            "network": first.network,
            "design": first.design,
            "network_b": second.network,
            "design_b": second.design,
        }

    @property
    def title(self) -> str:
        """The network and design, of both where their names differ."""
        first, second = self.a.run, self.b.run
        pairs = ((first.network, second.network), (first.design, second.design))
        return ", ".join(one if one == other else f"{one} | {other}" for one, other in pairs)

    @cached_property
    def factors(self) -> tuple[str, ...]:
        """Factors that both have, in the order of the first."""
        return tuple(name for name in self.a.factors if name in self.b.factors)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Layers of which both have as many units, in the same shape."""
        return tuple(
            name
            for name in self.a.run.layers
            if name in self.b.run.layers and self.a.shape(name) == self.b.shape(name)
        )

    def meaning(self, factor: str) -> str:
        """Say how a factor of both means something else on either side, "" if it does not."""
        if factor not in ("content", *self.a.content, *self.b.content):
            return ""
        if self.a.content == self.b.content:
            return ""
        told = []
        for name, side in (("A", self.a), ("B", self.b)):
            if factor == "content":
                told.append(f"made of {', '.join(side.content)} in {name}")
            elif factor in side.content:
                before = ", ".join(side.content[: side.content.index(factor)])
                told.append(f"part of content{f', within {before},' if before else ''} in {name}")
            else:
                told.append(f"a factor of its own in {name}")
        return "; ".join(told)

    def meanings(self, key: Key) -> str:
        """Say the same of the factors of a map."""
        told = (self.meaning(factor) for factor in (key.factor, key.factor_2))
        return "; ".join(dict.fromkeys(filter(None, told)))

    def keys(self, layer: str, value: str) -> list[tuple[Key, Key]]:
        """Return the maps of a value that both have of a layer: how each calls them."""
        if any(side.dataset(layer, value) is None for side in (self.a, self.b)):
            return []
        if value == "variance":
            return [(Key(), Key())]
        if value == "contrast":
            both = [n for n in self.a.augmentations(layer) if n in self.b.augmentations(layer)]
            parts = _partitions(self.a.partitions(layer), self.b.partitions(layer))
            return [(Key(n, "", p), Key(n, "", q)) for n in both for p, q in parts]
        if value == "S2":
            pairs = combinations(self.factors, 2)
            held = [(j, k) for j, k in pairs if not (self._inside(j) and self._inside(k))]
            return [(Key(*two), Key(*two)) for two in held]
        return [(Key(name), Key(name)) for name in self.factors]

    def _inside(self, factor: str) -> bool:
        """Tell whether a factor is content or a part of it on either side: no pair of two such."""
        return any(
            side.content and factor in ("content", *side.content) for side in (self.a, self.b)
        )

    @property
    def left_out(self) -> list[dict[str, str]]:
        """What cannot be set beside each other, with the reason."""
        return [
            self.named | {"layer": layer, "factor": factor, "value": value, "reason": reason}
            for layer, factor, value, reason in self._left_out()
        ]

    def _left_out(self) -> list[tuple[str, str, str, str]]:
        found = []
        for name, own, other in (("A", self.a, self.b), ("B", self.b, self.a)):
            alone = f"in {name} alone"
            layers, factors = own.run.layers, own.factors
            found += [(n, ALL, ALL, alone) for n in layers if n not in other.run.layers]
            found += [(ALL, n, ALL, alone) for n in factors if n not in other.factors]
        for layer in self.a.run.layers:
            if layer in self.b.run.layers and layer not in self.layers:
                sizes = (" x ".join(map(str, side.shape(layer))) for side in (self.a, self.b))
                told = "{} units in A, {} in B".format(*sizes)
                found.append((layer, ALL, ALL, f"{told}: no maps are compared"))
        for value in VALUES:
            for name, side in (("A", self.a), ("B", self.b)):
                gone = [n for n in self.layers if side.dataset(n, value) is None]
                whole = gone == [*self.layers]
                found += [(n, ALL, value, f"not in {name}") for n in ([ALL] if whole else gone)]
        return found


def pair_studies(
    a: StudyResults,
    b: StudyResults,
    networks: Mapping[str, str | None] | None = None,
    designs: Mapping[str, str | None] | None = None,
) -> tuple[list[Pair], list[dict[str, str]]]:
    """Return the runs of two studies that stand beside each other, and what has no counterpart.

    Arguments:
        a: The first study.
        b: The second one; it may be the same.
        networks: Those of the first that are compared, with those of the second, or None for
            what is found by the rule; all by the rule if not stated.
        designs: The same for designs.

    Raises:
        ConfigError: If a stated name is not known, or there is nothing to compare.
    """
    pairs, left_out = [], []
    for network, other in _networks(a, b, networks).items():
        first, second = _analysed(a, network), _analysed(b, other)
        for design, partner in _designs(a, b, network, other, designs).items():
            if partner is None:
                left_out.append(_alone(network, design, "no design of B has its augmentations"))
                continue
            gone = [n for n, d, held in (("A", design, first), ("B", partner, second))
                    if d not in held]  # fmt: skip
            if gone:
                left_out.append(_alone(network, design, f"no indices in {' and '.join(gone)}"))
                continue
            pairs.append(Pair(Side(a[network, design]), Side(b[other, partner])))
    if not pairs:
        told = "; ".join(f"{row['network']}, {row['design']}: {row['reason']}" for row in left_out)
        raise ConfigError(
            f"{a.path} and {b.path} have no design in common ({told or 'there are none'}). "
            "Name two that belong together: --design A=B."
        )
    return pairs, left_out + [row for pair in pairs for row in pair.left_out]


def known_layers(study: StudyResults) -> set[str]:
    """Return the names of the layers of all runs of a study."""
    runs = [
        (network, design) for network in study.networks for design in _analysed(study, network)
    ]
    return {name for run in runs for name in study[run].layers}


def _networks(
    a: StudyResults, b: StudyResults, stated: Mapping[str, str | None] | None
) -> dict[str, str]:
    if stated:
        return {
            choose(f"network of {a.path}", one, a.networks): choose(
                f"network of {b.path}", other or one, b.networks
            )
            for one, other in stated.items()
        }
    common = {name: name for name in a.networks if name in b.networks}
    if not common:
        raise ConfigError(
            f"No network has the same name in both: {a.path} has {', '.join(a.networks)}, "
            f"{b.path} {', '.join(b.networks)}. Name two that belong together: --network A=B."
        )
    return common


def _designs(
    a: StudyResults,
    b: StudyResults,
    network: str,
    other: str,
    stated: Mapping[str, str | None] | None,
) -> dict[str, str | None]:
    for design, partner in (stated or {}).items():
        choose(f"design of {network} in {a.path}", design, a.designs(network))
        if partner is not None:
            choose(f"design of {other} in {b.path}", partner, b.designs(other))
    if stated and None not in stated.values():
        return dict(stated)
    own, others = (
        {design: _augmentations(study, name, design) for design in _analysed(study, name)}
        for study, name in ((a, network), (b, other))
    )
    found: dict[str, str | None] = {
        design: design for design in own if design in others and own[design] & others[design]
    }
    for design in own.keys() - found.keys():
        shared = {
            name: len(own[design] & names) for name, names in others.items() if name not in found
        }
        best = max(shared, key=lambda name: shared[name], default=None)
        found[design] = best if best and shared[best] else None
    if stated:
        return {design: partner or found.get(design) for design, partner in stated.items()}
    return {design: found[design] for design in own}


def _analysed(study: StudyResults, network: str) -> Sequence[str]:
    return [one for one in study.designs(network) if study[network, one].has("indices")]


def _augmentations(study: StudyResults, network: str, design: str) -> set[str]:
    return {*Side(study[network, design]).applied}


def _partitions(first: Sequence[str], second: Sequence[str]) -> list[tuple[str, str]]:
    """Pair partitions: of the same name, or one that is of both together with every other."""
    same = [(name, name) for name in first if name in second]
    return same or [(p, q) for p in first for q in second if "" in (p, q)]


def _alone(network: str, design: str, reason: str) -> dict[str, Any]:
    everything = dict.fromkeys(("layer", "factor", "value"), ALL)
    return {"network": network, "design": design, **everything, "reason": reason}
