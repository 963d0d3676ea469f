"""Two studies beside each other: everything that can be compared, as tables."""

__all__ = ["Comparison", "compare"]

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import pandas as pd

from actsense.comparison.layers import COLUMNS, compare_layers
from actsense.comparison.maps import CORRELATED, correlate_layer
from actsense.comparison.pairing import ALL, Pair, pair_studies
from actsense.comparison.settings import describe_settings
from actsense.inspection import StudyResults
from actsense.progress import Progress
from actsense.statistics.discoveries import adjusted_table
from actsense.store.tables import joined

PAIRED = ("network", "design", "network_b", "design_b")


@dataclass(frozen=True)
class Comparison:
    """Two studies beside each other.

    Attributes:
        names: What A and B are called in figures.
        pairs: The runs that were compared.
        tables: `maps`, correlations of maps per layer, factor and value; `layers`, values of
            whole layers; `settings`, what both were made under; `left_out`, with reasons.
    """

    names: tuple[str, str]
    pairs: tuple[Pair, ...]
    tables: dict[str, pd.DataFrame]

    @property
    def lines(self) -> list[str]:
        """What was compared, under which different settings, and what was not, a line each."""
        told = []
        for pair in self.pairs:
            maps, settings = self.of("maps", pair), self.of("settings", pair)
            told.append(
                f"{pair.title}: {len(maps):,} maps of {len(pair.layers)} layers, "
                f"{len(pair.factors)} factors"
            )
            for row in settings[~settings["same"]].itertuples():
                told.append(f"  {row.setting}: A {row.in_a}; B {row.in_b}")
        for names, rows in self.tables["left_out"].groupby(["network", "design", "reason"]):
            *run, reason = map(str, names)
            what = [str(n) for row in rows[["layer", "factor", "value"]].to_numpy() for n in row]
            named = ", ".join(dict.fromkeys(name for name in what if name != ALL))
            told.append(f"Not compared: {', '.join(run)}: {named}{', ' * bool(named)}{reason}")
        return told

    def of(self, name: str, pair: Pair) -> pd.DataFrame:
        """Return the rows of a table that are about one pair."""
        table = self.tables[name]
        return table[(table[list(PAIRED)] == [pair.named[key] for key in PAIRED]).all(axis=1)]


def compare(
    a: StudyResults,
    b: StudyResults,
    *,
    networks: Mapping[str, str | None] | None = None,
    designs: Mapping[str, str | None] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Set two studies beside each other: runs of one's own, published value files, or one of each.

    Arguments:
        a: The first study, from `actsense.open_study`.
        b: The second one.
        networks: Networks of `a` that are compared, with those of `b` they belong to, None for
            those of equal name; default: all of equal name.
        designs: The same for designs; None for those of equal name, else with most augmentations
            in common; default: all of them.
        resamples: Resamples behind the intervals of correlations.
        seed: Of the resamples.

    Raises:
        ConfigError: If they have nothing in common, or a name is not known.
    """
    pairs, left_out = pair_studies(a, b, networks, designs)
    units = {(k, n): prod(p.a.shape(n)) for k, p in enumerate(pairs) for n in p.layers}
    parts: dict[str, list[pd.DataFrame]] = {"maps": [], "layers": [], "settings": []}
    with Progress(sum(units.values()), desc="comparison", unit="unit") as known:
        for number, pair in enumerate(pairs):
            maps = []
            for name in pair.layers:
                maps.append(correlate_layer(pair, name, resamples=resamples, seed=seed))
                known.update(units[number, name])
            own = joined(maps, ("layer", *CORRELATED))
            parts["maps"].append(own.assign(**pair.named))
            parts["layers"].append(compare_layers(pair, own).assign(**pair.named))
            parts["settings"].append(describe_settings(pair))
    columns = {
        "maps": (*PAIRED, "layer", *CORRELATED),
        "layers": (*PAIRED, *COLUMNS),
        "settings": (*PAIRED, "setting", "in_a", "in_b", "same"),
    }
    tables = {name: joined(parts[name], told) for name, told in columns.items()}
    tables["maps"] = adjusted_table(tables["maps"])
    told = (*PAIRED, "layer", "factor", "value", "reason")
    tables["left_out"] = pd.DataFrame(left_out, columns=list(told)).fillna("")
    return Comparison(_names(a, b), tuple(pairs), tables)


def _names(a: StudyResults, b: StudyResults) -> tuple[str, str]:
    """Return the names of two studies, told apart by their folders where they are the same."""
    if a.name != b.name:
        return a.name, b.name
    first, second = (f"{study.path.resolve().parent.name}/{study.name}" for study in (a, b))
    return (first, second) if first != second else (f"{a.name} (A)", f"{b.name} (B)")
