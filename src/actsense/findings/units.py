"""Findings about what units feel: indices by layer, pairs, contrasts."""

__all__ = ["contrast_findings", "layers_findings", "pairs_findings"]

from collections.abc import Iterator

import pandas as pd

from actsense.findings.finding import UNDECIDED, Amount, Finding, direction, joined
from actsense.inspection.run_results import RunResults
from actsense.inspection.study_results import StudyResults

CONTENT = ("class", "image", "content")  # of which a network keeps some and forgets some
NETWORK = "network"  # the row of a table that is all layers together
SURELY = 0.05  # mean share of variance; smaller effects are told of no layer
NAMED = 3  # augmentations that a sentence names


def layers_findings(study: StudyResults) -> Iterator[Finding]:
    """What changes from the first layer to the last, and which augmentations are felt most."""
    for run in _runs(study, "layers"):
        table = run.table("layers")
        effects = table[table["index"] == "shapley"]
        layers = [name for name in run.layers if name in set(effects["layer"])]
        if len(layers) < 2:
            continue
        ends = f"From {layers[0]} to {layers[-1]}"
        moved = (*_forgotten(run, effects, layers), *_faded(run, effects, layers))
        texts = [f"{ends}, {text}." for text in moved]
        texts += _strongest(run, effects, layers)
        if texts:
            yield Finding(
                f"What do the layers of {run.network} feel under {run.design}?",
                " ".join(texts),
                "indices",
                (_below(run, "tables/layers.csv"),),
                _below(run, "figures/depth_profile.png"),
            )


def _forgotten(run: RunResults, effects: pd.DataFrame, layers: list[str]) -> Iterator[str]:
    """Say which parts of the content a network forgets and which it keeps."""
    first, last = layers[0], layers[-1]
    parts: list[str] = []
    for name in CONTENT[:2] if CONTENT[0] in run.factors else CONTENT[2:]:
        if name in run.factors:
            start, end = _effect(effects, first, name), _effect(effects, last, name)
            if word := direction(start, end):
                whole = "" if parts else " in the variance of a layer"
                parts.append(f"the share of `{name}`{whole} {word} from {start} to {end}")
    if parts:
        yield joined(parts)


def _strongest(run: RunResults, effects: pd.DataFrame, layers: list[str]) -> Iterator[str]:
    """Name the augmentation that is felt most, and the layer that feels it most."""
    named = [name for name in run.augmentations if name in set(effects["factor"])]
    found = [(_effect(effects, layer, name), name, layer) for name in named for layer in layers]
    found = [entry for entry in found if entry[0].differs_from_zero or not entry[0].known]
    if not found:
        return
    amount, name, layer = max(found, key=lambda entry: entry[0].value)
    yield f"Of the augmentations, `{name}` has the largest Shapley effect: {amount} in {layer}."
    others = [own for own in named if own != name]
    rivals = [own for own in others if not amount.above(_effect(effects, layer, own))]
    if rivals and amount.known:
        yield f"{joined([f'`{own}`' for own in rivals[:NAMED]])} {UNDECIDED[0]} as strong there."


def _faded(run: RunResults, effects: pd.DataFrame, layers: list[str]) -> Iterator[str]:
    """Say which augmentations the last layer feels less or more than the first."""
    moved = []
    for name in run.augmentations:
        start, end = _effect(effects, layers[0], name), _effect(effects, layers[-1], name)
        if (word := direction(start, end)) and max(start.value, end.value) > SURELY:
            moved.append((abs(end.value - start.value), name, word, start, end))
    told = [
        f"{'that' if at else 'the Shapley effect'} of `{name}` {word} from {start} to {end}"
        for at, (_, name, word, start, end) in enumerate(sorted(moved, reverse=True)[:NAMED])
    ]
    if told:
        yield joined(told)


def pairs_findings(study: StudyResults) -> Iterator[Finding]:
    """Which pair of augmentations acts together."""
    for run in _runs(study, "pairs"):
        table = run.table("pairs")
        both = table["factor"].isin(run.augmentations) & table["factor_2"].isin(run.augmentations)
        table = table[both & (table["layer"] != NETWORK)]
        amounts = [
            (Amount.around(row["value"], row["ci"]), row)
            for row in table.to_dict("records")
            if row["index"] == "S2"
        ]
        sure = [entry for entry in amounts if entry[0].low > 0]
        if not sure:
            continue
        amount, row = max(sure, key=lambda entry: entry[0].low)
        yield Finding(
            f"Which augmentations act together in {run.network} under {run.design}?",
            f"Most surely `{row['factor']}` and `{row['factor_2']}` do: beyond what each does "
            f"alone, they explain {amount.told(3)} of the variance of {row['layer']}.",
            "indices",
            (_below(run, "tables/pairs.csv"),),
            _below(run, "figures/pairs.png"),
        )


def contrast_findings(study: StudyResults) -> Iterator[Finding]:
    """Which augmentation alone changes most units."""
    for run in _runs(study, "contrast"):
        table = run.table("contrast")
        if "partition" in table:
            table = table[table["partition"] == table["partition"].iloc[-1]]
        layers = [name for name in dict.fromkeys(table["layer"])]
        rows = table[table["layer"] == layers[-1]].set_index("augmentation")
        last = rows["significant_share"]
        if not len(last) or last.isna().all():
            continue
        most, least = str(last.idxmax()), str(last.idxmin())
        shifted, left = _share(rows, most), _share(rows, least)
        if most == least or (shifted.known and not shifted.above(left)):
            continue
        yield Finding(
            f"What does each augmentation of {run.design} do alone to {run.network}?",
            f"In {layers[-1]}, `{most}` shifts {shifted.percent} of the units and "
            f"`{least}` {left.percent} (false discovery rate 0.05).",
            "contrast",
            (_below(run, "tables/contrast.csv"),),
            _below(run, "figures/contrast.png"),
        )


def _share(rows: pd.DataFrame, augmentation: str) -> Amount:
    """Return the share of units that an augmentation shifts, never less than none or all."""
    value, width = (
        rows[name].to_dict()[augmentation] if name in rows else float("nan")
        for name in ("significant_share", "significant_share_ci")
    )
    share = Amount.around(value, width)
    return Amount(value, max(share.low, 0.0), min(share.high, 1.0)) if share.known else share


def _runs(study: StudyResults, table: str) -> Iterator[RunResults]:
    """Yield the runs that have a table and indices."""
    for network in study.networks:
        for design in study.designs(network):
            run = study[network, design]
            if table in run.tables and run.has("indices"):
                yield run


def _effect(effects: pd.DataFrame, layer: str, factor: str) -> Amount:
    row = effects[(effects["layer"] == layer) & (effects["factor"] == factor)]
    if row.empty:
        return Amount(float("nan"), float("nan"), float("nan"))
    return Amount.around(float(row["value"].iloc[0]), float(row["ci"].iloc[0]))


def _below(run: RunResults, path: str) -> str:
    return f"{run.network}/{run.design}/{path}"
