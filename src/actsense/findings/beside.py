"""Findings of the studies beside the indices."""

__all__ = [
    "attack_findings",
    "concept_findings",
    "facet_findings",
    "invariance_findings",
    "pattern_findings",
    "picture_findings",
    "shuffle_findings",
]

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from actsense.findings.finding import Amount, Finding, direction, joined
from actsense.inspection.study_results import StudyResults

Row = Mapping[Any, Any]
REST = "residual"  # the part of a latent that is no concept


def shuffle_findings(study: StudyResults) -> Iterator[Finding]:
    """What shuffled patches cost every network."""
    if not study.has("shuffle_curves"):
        return
    table = study.table("shuffle_curves")
    mode = table["mode"].iloc[0]
    table = table[(table["mode"] == mode) & table["k"].notna()]  # squares
    cuts = sorted(int(k) for k in table["k"].unique() if k != 1)
    if not cuts:
        return
    texts = []
    for network, own in table.groupby("network", sort=False):
        rows = {row["k"]: row for row in own.to_dict("records")}
        if 1 in rows and cuts[0] in rows:
            whole, cut = (_between(rows[k], "top1") for k in (1, cuts[0]))
            if whole.above(cut):
                texts.append(f"{network} falls from {whole.percent} right to {cut.percent}")
    if texts:
        yield Finding(
            "How much do the networks depend on where things are?",
            f"With images cut into {cuts[0]} x {cuts[0]} patches that change places, "
            f"{joined(texts)}.",
            "spatial",
            ("spatial/tables/shuffle_curves.csv",),
            "spatial/figures/shuffle.png",
        )


def pattern_findings(study: StudyResults) -> Iterator[Finding]:
    """Where in the depth of a network patterns become clear."""
    if not study.has("knowledge_points"):
        return
    table = study.table("knowledge_points")
    table = table[table["configured"].astype(bool) & (table["state"] == "final")]
    texts = []
    for network, own in table.groupby("network", sort=False):
        rows = own.to_dict("records")
        first, last = rows[0], rows[-1]
        start, end = (_between(row, "ratio", "ratio_boot") for row in (first, last))
        if end.above(start) or start.above(end):
            texts.append(
                f"In {network}, {start.percent} of the knowledge points of {first['layer']} point "
                f"to the image's class, and {end.percent} of those of {last['layer']}."
            )
    if texts:
        yield Finding(
            "Where do visual patterns emerge?",
            " ".join(texts),
            "patterns",
            ("patterns/tables/knowledge_points.csv",),
            "patterns/figures/knowledge.png",
        )


def attack_findings(study: StudyResults) -> Iterator[Finding]:
    """What an attack leaves of the accuracy."""
    if not study.has("attacks"):
        return
    texts = []
    for row in study.table("attacks").to_dict("records"):
        clean, attacked = (_between(row, f"accuracy_{name}") for name in ("clean", "attacked"))
        if clean.above(attacked):
            texts.append(
                f"{row['network']} falls from {clean.percent} to {attacked.percent} right "
                f"({row['norm']}, {row['epsilon']:g})"
            )
    if texts:
        yield Finding(
            "What does an attack leave?",
            f"Under attack, {joined(texts)}.",
            "patterns",
            ("patterns/tables/attacks.csv",),
        )


def picture_findings(study: StudyResults) -> Iterator[Finding]:
    """Whether pictures of units lose their drive under the factor that the units feel."""
    if not study.has("picture_losses"):
        return
    for (network, factor), own in study.table("picture_losses").groupby(
        ["network", "factor"], sort=False
    ):
        rows = {row["role"]: _between(row, "lost") for row in own.to_dict("records")}
        if {"most", "least", "difference"} <= {*rows} and rows["difference"].differs_from_zero:
            yield Finding(
                f"Do units of {network} that feel {factor} lose their pictures to it?",
                f"Pictures made for the units that feel `{factor}` most lose "
                f"{rows['most'].percent} of their drive over its range, those of units that feel "
                f"it least {rows['least'].percent}.",
                "featvis",
                ("featvis/tables/picture_losses.csv",),
                f"{network}/featvis/figures/units.png",
            )


def facet_findings(study: StudyResults) -> Iterator[Finding]:
    """Whether pictures of facets show more than those that random weights make."""
    if not study.has("picture_summary"):
        return
    table = study.table("picture_summary")
    table = table[table["kind"] == "facets"]
    for (network, layer), own in table.groupby(["network", "layer"], sort=False):
        rows = {
            (row["weights"], row["measure"]): Amount(row["median"], row["low"], row["high"])
            for row in own.to_dict("records")
        }
        texts: list[str] = []
        for measure, said, digits in (
            ("cosine_centred", "answer as its images do (centred cosine {}, against {})", 2),
            ("transfer", "drive another network (to percentile {} of images, against {})", 0),
        ):
            pair = [rows.get((weights, measure)) for weights in ("trained", "random")]
            if pair[0] and pair[1] and pair[0].above(pair[1]):
                texts.append(said.format(*(amount.told(digits) for amount in pair if amount)))
        if texts:
            yield Finding(
                f"Do pictures of {network} show what its facets respond to?",
                f"Pictures made for the facets of {layer} do more than those that random weights "
                f"make: they {joined(texts)}.",
                "featvis",
                ("featvis/tables/picture_summary.csv",),
                f"{network}/featvis/figures/facets.png",
            )


def concept_findings(study: StudyResults) -> Iterator[Finding]:
    """Which concepts layers keep, over depth and over training."""
    if not study.has("factors_explained"):
        return
    table = study.table("factors_explained")
    table = table[table["factor"] != REST]
    for network, own in table.groupby("network", sort=False):
        last = own[own["state"] == "trained"]
        layers = list(dict.fromkeys(last["layer"]))
        if len(layers) > 1 and (
            text := _kept(*(last[last["layer"] == layers[k]] for k in (0, -1)))
        ):
            yield _concepts(network, f"From {layers[0]} to {layers[-1]}, {text}.", "layers")
        for layer, followed in own.groupby("layer", sort=False):
            by_epoch = followed.sort_values("epoch", kind="stable")
            epochs = [float(epoch) for epoch in dict.fromkeys(by_epoch["epoch"].dropna())]
            if len(epochs) < 2:
                continue
            ends = (by_epoch[by_epoch["epoch"] == epochs[k]] for k in (0, -1))
            if text := _kept(*ends):
                when = f"From epoch {epochs[0]:.0f} of training to epoch {epochs[-1]:.0f}"
                yield _concepts(network, f"{when}, in {layer}, {text}.", "training")


def _kept(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """Say which concepts are kept more or less, and where the autoencoder limits that."""
    first, last = (
        frame.drop_duplicates("factor").set_index("factor") for frame in (before, after)
    )
    texts: list[str] = []
    for name in first.index.intersection(last.index, sort=False):
        start, end = (
            Amount(*(float(frame.loc[name, part]) for part in ("value", "low", "high")))
            for frame in (first, last)
        )
        if word := direction(start, end):
            what = f"that of `{name}`" if texts else f"the share of `{name}` that is kept"
            texts.append(f"{what} {word} from {start} to {end}")
    limited = bool(first["limited"].any() or last["limited"].any())
    marked = ", as far as the autoencoder lets one tell" if texts and limited else ""
    return f"{joined(texts)}{marked}" if texts else ""


def _concepts(network: object, text: str, figure: str) -> Finding:
    asked = {
        "layers": "Which concepts do layers of {} keep?",
        "training": "Which concepts does {} learn to keep?",
    }
    return Finding(
        asked[figure].format(network),
        text,
        "invariance",
        ("invariance/tables/factors_explained.csv",),
        f"invariance/figures/factors_{figure}.png",
    )


def invariance_findings(study: StudyResults) -> Iterator[Finding]:
    """What a layer leaves free of an image."""
    if not study.has("invariance_kept"):
        return
    table = study.table("invariance_kept")
    shares = table[(table["measure"] == "explained_latent") & (table["state"] == "trained")]
    for network, own in shares.groupby("network", sort=False):
        rows = [row for row in own.to_dict("records") if " - " not in row["layer"]]
        if len(rows) < 2:
            continue
        first, last = rows[0], rows[-1]
        start, end = (Amount(row["value"], row["low"], row["high"]) for row in (first, last))
        if not (end.above(start) or start.above(end)):
            continue
        limited = [row["layer"] for row in (first, last) if bool(row["limited"])]
        marked = f" The autoencoder limits what is said of {joined(limited)}." if limited else ""
        yield Finding(
            f"What do layers of {network} not tell apart?",
            f"Of what images differ by, {first['layer']} leaves {start.percent} free and "
            f"{last['layer']} {end.percent}.{_faithful(table, network, last['layer'])}{marked}",
            "invariance",
            ("invariance/tables/invariance_kept.csv",),
            f"{network}/invariance/figures/samples.png",
        )


def _faithful(table: pd.DataFrame, network: object, layer: str) -> str:
    """Say whether samples of a layer keep the class of their image."""
    own = table[(table["network"] == network) & (table["layer"] == layer)]
    rows = {row["measure"]: row for row in own[own["state"] == "trained"].to_dict("records")}
    if not {"agreement", "agreement_floor"} <= {*rows}:
        return ""
    agreement, floor = (
        Amount(rows[name]["value"], rows[name]["low"], rows[name]["high"])
        for name in ("agreement", "agreement_floor")
    )
    if not agreement.above(floor) and floor.known:
        return ""
    return (
        f" Samples of {layer} get the class of their image in {agreement.percent} of cases, "
        f"those of other images in {100 * floor.value:.0f} %."
    )


def _between(row: Row, name: str, interval: str = "") -> Amount:
    """Read a number whose ends stand beside it, under its name or that of their interval."""
    interval = interval or name
    ends = (f"{interval}_low", f"{interval}_high")
    ends = ends if ends[0] in row else ("low", "high")
    return Amount(float(row[name]), float(row[ends[0]]), float(row[ends[1]]))
