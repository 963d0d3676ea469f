"""All tables of the invariances, from the stores of the networks."""

__all__ = ["TABLES", "compare_invariances", "network_rows"]

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from actsense.invariance.autoencoder.card import AutoencoderCard
from actsense.invariance.directions import Directions, Moved, moved_along
from actsense.invariance.kept.estimates import Estimate, anchor_draws
from actsense.invariance.stored import InvarianceGroup, StoredInvariances
from actsense.invariance.tables import cards, effects, inversion, kept, moved, quality
from actsense.invariance.tables.paired import Named, Row, Where, compared, estimate_rows
from actsense.store import read_facts

TABLES = {
    "invariance_autoencoder": cards.AUTOENCODER,
    "invariance_flows": cards.FLOWS,
    "invariance_kept": kept.KEPT,
    "invariance_quality": quality.QUALITY,
    "invariance_moved": moved.MOVED,
    "invariance_effects": effects.EFFECTS,
    "invariance_inversion": inversion.INVERSION,
}


def compare_invariances(
    stores: Mapping[str, Path],
    *,
    faithful: Mapping[tuple[str, str], Path],
    flows: Iterable[Path],
    indices: Mapping[tuple[str, str], Path],
    bootstrap: int,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Put what is known of the invariances of all networks into tables.

    Intervals are 95 %, over anchors that are drawn again, the same for all layers and states of a
    network, and for networks with as many.

    Arguments:
        stores: What is kept, by network.
        faithful: Cards of the autoencoder, by network and state.
        flows: Cards of the flows, which say of which network, state and layer they are.
        indices: Stores of indices, by network and design; those of other networks are not read.
        bootstrap: Resamples of the anchors.
        seed: Seed of the study.

    Returns:
        The tables by name, with the columns of `TABLES`; docs/invariance.md says what is in them.

    Raises:
        ConfigError: If a file is damaged, or the autoencoder was not judged by a layer.
    """
    rows: dict[str, list[Row]] = {name: [] for name in TABLES}
    judged = {key: AutoencoderCard.of(read_facts(path)) for key, path in faithful.items()}
    for (network, state), card in judged.items():
        rows["invariance_autoencoder"] += cards.autoencoder_rows(network, state, card)
    for flow in map(read_facts, flows):
        network, state, layer = flow["network"], flow["state"], flow["layer"]
        limited = not judged[network, state].passes(network, layer)
        rows["invariance_flows"].append(cards.flow_row(flow, limited=limited))
    for network, path in stores.items():
        designs = {
            design: effects.LayerEffects.read(store)
            for (of, design), store in indices.items()
            if of == network
        }
        stored = StoredInvariances.open(path)
        for name, row in network_rows(stored, designs, bootstrap=bootstrap, seed=seed):
            rows[name].append({"network": network} | row)
    return {name: pd.DataFrame(rows[name], columns=[*TABLES[name]]) for name in TABLES}


def network_rows(
    stored: StoredInvariances,
    designs: Mapping[str, effects.LayerEffects],
    *,
    bootstrap: int,
    seed: int,
) -> Iterator[tuple[str, Row]]:
    """Yield all rows of one network but those of cards, each with the name of its table.

    Arguments:
        stored: What is kept.
        designs: How much its layers feel augmentations, by design.
        bootstrap: Resamples of the anchors.
        seed: Seed of the study.
    """
    yield from _Network(stored, designs, bootstrap, seed).all()


class _Network:
    """What the tables of one network share."""

    def __init__(
        self,
        stored: StoredInvariances,
        designs: Mapping[str, effects.LayerEffects],
        bootstrap: int,
        seed: int,
    ) -> None:
        self._stored, self._designs = stored, designs
        self._bootstrap, self._seed = bootstrap, seed
        self._draws = anchor_draws(len(stored.rows), bootstrap, seed=seed)
        self._limited = {(own.state, own.layer): not own.passes for own in stored.groups}
        self._length = moved.move_lengths(stored.lengths, self._draws)

    def all(self) -> Iterator[tuple[str, Row]]:
        """Yield every row with the name of its table."""
        counts = {"anchors": len(self._stored.rows), "samples": self._stored.samples}
        found = {
            "kept": (row | counts for row in self._kept()),
            "quality": self._quality(),
            "moved": (row | counts for row in self._moves()),
            "effects": (row | {"anchors": counts["anchors"]} for row in self._effects()),
            "inversion": self._inversion(),
        }
        for name, rows in found.items():
            for row in rows:
                yield f"invariance_{name}", row

    def _kept(self) -> Iterator[Row]:
        measured = {
            where: kept.kept_estimates(group.kept, self._draws) for where, group in self._groups()
        }
        return compared(measured, self._limited, ["measure"])

    def _quality(self) -> Iterator[Row]:
        real = self._stored.real_features
        judge = {"judge": self._stored.judge, "judge_layer": self._stored.judge_layer}
        for where, group in self._groups():
            if real is None or group.features is None:
                continue
            of = f"{self._stored.network}, {group.layer} ({group.state})"
            for row in quality.quality_rows(real, group.features, where=of, seed=self._seed):
                yield self._named(where) | judge | row

    @cached_property
    def _moved(self) -> dict[Where, Moved]:
        stored = self._stored
        if not stored.augmentations:
            return {}
        rooms = torch.from_numpy(stored.rooms).double()
        directions = Directions(tuple(stored.augmentations), rooms, stored.lengths)
        return {
            where: moved_along(
                *(torch.from_numpy(group.sample_latents), directions, self._draws), seed=self._seed
            )
            for where, group in self._groups()
        }

    def _moves(self) -> Iterator[Row]:
        columns = ["augmentation", "measure"]
        shares = {where: moved.moved_estimates(found) for where, found in self._moved.items()}
        yield from compared(shares, self._limited, columns)
        far = zip(self._stored.augmentations, self._length, strict=True)
        length: dict[Named, Estimate] = {(name, "length"): one for name, one in far}
        for where in shares:  # no layer makes a difference to it
            yield from estimate_rows(where, length, columns, self._limited[where])

    def _effects(self) -> Iterator[Row]:
        links = {
            where: effects.Link.of(
                *(found.names, found.free, self._length), limited=self._limited[where]
            )
            for where, found in self._moved.items()
        }
        return effects.effect_rows(links, self._designs, seed=self._seed)

    def _inversion(self) -> Iterator[Row]:
        draws = {"bootstrap": self._bootstrap, "seed": self._seed}
        for where, group in self._groups():
            for row in inversion.inversion_rows(group, **draws):
                yield self._named(where) | row

    def _groups(self) -> Iterator[tuple[Where, InvarianceGroup]]:
        """Yield every layer in every state; what is read of it is forgotten with it."""
        for group in self._stored.groups:
            # Copies share no memory of what was read: maps of all layers need not fit.
            yield (group.state, group.layer), InvarianceGroup(group.data.copy())

    def _named(self, where: Where) -> dict[str, Any]:
        state, layer = where
        return {"state": state, "layer": layer, "limited": self._limited[where]}
