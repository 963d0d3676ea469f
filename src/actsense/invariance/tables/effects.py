r"""Whether a layer fixes what it feels: what its invariances leave, beside its sensitivities.

A Sobol' index or Shapley effect says how much of a layer's variance an augmentation causes. What
the invariances of the layer leave along it, `free`, says how much of the variance of images along
the augmentation the layer does not tell. A layer that feels an augmentation strongly should fix
it, so that the share that it fixes, 1 - free, ranks augmentations as the effects do. Compared are

    fixed      1 - free
    length     how far the augmentation moves images: what follows from that alone
    product    length^2 fixed: how far it moves them along what the layer fixes

Effects grow with the range that a design gives to an augmentation, and so does the length, while
`fixed` does not: of a network that weighs all it fixes alike, the product ranks as the effects.

Where they disagree, this is what it can mean:

* Fixed, but without effect: the layer tells what the augmentation changes, and hardly weighs it;
  or images are hardly moved in the design, for which the product allows; or others are felt more,
  since effects are shares of one variance.
* An effect, but free: the layer answers with what other differences between images do to it as
  well, so that what it says does not tell them apart (all hues as one change of brightness); or
  augmented images are none that the dataset has, and flow and autoencoder, which know only the
  dataset, do not see there; or, where `limited` is set, the autoencoder loses what is felt.
* Random weights agree with the effects of the trained network as much: agreement then comes from
  what images are like, and not from what was learned.
"""

__all__ = ["EFFECTS", "INDICES", "LayerEffects", "Link", "effect_rows"]

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from actsense.draws import stream
from actsense.invariance.choices import RANDOM, TRAINED
from actsense.invariance.directions import rank_agreement
from actsense.invariance.kept.estimates import Estimate, Floats
from actsense.invariance.tables.paired import Row, Where, row_of
from actsense.statistics import CONFIDENCE
from actsense.store import read_indices
from actsense.store.damage import reading

INDICES = ("S1", "ST", "shapley")
COMPARED = ("fixed", "length", "product")
EFFECTS = (
    *("network", "state", "layer", "design", "index", "measure", "augmentation"),
    *("value", "low", "high", "low_both", "high_both", "effect", "effect_low", "effect_high"),
    *("pairs", "anchors", "limited"),
)


@dataclass(frozen=True)
class LayerEffects:
    """How much layers feel augmentations under one design.

    Attributes:
        layers: Names of the layers.
        augmentations: Names of the augmentations.
        values: By index, (layers, augmentations), shares of a layer's variance.
        half_widths: Likewise, of their intervals over replicates.
        replicates: How many there were.
    """

    layers: tuple[str, ...]
    augmentations: tuple[str, ...]
    values: Mapping[str, Floats]
    half_widths: Mapping[str, Floats]
    replicates: int

    @classmethod
    def read(cls, path: Path) -> "LayerEffects":
        """Read a store of indices.

        Raises:
            CorruptFileError: If it is damaged.
            OutdatedResultError: If an earlier version made it.
        """
        root = read_indices(path).to_dataset()

        def of_layers(name: str) -> Floats:
            return np.asarray(root[name].transpose("layer", "factor").to_numpy(), np.float64)

        with reading(path):
            return cls(
                tuple(map(str, root["layer"].to_numpy())),
                tuple(map(str, root["factor"].to_numpy())),
                {index: of_layers(index) for index in INDICES},
                {index: of_layers(f"{index}_ci") for index in INDICES},
                int(root.attrs["replicates"]),
            )

    def drawn(self, index: str, layer: str, draws: int, *, seed: int) -> Floats:
        """Return the effects on a layer, then effects as other replicates might have them.

        They are Student's t, each by itself, as wide as their intervals: the store keeps these,
        and not the replicates.

        Arguments:
            index: One of `INDICES`.
            layer: Name of the layer.
            draws: How many.
            seed: Seed of the draws.

        Returns:
            (1 + draws, augmentations).
        """
        row, freedom = self.layers.index(layer), max(1, self.replicates - 1)
        values = self.values[index][row]
        scale = self.half_widths[index][row] / stdtrit(freedom, (1 + CONFIDENCE) / 2)
        generator = stream(seed, "effects of other replicates", index, layer)
        noise = generator.standard_t(freedom, size=(draws, len(values)))
        return np.concatenate([values[None], values + scale * noise])


@dataclass(frozen=True)
class Link:
    """What is compared with effects, of one layer in one state.

    Attributes:
        names: The augmentations.
        compared: Estimates of every augmentation, by `fixed`, `length` and `product`.
        limited: Whether the autoencoder limits them.
    """

    names: tuple[str, ...]
    compared: Mapping[str, tuple[Estimate, ...]]
    limited: bool

    @classmethod
    def of(
        cls,
        names: tuple[str, ...],
        free: tuple[Estimate, ...],
        length: tuple[Estimate, ...],
        *,
        limited: bool,
    ) -> "Link":
        """Compare what invariances leave, and how far images are moved.

        Arguments:
            names: The augmentations.
            free: Of every augmentation, see `Moved`.
            length: Of every augmentation, the root mean square of moves.
            limited: Whether the autoencoder limits them.
        """
        fixed = tuple(Estimate(1 - one.samples) for one in free)
        product = tuple(
            Estimate(far.samples**2 * one.samples) for far, one in zip(length, fixed, strict=True)
        )
        return cls(names, dict(zip(COMPARED, (fixed, length, product), strict=True)), limited)


def effect_rows(
    links: Mapping[Where, Link], designs: Mapping[str, LayerEffects], *, seed: int
) -> Iterator[Row]:
    """Yield pairs of numbers and their rank correlations, under every design.

    A row that names layer and augmentation has the number of this pair in `value`, and its index
    in `effect`. Others have Spearman's correlation in `value`: over augmentations in rows without
    one, over layers in rows without a layer, over all pairs in rows without either. `low` and
    `high` are over other anchors, effects taken as they are, `low_both` and `high_both` over other
    replicates, too. Noise in either side draws resampled correlations towards 0, so that intervals
    lean there.

    Random weights are compared with the effects of the trained ones; differences are paired.

    Arguments:
        links: By state and layer.
        designs: Effects of the network by design.
        seed: Seed of the study.
    """
    for design, effects in designs.items():
        for index in INDICES:
            for measure in COMPARED:
                sides = _sides(links, measure, effects, index, seed)
                named = {"design": design, "index": index, "measure": measure}
                # No layer, and so no state, makes a difference to lengths.
                for (state, layer), row in _rows(sides, differences=measure != "length"):
                    yield {"state": state, "layer": layer} | named | row


@dataclass(frozen=True)
class _Side:
    """Augmentations with a number, and how strongly a layer feels them."""

    names: tuple[str, ...]
    estimates: tuple[Estimate, ...]
    effects: Floats  # (1 + draws, augmentations), see `LayerEffects.drawn`
    half_widths: Floats  # (augmentations,)
    limited: bool

    @classmethod
    def joined(cls, parts: Sequence["_Side"]) -> "_Side":
        return cls(
            tuple(name for part in parts for name in part.names),
            tuple(one for part in parts for one in part.estimates),
            np.concatenate([part.effects for part in parts], axis=1),
            np.concatenate([part.half_widths for part in parts]),
            any(part.limited for part in parts),
        )

    def pairs(self) -> Iterator[Row]:
        for k, name in enumerate(self.names):
            value, half = float(self.effects[0, k]), float(self.half_widths[k])
            yield {
                "augmentation": name,
                **row_of(self.estimates[k]),
                **{"effect": value, "effect_low": value - half, "effect_high": value + half},
                **{"pairs": 1, "limited": self.limited},
            }

    def of(self, name: str) -> "_Side":
        own = [k for k, known in enumerate(self.names) if known == name]
        return _Side(
            tuple(self.names[k] for k in own),
            tuple(self.estimates[k] for k in own),
            *(self.effects[:, own], self.half_widths[own], self.limited),
        )

    def agreement(self) -> "_Agreement":
        own = [np.isfinite(one.samples).all() for one in self.estimates]
        defined = np.array(own, dtype=bool) & np.isfinite(self.effects[0])
        kept = [one for one, has in zip(self.estimates, defined, strict=True) if has]
        drawn = self.effects[:, defined]
        undefined = Estimate(np.full(len(drawn), np.nan))
        alone = rank_agreement(kept, drawn[0]) if kept else undefined
        known = kept and np.isfinite(self.half_widths[defined]).all()
        both = rank_agreement(kept, drawn) if known else undefined
        return _Agreement(alone, both, len(kept), self.limited)


@dataclass(frozen=True)
class _Agreement:
    """A rank correlation: over other anchors alone, and over other replicates as well."""

    anchors: Estimate
    both: Estimate
    pairs: int
    limited: bool

    def __sub__(self, other: "_Agreement") -> "_Agreement":
        return _Agreement(
            Estimate(self.anchors.samples - other.anchors.samples),
            Estimate(self.both.samples - other.both.samples),
            min(self.pairs, other.pairs),
            self.limited or other.limited,
        )

    def row(self) -> Row:
        low, high = self.both.interval
        return {
            **row_of(self.anchors),
            **{"low_both": low, "high_both": high},
            **{"pairs": self.pairs, "limited": self.limited},
        }


def _sides(
    links: Mapping[Where, Link], measure: str, effects: LayerEffects, index: str, seed: int
) -> dict[Where, _Side]:
    """Put numbers and effects of the layers and augmentations that both know side by side."""
    found = {}
    for (state, layer), link in links.items():
        shared = [k for k, name in enumerate(link.names) if name in effects.augmentations]
        if layer not in effects.layers or not shared:
            continue
        estimates = tuple(link.compared[measure][k] for k in shared)
        names = tuple(link.names[k] for k in shared)
        row = effects.layers.index(layer)
        columns = [effects.augmentations.index(name) for name in names]
        drawn = effects.drawn(index, layer, len(estimates[0].samples) - 1, seed=seed)
        half = effects.half_widths[index][row, columns]
        found[state, layer] = _Side(names, estimates, drawn[:, columns], half, link.limited)
    return found


def _rows(sides: Mapping[Where, _Side], *, differences: bool) -> Iterator[tuple[Where, Row]]:
    """Yield pairs, and agreements over one layer, one augmentation, and all, with differences."""
    agreements: dict[tuple[str, str, str], _Agreement] = {}
    for (state, layer), side in sides.items():
        yield from (((state, layer), row) for row in side.pairs())
        agreements[state, layer, ""] = side.agreement()
    for state in dict.fromkeys(state for state, _ in sides):
        whole = _Side.joined([side for (own, _), side in sides.items() if own == state])
        for name in dict.fromkeys(whole.names):
            agreements[state, "", name] = whole.of(name).agreement()
        agreements[state, "", ""] = whole.agreement()
    for (state, layer, name), agreement in agreements.items():
        yield (state, layer), {"augmentation": name} | agreement.row()
        other = agreements.get((RANDOM, layer, name))
        if differences and state == TRAINED and other:
            apart = (agreement - other).row()
            yield (f"{TRAINED} - {RANDOM}", layer), {"augmentation": name} | apart
