"""What masks of a factor do beyond random masks of equal size, and how that depends on the input.

The *profile* of an input and a factor is the top-1 accuracy under the factor's masks, minus the
mean accuracy under random masks, over all configurations (scale and masked fraction). Random
masks take out what every damage of that size does; raw accuracies follow the size of the damage
and correlate near 1 whatever is masked. Where there are none, as among published predictions, it
is the accuracy minus that of the unmasked network, whose correlations are the raw ones.

Resamples draw images and random masks with replacement, the same for all inputs and factors. Row 0
of every array over resamples is the estimate itself.
"""

__all__ = ["Profiles", "effect_table", "profile_masks", "profile_table", "standard_ranks"]

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import rankdata

from actsense.errors import ConfigError, OutdatedResultError
from actsense.layout import make_command
from actsense.masking.plan import COORDINATES
from actsense.masking.trees import tree_tables
from actsense.sampling.designs import ORIGINAL
from actsense.statistics.resampling import interval, middle, resample
from actsense.store import read_results

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

ROUNDED = 0.01  # images: single precision holds accuracies of 50,000 to 0.003
CONFIGURATION = ["scale", "fraction"]


@dataclass(frozen=True)
class Profiles:
    """The profiles of one value, and of one level and choice of layers.

    Attributes:
        value: Index whose maps chose what is masked.
        level: What is ranked and scaled, `activation` or `channel`.
        layers: The masked layer, or `together`.
        first: Whether all inputs see these masks.
        pairs: Input and factor of every profile.
        scales: Scale of every configuration.
        differences: Accuracy minus mean accuracy under random masks, or of the unmasked network,
            times images, repeats and draws, whole numbers so that ties are exact,
            (1 + resamples, pairs, configurations).
        hits: Accuracy times images and repeats, whole numbers, same shape.
        images: Images behind every accuracy.
        repeats: Draws of an input, at most; differences and hits are multiplied by them, too.
        draws: Random masks behind every mean; none where it is that of the unmasked network.
    """

    value: str
    level: str
    layers: str
    first: bool
    pairs: tuple[tuple[str, str], ...]
    scales: Floats
    differences: Floats
    hits: Floats
    images: int
    repeats: int
    draws: int

    @property
    def whole(self) -> int:
        """What a difference of accuracies is multiplied by."""
        return self.images * self.repeats * max(1, self.draws)


def profile_masks(store: Path, *, seed: int) -> dict[str, pd.DataFrame]:
    """Compare the profiles of all inputs and factors of a masking store.

    Arguments:
        store: The masking store of a network and design.
        seed: Of the resampled random masks.

    Returns:
        Tables `effects` and `profiles`, and of the clustering `clusters`, `linkage` and `trees`.
        Correlations and clusters are of the first place, which alone all inputs see, and of
        every layer there that is masked alone.

    Raises:
        ConfigError: If the store lacks conditions, is of an earlier version, or has a single
            configuration.
    """
    data = read_results(store).to_dataset()[["top1", "top1_bootstrap"]].load()
    every = _read_profiles(data, _conditions(data, store), seed=seed)
    if not every:
        raise ConfigError(
            f"{store}: no mask was evaluated. Record a layer with positions, and make it again: "
            + make_command("masking", store, "evaluate_masks")
        )
    first = [profiles for profiles in every if profiles.first]
    effects = pd.concat([effect_table(profiles) for profiles in every], ignore_index=True)
    correlations = pd.concat([profile_table(profiles) for profiles in first], ignore_index=True)
    parts = [
        {
            name: table.assign(layers=profiles.layers)
            for name, table in tree_tables(
                standard_ranks(profiles.differences[:, chosen]),
                pairs=[profiles.pairs[place] for place in chosen],
                facts={"value": profiles.value, "images": profiles.images},
            ).items()
        }
        for profiles in first
        if (chosen := [k for k, (name, _) in enumerate(profiles.pairs) if name != ORIGINAL])
    ]
    trees = {
        name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]
    }
    return {"effects": effects, "profiles": correlations} | trees


def effect_table(profiles: Profiles) -> pd.DataFrame:
    """Summarize what masks change beyond random masks: one row per input, factor and scale.

    `effect` is the mean difference of accuracies over the fractions, with its 95 % interval.
    """
    rows = []
    for scale in dict.fromkeys(profiles.scales):
        chosen = profiles.scales == scale
        mean = profiles.differences[:, :, chosen].mean(axis=2) / profiles.whole
        low, high = interval(mean)
        rows += [
            {
                "value": profiles.value,
                "level": profiles.level,
                "layers": profiles.layers,
                "first_place": profiles.first,
                "input": name,
                "factor": factor,
                "scale": scale,
                "effect": mean[0, place],
                "low": low[place],
                "high": high[place],
                "fractions": int(chosen.sum()),
                "random_masks": profiles.draws,
                "images": profiles.images,
                "resamples": len(mean) - 1,
            }
            for place, (name, factor) in enumerate(profiles.pairs)
        ]
    return pd.DataFrame(rows)


def profile_table(profiles: Profiles) -> pd.DataFrame:
    """Correlate the profiles of every augmented input with those of the original input.

    `rho` is Spearman's correlation over the configurations, `rho_raw` that of the accuracies
    themselves. Both are NaN where a profile is constant; resamples in which it is are left out and
    counted. Resampling adds noise to both profiles: intervals of correlations near 1 lie low.
    """
    ranks, raw = standard_ranks(profiles.differences), standard_ranks(profiles.hits)
    place = {pair: k for k, pair in enumerate(profiles.pairs)}
    rows = []
    for (name, factor), k in place.items():
        if name == ORIGINAL:
            continue
        reference = place[ORIGINAL, factor]
        rho, low, high, undefined = _interval(_correlate(ranks[:, k], ranks[:, reference]))
        rho_raw, raw_low, raw_high, _ = _interval(_correlate(raw[:, k], raw[:, reference]))
        rows.append(
            {
                "layers": profiles.layers,
                "value": profiles.value,
                "input": name,
                "factor": factor,
                "rho": rho,
                "low": low,
                "high": high,
                "rho_raw": rho_raw,
                "raw_low": raw_low,
                "raw_high": raw_high,
                "configurations": ranks.shape[2],
                "images": profiles.images,
                "resamples": len(ranks) - 1,
                "undefined_resamples": undefined,
            }
        )
    return pd.DataFrame(rows)


def standard_ranks(values: Floats) -> Floats:
    """Return average ranks along the last axis, with mean 0 and length 1; NaN if constant.

    The scalar product of two of them is Spearman's correlation.
    """
    ranks = np.asarray(rankdata(values, axis=-1), dtype=np.float64)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(ranks, axis=-1, keepdims=True)
    undefined = np.full_like(ranks, np.nan)
    return np.asarray(np.divide(ranks, length, out=undefined, where=length > 0))


def _correlate(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.clip((a * b).sum(axis=-1), -1, 1))


def _interval(rho: Floats) -> tuple[float, float, float, int]:
    """Return estimate, 95 % interval and the number of undefined resamples."""
    defined = rho[1:][np.isfinite(rho[1:])]
    undefined = rho.size - 1 - defined.size
    if not np.isfinite(rho[0]) or not defined.size:
        return float(rho[0]), float("nan"), float("nan"), undefined
    low, high = middle(defined)
    return float(rho[0]), float(low), float(high), undefined


def _conditions(data: xr.Dataset, store: Path) -> pd.DataFrame:
    if "first_place" not in data:
        raise OutdatedResultError(
            store, "which masks every input sees", "masking", "evaluate_masks"
        )
    return pd.DataFrame({name: data[name].to_numpy() for name in COORDINATES})


def _read_profiles(data: xr.Dataset, conditions: pd.DataFrame, *, seed: int) -> list[Profiles]:
    """Return the profiles of all values, levels and layers, in the order of the store."""
    conditions["place"] = np.arange(len(conditions))
    hits, images = _whole_hits(data), int(data.attrs["images"])
    repeats = int(data.attrs.get("draws", 1))
    every = []
    for (level, layers), plan in conditions.groupby(["level", "layers"], sort=False):
        top, random = plan[plan["rule"] == "top"], plan[plan["rule"] == "random"]
        # A plan that not all inputs see has random masks for some of them.
        top = (
            top
            if random.empty and _uncontrolled(data)
            else top[top["input"].isin(random["input"])]
        )
        if top.empty:
            continue
        configurations = pd.MultiIndex.from_frame(top[CONFIGURATION].drop_duplicates())
        if len(configurations) < 2:
            raise ConfigError(
                f"masking: one configuration, {configurations[0]}, makes no profile. Give at "
                "least two fractions or scales."
            )
        seen, control, draws = _control(hits, conditions, random, configurations, seed=seed)
        for value, chosen in top.groupby("value", sort=False):
            table = _table(chosen, ["input", "factor"], configurations)
            own = _taken(hits, table, table.shape)
            inputs = seen.get_indexer(table.index.get_level_values("input"))
            every.append(
                Profiles(
                    *(str(value), str(level), str(layers), bool(chosen["first_place"].all())),
                    pairs=tuple((str(name), str(factor)) for name, factor in table.index),
                    scales=configurations.get_level_values("scale").to_numpy(np.float64),
                    differences=max(1, draws) * own - control[:, inputs],
                    hits=own,
                    images=images,
                    repeats=repeats,
                    draws=draws,
                )
            )
    return every


def _uncontrolled(data: xr.Dataset) -> bool:
    """Tell whether a store has no random masks, and says so."""
    return data.attrs.get("controls") == "none"


def _control(
    hits: Floats32,
    conditions: pd.DataFrame,
    random: pd.DataFrame,
    configurations: pd.MultiIndex,
    *,
    seed: int,
) -> tuple[pd.Index, Floats, int]:
    """Return inputs, and what is taken from their hits, and of how many random masks it is.

    It is (1 + resamples, inputs, configurations), the sum over random masks; of none, the hits of
    the unmasked network.
    """
    if random.empty:
        unmasked = conditions[conditions["rule"] == "none"].set_index("input")["place"]
        taken = hits[:, unmasked.to_numpy()].astype(np.float64)
        return unmasked.index, np.repeat(taken[..., None], len(configurations), axis=-1), 0
    draws = random["draw"].drop_duplicates()
    repeated = pd.MultiIndex.from_tuples(
        [(*configuration, draw) for configuration in configurations for draw in draws],
        names=[*CONFIGURATION, "draw"],
    )
    table = _table(random, ["input"], repeated)
    shape = (len(table), len(configurations), len(draws))
    return table.index, _drawn_again(_taken(hits, table, shape), seed=seed), len(draws)


def _whole_hits(data: xr.Dataset) -> Floats32:
    """Return accuracies times images and draws, (1 + resamples, conditions), estimate first."""
    repeats = int(data.attrs.get("draws", 1))
    images = int(data.attrs["images"]) * repeats
    shares = np.concatenate([data["top1"].to_numpy()[None], data["top1_bootstrap"].to_numpy()])
    shares = shares.astype(np.float32, copy=False) * np.float32(images)
    hits = np.asarray(np.rint(shares))
    if not abs(np.subtract(shares, hits, out=shares)).max(initial=0) < ROUNDED * repeats:
        raise ValueError(
            f"Accuracies of {images} images are no whole numbers of images: the store's "
            "attribute `images` does not fit its accuracies."
        )
    return hits


def _taken(hits: Floats32, table: pd.DataFrame, shape: tuple[int, ...]) -> Floats:
    """Return the hits of a table of places, (1 + resamples, *shape)."""
    taken = hits[:, table.to_numpy().ravel()].astype(np.float64)
    return np.asarray(taken.reshape(len(hits), *shape))


def _table(conditions: pd.DataFrame, rows: list[str], columns: pd.MultiIndex) -> pd.DataFrame:
    """Return the places of conditions by row, in order of appearance, and column.

    Raises:
        ConfigError: If a combination of row and column is missing.
    """
    table = conditions.pivot(index=rows, columns=columns.names, values="place")
    seen = conditions.drop_duplicates(rows).set_index(rows).index
    table = table.reindex(index=seen, columns=columns)
    missing = int(table.isna().to_numpy().sum())
    if missing:
        raise ConfigError(
            f"The masking store lacks {missing} of {table.size} conditions of rule "
            f"{conditions['rule'].iloc[0]}. Make it again: "
            + make_command("masking", rule="evaluate_masks")
        )
    return table.astype(np.int64)


def _drawn_again(hits: Floats, *, seed: int) -> Floats:
    """Sum the last axis, random masks, drawn with replacement in every row but the first."""
    resamples, draws = len(hits) - 1, hits.shape[-1]
    times = resample(draws, resamples, seed, "resampled random masks")
    return np.asarray(np.einsum("r...d,rd->r...", hits, times))
