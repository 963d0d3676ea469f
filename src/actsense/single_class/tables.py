r"""Single classes: do damaged networks predict the classes that feel an augmentation most?

The candidates T of an augmentation are the k classes whose output varies most because of it, by
the lower bound of index times variance: the index alone, which can be asked for as published,
selects classes that hardly vary. The first k predictions P of an image match them by their overlap

    J = |T n P| / |T u P| = o / (2 k - o),    o = |T n P|

averaged over images. The null keeps the predictions and draws T anew, k classes at random. Its
mean depends on the numbers of classes alone, because all images have k predictions; its spread
does not, because predictions are neither uniform nor independent. A network that predicts one
class whatever it sees has few values of J, so the share of its commonest prediction is given, too.
"""

__all__ = [
    "Predictions",
    "candidate_count",
    "class_sets",
    "expected_overlap",
    "match_classes",
    "mean_overlap",
    "null_overlaps",
    "output_layer",
    "overlap",
    "rank_classes",
]

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, product
from math import comb
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array
from scipy.stats import hypergeom

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.layout import make_command
from actsense.progress import progress
from actsense.sampling.designs import ORIGINAL
from actsense.sensitivity.maps import SensitivityMaps, Variable
from actsense.statistics.discoveries import adjusted_table
from actsense.statistics.resampling import middle
from actsense.statistics.shares import wilson
from actsense.store import LeftOut, read_results
from actsense.store.tables import joined

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

VALUES = ("S1", "shapley")  # total indices of probabilities, which sum to one, feel everything
OUTPUTS = ("probabilities", "logits")  # layers that have a unit per class, the better one first
MOST = 5  # candidates, and stored predictions of an image
LISTED = 20  # classes per augmentation in the table
RESAMPLES = 1000  # of images, behind the intervals
SETS_AT_A_TIME = 1000  # random sets whose overlaps with all images are in memory together
TIED = 1e-9  # overlaps that differ by less are equal: sums in another order
COLUMNS = {
    "ranking": (
        *("design", "value", "factor", "rank", "class"),
        *("index", "ci", "variance", "weighted", "weighted_low", "dead_units", "rare_units"),
    ),
    "matches": (
        *("design", "value", "factor", "input", "rule", "layers", "scale", "fraction"),
        *("jaccard", "low", "high", "null_mean", "null_low", "null_high", "p_value", "p_adjusted"),
        *("most_predicted_class", "collapse_share", "images", "k", "dead_units", "rare_units"),
    ),
    "skipped": ("design", "value", "factor", "reason"),
}


@dataclass(frozen=True)
class Predictions:
    """The first predictions of the intact and the damaged network of one design.

    Attributes:
        classes: Names of the classes.
        conditions: What the network saw and how it was damaged: input, value, factor, rule,
            layers, scale and fraction, a row each.
        ranked: Numbers of the classes, best first, (conditions, images, ranks).
    """

    classes: tuple[str, ...]
    conditions: pd.DataFrame
    ranked: Integers

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read them from a masking store.

        Raises:
            ConfigError: If the store is missing.
        """
        if not path.is_dir():
            raise ConfigError(f"{path}: not there. Make it with: {make_command('masking', path)}")
        tree = read_results(path)
        data = tree["predictions"].to_dataset()
        which, *_ = data["classes"].dims
        texts = ("input", "value", "factor", "rule", "layers")
        coordinates = (*texts, "scale", "fraction")
        conditions = pd.DataFrame({name: data[name].to_numpy() for name in coordinates})
        return cls(
            tuple(str(name) for name in tree["class"].to_numpy()),
            conditions.astype(dict.fromkeys(texts, object)),
            data["classes"].transpose(which, "image", "rank").to_numpy().astype(np.int64),
        )


def output_layer(maps: SensitivityMaps) -> str:
    """Return the recorded layer that has a unit per class.

    Raises:
        ConfigError: If there is none, or it has fewer than two units.
    """
    for layer in OUTPUTS:
        if layer in maps.layers:
            if maps.shape(layer)[0] < 2:
                raise ConfigError(
                    f"Single classes need a network with two classes; {layer!r} has 1."
                )
            return layer
    raise ConfigError(
        f"Single classes need the layer {OUTPUTS[0]!r} or {OUTPUTS[1]!r}; recorded are "
        f"{', '.join(maps.layers)}. Add {OUTPUTS[0]!r} to the layers of the network."
    )


def candidate_count(classes: int) -> int:
    """Return k: a tenth of the classes, at least one and at most five."""
    return min(MOST, max(1, round(classes / 10)))


def rank_classes(
    maps: SensitivityMaps, value: str, variable: Variable, *, ranking: str = "bound"
) -> pd.DataFrame:
    """Rank the classes by the lower bound of index times variance, or by the index alone.

    Arguments:
        maps: The maps of a network.
        value: Index.
        variable: An augmentation of a design.
        ranking: `bound` or `index`.

    Returns:
        Table with `unit` (number of the class), `index`, `ci`, `variance`, `weighted` and
        `weighted_low`, best class first; classes that are dead or rare are left out, and for
        bounds those without an interval.
    """
    key = {"bound": "weighted_low", "index": "index"}[ranking]
    layer = output_layer(maps)
    index = maps.read(layer, value, [variable])[0].astype(np.float64)
    width = maps.read_half_widths(layer, value, [variable])[0].astype(np.float64)
    variance = maps.read_moment(layer, "variance", variable.design)
    table = pd.DataFrame(
        {
            "unit": np.arange(len(index)),
            "index": index,
            "ci": width,
            "variance": variance,
            "weighted": index * variance,
            "weighted_low": (index - width) * variance,
        }
    ).dropna(subset=["index", key])
    return table.sort_values(key, ascending=False, kind="stable", ignore_index=True)


def overlap(candidates: Integers, predictions: Integers) -> Floats:
    """Return the Jaccard overlap of k candidates with the k predictions of every image.

    Arguments:
        candidates: Different classes, (k,).
        predictions: Different classes, (images, k).
    """
    k = len(candidates)
    if predictions.shape[1] != k:
        raise ValueError(f"{k} candidates need {k} predictions; got {predictions.shape[1]}.")
    common = np.isin(predictions, candidates).sum(axis=1)
    return np.asarray(common / (2 * k - common))


def expected_overlap(classes: int, k: int) -> float:
    """Return the mean overlap of k random classes with any k predictions."""
    common = np.arange(k + 1)
    return float((hypergeom(classes, k, k).pmf(common) * common / (2 * k - common)).sum())


def class_sets(classes: int, k: int, *, draws: int, generator: np.random.Generator) -> Integers:
    """Return sets of k classes, (sets, k): all there are if that is not more than `draws`."""
    if comb(classes, k) <= draws:
        return np.array(list(combinations(range(classes), k)))
    return np.stack([generator.choice(classes, k, replace=False) for _ in range(draws)])


def null_overlaps(sets: Integers, predictions: Integers, *, classes: int) -> Floats:
    """Return the mean overlap of every set with the predictions of all images, (sets,)."""
    (images, k), distinct = predictions.shape, np.sort(predictions, axis=1)
    distinct, times = np.unique(distinct, axis=0, return_counts=True)
    predicted = _membership(distinct, classes)
    means = []
    for start in range(0, len(sets), SETS_AT_A_TIME):
        chosen = _membership(sets[start : start + SETS_AT_A_TIME], classes)
        common = csc_array(predicted @ chosen.T)  # of images and sets, where there is any
        common.data = common.data / (2 * k - common.data)
        means.append(common.T @ times / images)
    return np.concatenate(means)


def mean_overlap(
    candidates: Integers, predictions: Integers, generator: np.random.Generator
) -> tuple[float, float, float]:
    """Return the mean overlap and its 95 % interval, from resampled images.

    Resamples of overlaps that are all alike would be certain. For one candidate, whose overlap is
    0 or 1, and wherever images are alike, the interval is Wilson's, which no overlap exceeds.
    """
    overlaps, times = np.unique(overlap(candidates, predictions), return_counts=True)
    images, total = len(predictions), float(times @ overlaps)
    if len(candidates) == 1 or len(overlaps) == 1:
        low, high = wilson(total, images)
    else:
        counts = generator.multinomial(images, times / images, size=RESAMPLES)
        low, high = middle(counts @ overlaps / images)
    return total / images, float(low), float(high)


def match_classes(
    maps: SensitivityMaps,
    masking: Mapping[str, Path],
    *,
    null_draws: int,
    ranking: str = "bound",
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Rank classes, and compare the first with what intact and damaged networks predict.

    Damaged networks are those whose activations most sensitive to the same augmentation, by the
    same index, are scaled. P-values are two-sided, and corrected by Benjamini and Hochberg over
    all comparisons of the network.

    Arguments:
        maps: The maps of a network.
        masking: Masking stores, by design.
        null_draws: Random sets of classes; all there are if those are fewer.
        ranking: What candidates rank by, see `rank_classes`.
        seed: Of sets and resamples.

    Returns:
        Tables `ranking`, `matches` and `skipped`; the first says if it is `ranked_by` index.
    """
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in COLUMNS}
    try:
        output_layer(maps)
    except ConfigError as error:
        tables["skipped"].append(
            _skipped(design="all", value="all", factor="all", reason=str(error))
        )
        masking = {}
    for design, path in masking.items():
        generator = stream(seed, "sets of classes")
        predictions = Predictions.read(path)
        comparison = _Comparison(predictions, null_draws, generator)
        augmentations = [one for one in maps.augmentations if one.design == design]
        chosen = [*product(VALUES, augmentations)]
        for value, variable in progress(chosen, desc=f"classes, {design}", unit="ranking"):
            keys = {"design": design, "value": value, "factor": variable.factor}
            ranked = rank_classes(maps, value, variable, ranking=ranking)
            left_out = maps.left_out(output_layer(maps), design)
            reason = comparison.reason(ranked, left_out)
            if reason:
                tables["skipped"].append(_skipped(**keys, reason=reason))
                continue
            names = np.array(predictions.classes)[ranked["unit"]]
            listed = ranked.assign(
                **keys, rank=ranked.index + 1, **{"class": names}, **left_out.columns
            )
            tables["ranking"].append(listed.head(LISTED))
            candidates = ranked["unit"].to_numpy()[: comparison.k]
            matches = comparison.matches(value, variable.factor, candidates)
            tables["matches"].append(matches.assign(design=design, **left_out.columns))
    found = {name: adjusted_table(joined(parts, COLUMNS[name])) for name, parts in tables.items()}
    if ranking != "bound":
        found["ranking"] = found["ranking"].assign(ranked_by=ranking)
    return found


class _Comparison:
    """Candidates against the predictions of one design, each null computed once.

    Arguments:
        predictions: Of all conditions of the design.
        null_draws: Random sets of classes.
        generator: Draws sets and resamples.
    """

    def __init__(
        self, predictions: Predictions, null_draws: int, generator: np.random.Generator
    ) -> None:
        classes = len(predictions.classes)
        self.k = candidate_count(classes)
        self._predictions, self._generator = predictions, generator
        self._sets = class_sets(classes, self.k, draws=null_draws, generator=generator)
        # Among all the sets there are, the candidates are one; random ones do not hold them.
        self._added = int(comb(classes, self.k) > null_draws)
        self._nulls: dict[int, Floats] = {}

    def reason(self, ranked: pd.DataFrame, left_out: LeftOut) -> str:
        """Say why these classes cannot be compared with the predictions, or nothing."""
        classes, stored = len(self._predictions.classes), self._predictions.ranked.shape[2]
        if left_out.of != classes:
            return (
                f"outputs of the network: {left_out.of}, "
                f"classes of the masked predictions: {classes}"
            )
        if stored < self.k:
            return f"stored predictions of an image: {stored}, needed: {self.k}"
        if len(ranked) < self.k:
            return f"classes with defined indices: {len(ranked)}, needed: {self.k} ({left_out})"
        return ""

    def matches(self, value: str, factor: str, candidates: Integers) -> pd.DataFrame:
        """Compare candidates with every condition of their augmentation, one row each."""
        conditions = self._predictions.conditions
        inputs = conditions["input"].isin([ORIGINAL, factor])
        damaged = conditions[["value", "factor"]].eq([value, factor]).all(axis=1)
        # A masking store keeps predictions of what is most sensitive alone, and of soft masks.
        chosen = conditions[inputs & (damaged | conditions["rule"].eq("none"))]
        described = chosen[["input", "rule", "layers", "scale", "fraction"]].to_dict("records")
        rows = [
            condition | self._match(place, candidates)
            for place, condition in zip(chosen.index.to_numpy(), described, strict=True)
        ]
        return pd.DataFrame(rows).assign(value=value, factor=factor)

    def _match(self, place: int, candidates: Integers) -> dict[str, object]:
        predictions = self._predictions.ranked[place, :, : self.k]
        null = self._null(place)
        mean, low, high = mean_overlap(candidates, predictions, self._generator)
        tails = min((null <= mean + TIED).sum(), (null >= mean - TIED).sum())
        p_value = 2 * (tails + self._added) / (len(null) + self._added)
        first = np.bincount(predictions[:, 0], minlength=len(self._predictions.classes))
        null_low, null_high = middle(null)
        return {
            "jaccard": mean,
            "low": low,
            "high": high,
            "null_mean": expected_overlap(len(first), self.k),
            "null_low": null_low,
            "null_high": null_high,
            "p_value": min(1.0, p_value),
            "most_predicted_class": self._predictions.classes[first.argmax()],
            "collapse_share": first.max() / len(predictions),
            "images": len(predictions),
            "k": self.k,
        }

    def _null(self, place: int) -> Floats:
        if place not in self._nulls:
            predictions = self._predictions.ranked[place, :, : self.k]
            classes = len(self._predictions.classes)
            self._nulls[place] = null_overlaps(self._sets, predictions, classes=classes)
        return self._nulls[place]


def _membership(sets: Integers, classes: int) -> csr_array:
    """Return which classes every set holds, (sets, classes)."""
    count, k = sets.shape
    ends = np.arange(0, count * k + 1, k)
    return csr_array((np.ones(count * k), sets.ravel(), ends), shape=(count, classes))


def _skipped(**cells: str) -> pd.DataFrame:
    return pd.DataFrame([cells])
