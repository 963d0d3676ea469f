"""Units and channels ranked by their sensitivity, and how many of them a plan masks.

Rank 0 comes first. Ties are broken by a drawn order, one per layer; units that are dead or rare,
or whose index is undefined, come last under every rule. Exactly `round(fraction * count)` of a
layer's units, or channels, are masked. Where all units of all layers are rare, as in a first try
with few base points, they are ranked nevertheless, and that is said.
"""

__all__ = ["MaskRanks"]

import logging
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.masking.plan import SOFT, TOGETHER, MaskPlan
from actsense.sensitivity.maps import SensitivityMaps
from actsense.store import LeftOut, read_indices

T = TypeVar("T", bound=np.generic)
Ranks = NDArray[np.int32]
Floats = NDArray[np.float32]

log = logging.getLogger(__name__)


class MaskRanks:
    """The ranks that the maps of a design give to units, kept once they are known.

    Arguments:
        indices: The index store of the design.
        design: Name of the design.
        seed: Seed of the study; decides ties, random masks and permutations.

    Attributes:
        factors: The factors of the design.
        layers: The layers that can be masked: those with positions, in network order.
        unmasked: Why other layers cannot, by name.
        rare: Whether rare units are ranked, because there are no others.

    Raises:
        ConfigError: If no layer can be masked.
    """

    factors: tuple[str, ...]
    layers: tuple[str, ...]
    unmasked: dict[str, str]
    rare: bool

    def __init__(self, indices: Path, design: str, *, seed: int) -> None:
        self._maps = SensitivityMaps({design: indices})
        self.rare = not any(map(self._can_be_ranked, self._maps.layers))
        if self.rare:
            self._maps = SensitivityMaps({design: indices}, rare=True)
        self._tree, self._design, self._seed = read_indices(indices), design, seed
        self._variables = {variable.factor: variable for variable in self._maps.variables}
        self._ranks: dict[tuple[MaskPlan, str], tuple[Ranks, int]] = {}
        self._certain: dict[tuple[MaskPlan, str], NDArray[np.bool_]] = {}
        self.factors = tuple(self._variables)
        self.unmasked = {}
        for layer in self._maps.layers:
            if not self._maps.is_map(layer):
                self.unmasked[layer] = "it has no positions"
            elif not self._can_be_ranked(layer):
                self.unmasked[layer] = f"no unit can be ranked: {self._maps.left_out(layer)}"
        self.layers = tuple(x for x in self._maps.layers if x not in self.unmasked)
        self._shapes = {layer: self._maps.shape(layer) for layer in self.layers}
        if not self.layers:
            raise ConfigError(
                "masking: no recorded layer can be masked ("
                + "; ".join(f"{layer}: {reason}" for layer, reason in self.unmasked.items())
                + "). Record a layer of feature maps."
            )
        if self.rare:
            log.warning(
                "masking: every unit is rare, for too few differences of it are known. They are "
                "ranked nevertheless, by indices whose intervals cannot be trusted. Raise "
                "base_points of the design %s",
                design,
            )

    def masked_layers(self, plan: MaskPlan) -> tuple[str, ...]:
        """Return the layers that a plan masks, in network order."""
        if plan.rule == "none":
            return ()
        return self.layers if plan.layers == TOGETHER else (plan.layers,)

    def ranks(self, plan: MaskPlan, layer: str) -> Ranks:
        """Return the rank of every unit (channel, row, col), or channel (channel, 1, 1)."""
        return self._ranked(plan, layer)[0]

    def window(self, plan: MaskPlan, layer: str) -> tuple[int, int]:
        """Return the first rank that a plan masks, and the first behind it that it does not."""
        ranks, defined = self._ranked(plan, layer)
        count = round((plan.fraction or 0) * ranks.size)
        if plan.rule == "least" and count <= defined:
            return defined - count, defined
        return 0, count

    def masked_units(self, plan: MaskPlan) -> int:
        """Count the units that a plan masks in all its layers."""
        count = 0
        if plan.rule in SOFT:  # all of them are multiplied
            return sum(prod(self._shapes[layer]) for layer in self.masked_layers(plan))
        for layer in self.masked_layers(plan):
            low, high = self.window(plan, layer)
            each = prod(self._shapes[layer][1:]) if plan.level == "channel" else 1
            count += (high - low) * each
        return count

    def left_out(self, plan: MaskPlan) -> LeftOut:
        """Count the units in a plan's layers that no rule ranks, but behind all others."""
        counts = (self._maps.left_out(layer) for layer in self.masked_layers(plan))
        return sum(counts, LeftOut(0, 0, 0))

    def certain_share(self, plan: MaskPlan) -> float:
        """Return which share of what `top` masks has an interval above 0; NaN for other rules."""
        if plan.rule != "top":
            return float("nan")
        masked = certain = 0
        for layer in self.masked_layers(plan):
            _, high = self.window(plan, layer)
            masked += high
            certain += int(self._certain_by_rank(plan.ranking, layer)[:high].sum())
        return certain / masked if masked else float("nan")

    def multiplier(self, plan: MaskPlan, layer: str) -> Floats:
        """Return what a soft rule multiplies every unit by, or every channel, as `ranks`."""
        index = self._read(plan, layer, plan.value)
        soft = np.clip(np.where(np.isfinite(index), index, 0), 0, 1).astype(np.float32)
        if plan.rule.startswith("inverse"):
            soft = 1 - soft
        return self._moved(plan, layer, soft) if plan.rule.endswith("permuted") else soft

    def means(self, layer: str) -> Floats:
        """Return the mean response of every unit under the design, (channel, row, col)."""
        return self._maps.read_moment(layer, "mean", self._design).astype(np.float32)

    def _ranked(self, plan: MaskPlan, layer: str) -> tuple[Ranks, int]:
        """Return the ranks, and how many of them belong to defined scores."""
        key = (plan.ranking, layer)
        if key not in self._ranks:
            self._ranks[key] = self._rank(plan.ranking, layer)
        return self._ranks[key]

    def _rank(self, plan: MaskPlan, layer: str) -> tuple[Ranks, int]:
        if plan.rule == "permuted":
            return self._permuted(plan, layer)
        scores = self._scores(plan, layer)
        # All scores of a random mask are equal: the order among ties is the mask.
        purpose = f"random {plan.draw}" if plan.rule == "random" else "ties"
        ties = self._permutation(layer, purpose, scores.size)
        order = ties[np.argsort(-scores.reshape(-1)[ties], kind="stable")]  # NaN comes last
        ranks = np.empty(scores.size, dtype=np.int32)
        ranks[order] = np.arange(scores.size, dtype=np.int32)
        return ranks.reshape(scores.shape), int(np.isfinite(scores).sum())

    def _permuted(self, plan: MaskPlan, layer: str) -> tuple[Ranks, int]:
        ranks, defined = self._ranked(replace(plan, rule="top"), layer)
        return self._moved(plan, layer, ranks), defined

    def _moved(self, plan: MaskPlan, layer: str, values: NDArray[T]) -> NDArray[T]:
        """Move a map to other positions, the same for all channels, or its channels."""
        if plan.level == "channel":
            return np.asarray(values[self._permutation(layer, "channels", len(values))])
        flat = values.reshape(len(values), -1)
        moved = flat[:, self._permutation(layer, "positions", flat.shape[1])]
        return moved.reshape(values.shape)

    def _scores(self, plan: MaskPlan, layer: str) -> Floats:
        """Return what units, or channels, are ranked by; NaN where they are left out."""
        if plan.rule == "top":
            return self._read(plan, layer, plan.value)
        alive, scores = self._maps.alive(layer), np.zeros(self._shapes[layer])
        if plan.rule == "magnitude":
            mean, variance = (
                self._maps.read_moment(layer, name, self._design) for name in ("mean", "variance")
            )
            scores = mean**2 + variance
        if plan.level == "channel":
            alive = np.asarray(alive.any((1, 2), keepdims=True))
            scores = scores.mean((1, 2), keepdims=True)
        return np.where(alive, np.sqrt(scores), np.nan).astype(np.float32)

    def _certain_by_rank(self, plan: MaskPlan, layer: str) -> NDArray[np.bool_]:
        """Return whether the interval lies above 0, highest rank first."""
        key = (plan, layer)
        if key not in self._certain:
            above = self._read(plan, layer, plan.value) > self._read(
                plan, layer, f"{plan.value}_ci"
            )
            certain = np.empty(above.size, dtype=np.bool_)
            certain[self.ranks(plan, layer).reshape(-1)] = above.reshape(-1)
            self._certain[key] = certain
        return self._certain[key]

    def _read(self, plan: MaskPlan, layer: str, name: str) -> Floats:
        if plan.level == "activation":
            return np.asarray(self._maps.read(layer, name, [self._variables[plan.factor]])[0])
        node = self._tree.children[layer].children["by_channel"]
        known = self._maps.kept(*(node[flag].to_numpy() for flag in ("dead", "rare")))
        by_channel = np.where(known, node[name].sel(factor=plan.factor).to_numpy(), np.nan)
        return np.asarray(by_channel[:, None, None], dtype=np.float32)

    def _can_be_ranked(self, layer: str) -> bool:
        return self._maps.is_map(layer) and bool(self._maps.alive(layer).any())

    def _permutation(self, layer: str, purpose: str, count: int) -> NDArray[np.int64]:
        return stream(self._seed, "masking", layer, purpose).permutation(count)
